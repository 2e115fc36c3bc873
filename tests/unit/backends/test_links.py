"""Links as the host makes and changes them, command by command, in simulated time."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from bleio.backends.hci import HciBackend
from bleio.backends.hci.controller.opcodes import Opcode
from bleio.backends.hci.links.link import HciLink
from bleio.core.address import DeviceAddress
from bleio.errors import ConnectTimeout, TransactionTimeout, public_error
from support.hci.engine import Engine, until
from support.hci.script import (
    PEER,
    ScriptedController,
    acl,
    connection_complete,
    disconnection,
    event,
    le_event,
)
from support.hci.simulated import simulated
from support.hci.world import VirtualWorld, connected_pair

# Scan interval and window 100 ms; connection interval 15 to 30 ms, of which some controllers take
# the most, latency 0, supervision time-out 4 s, no bounds for the events' length.
SCANNING = struct.pack("<HH", 160, 160)
TIMING = struct.pack("<HHHHHH", 12, 24, 0, 400, 0, 0)
TO_PEER = b"\x01" + PEER

CREATE_CONNECTION = {
    False: (Opcode.LE_CREATE_CONNECTION, SCANNING + b"\x00" + TO_PEER + b"\x01" + TIMING),
    True: (
        Opcode.LE_EXTENDED_CREATE_CONNECTION,
        b"\x00\x01" + TO_PEER + b"\x01" + SCANNING + TIMING,
    ),
}


@pytest.mark.parametrize("extended", CREATE_CONNECTION)
@simulated
async def test_the_parameters_of_connecting(extended: bool) -> None:
    opcode, parameters = CREATE_CONNECTION[extended]
    async with ScriptedController(extended) as controller:
        backend, engine = HciBackend(controller.transport), Engine()
        await backend.open(engine.server, "host", engine)
        connecting = asyncio.ensure_future(backend.connect(DeviceAddress(PEER, random=True), 0))
        await until(lambda: controller.sent(opcode))
        assert controller.sent(opcode) == [parameters]
        connecting.cancel()
        await asyncio.wait({connecting})
        await backend.close()


DATA_LENGTH_FEATURE, PHY_2M_FEATURE = 1 << 5, 1 << 8
LONG_PACKETS = (Opcode.LE_SET_DATA_LENGTH, struct.pack("<HHH", 0x40, 251, 2120))
PHY_2M = (Opcode.LE_SET_PHY, struct.pack("<HBBBH", 0x40, 0, 2, 2, 0))
TUNING_OPCODES = (Opcode.LE_SET_DATA_LENGTH, Opcode.LE_SET_PHY)

TUNING = {
    "nothing": (0, True, []),
    "long packets": (DATA_LENGTH_FEATURE, True, [LONG_PACKETS]),
    "2M PHY": (PHY_2M_FEATURE, True, [PHY_2M]),
    "both": (DATA_LENGTH_FEATURE | PHY_2M_FEATURE, True, [LONG_PACKETS, PHY_2M]),
    "both, as peripheral": (DATA_LENGTH_FEATURE | PHY_2M_FEATURE, False, [LONG_PACKETS]),
}


@pytest.mark.parametrize("can", TUNING)
@simulated
async def test_a_new_link_is_made_as_fast_as_the_controller_can(can: str) -> None:
    features, central, expected = TUNING[can]
    async with ScriptedController(unix=True) as controller:
        controller.answers[0x2003] = lambda _: b"\x00" + struct.pack("<Q", features)
        backend, engine = HciBackend(controller.transport), Engine()
        await backend.open(engine.server, "host", engine)
        connecting = asyncio.ensure_future(backend.connect(DeviceAddress(PEER, random=True), 0))
        await until(lambda: controller.sent(Opcode.LE_CREATE_CONNECTION))
        controller.send(connection_complete(central=central))
        await until(lambda: engine.links)
        for _ in range(3):  # whatever was to come has come before the last of these
            await backend._open.layer.request(Opcode.READ_BD_ADDR)  # type: ignore[union-attr]
        assert [each for each in controller.commands if each[0] in TUNING_OPCODES] == expected
        controller.send(disconnection())
        connecting.cancel()
        await asyncio.wait({connecting})
        await backend.close()


@simulated
async def test_links_that_are_never_established_are_tried_again() -> None:
    """Some controllers tell it by Connection Complete, others by the end of the link."""
    async with ScriptedController(unix=True) as controller:
        backend, engine = HciBackend(controller.transport), Engine()
        await backend.open(engine.server, "host", engine)
        connecting = asyncio.ensure_future(backend.connect(DeviceAddress(PEER, random=True), 0.5))
        await until(lambda: len(controller.sent(Opcode.LE_CREATE_CONNECTION)) == 1)
        controller.send(connection_complete(status=0x3E, central=True))
        await until(lambda: len(controller.sent(Opcode.LE_CREATE_CONNECTION)) == 2)
        controller.send(connection_complete(central=True), disconnection(reason=0x3E))
        await until(lambda: len(controller.sent(Opcode.LE_CREATE_CONNECTION)) == 3)
        with pytest.raises(ConnectTimeout):
            await connecting
        assert not any(link.connected for link in engine.links)
        await backend.close()


@simulated
async def test_discovery_gives_a_peer_20_seconds_for_a_step() -> None:
    async with VirtualWorld() as world:
        _, _, link, incoming = await connected_pair(world)
        incoming.bearer.received = lambda pdu: None  # type: ignore[attr-defined]
        loop = asyncio.get_running_loop()
        begin_s = loop.time()
        with pytest.raises(TransactionTimeout) as raised:
            await link.discover(None)
        assert loop.time() - begin_s == pytest.approx(20.0)
        assert isinstance(public_error(raised.value), TimeoutError)


@pytest.mark.parametrize("by_central", [True, False])
@simulated
async def test_intervals_that_are_set_at_once_have_their_turns(by_central: bool) -> None:
    async with VirtualWorld() as world:
        _, _, link, incoming = await connected_pair(world)
        setter = link if by_central else incoming
        loop = asyncio.get_running_loop()
        begin_s = loop.time()
        await asyncio.gather(*(setter.set_interval(us) for us in (30_000, 47_500, 60_000)))
        assert loop.time() - begin_s < 3.0  # none has waited for an answer that was another's
        await until(lambda: link.interval_us == incoming.interval_us == 60_000)


def _updated(interval: int, status: int = 0) -> bytes:
    return le_event(0x03, struct.pack("<BHHHH", status, 0x40, interval, 0, 400))


def _asks_for(identifier: int, interval: int) -> bytes:
    return acl(0x40, 5, struct.pack("<BBHHHHH", 0x12, identifier, 8, interval, interval, 0, 400))


class ParameterCentral:
    """A central's controller that is at one change at a time, and ends it when it is told to."""

    def __init__(self, controller: ScriptedController) -> None:
        self.busy = False
        self.wanted: list[int] = []
        self._controller = controller
        controller.answers[Opcode.LE_CONNECTION_UPDATE] = self._asked

    def _asked(self, parameters: bytes) -> bytes:
        if self.busy:
            return b"\x0c"
        self.busy = True
        self.wanted.append(struct.unpack_from("<H", parameters, 2)[0])
        return b"\x00"

    def end(self, interval: int) -> None:
        self.busy = False
        self._controller.send(_updated(interval))


@asynccontextmanager
async def _as_central() -> AsyncIterator[tuple[ScriptedController, ParameterCentral, HciLink]]:
    async with ScriptedController(unix=True) as controller:
        central = ParameterCentral(controller)
        backend, engine = HciBackend(controller.transport), Engine()
        await backend.open(engine.server, "host", engine)
        connecting = asyncio.ensure_future(backend.connect(DeviceAddress(PEER, random=True), 0))
        await until(lambda: controller.sent(Opcode.LE_CREATE_CONNECTION))
        controller.send(connection_complete(central=True))
        await until(lambda: controller.data)
        controller.send(acl(0x40, 4, b"\x01\x02\x00\x00\x06"))  # no larger MTU
        yield controller, central, await connecting
        controller.send(disconnection())
        await until(lambda: not engine.links)
        await backend.close()


def _answers(controller: ScriptedController) -> list[int]:
    """The results of the Connection Parameter Update Responses; 0 is accepted."""
    payloads = [packet[8:] for packet in controller.data if packet[6:8] == b"\x05\x00"]
    return [payload[4] for payload in payloads if payload[0] == 0x13]


@simulated
async def test_of_a_peers_wishes_during_a_change_one_is_followed() -> None:
    async with _as_central() as (controller, central, link):
        setting = asyncio.ensure_future(link.set_interval(30_000))
        await until(lambda: central.wanted == [24])
        controller.send(*(_asks_for(number, 40 + number) for number in range(1, 101)))
        while len(_answers(controller)) < 100:
            seen = len(controller.data)
            controller.send(event(0x13, struct.pack("<BHH", 1, 0x40, 1)))
            await until(lambda seen=seen: len(controller.data) > seen)
        assert _answers(controller) == [0] + [1] * 99
        assert central.wanted == [24] and not setting.done()
        central.end(24)
        await setting
        await until(lambda: central.wanted == [24, 41])
        central.end(41)
        await until(lambda: link.interval_us == 41 * 1250)
        assert len(central.wanted) == 2


QUESTIONS = {
    "parameters": le_event(0x06, struct.pack("<HHHHH", 0x40, 40, 40, 0, 400)),
    "key": le_event(0x05, struct.pack("<H8sH", 0x40, bytes(8), 0)),
}


@pytest.mark.parametrize("question", QUESTIONS)
@simulated
async def test_questions_of_a_peer_do_not_pile_up(question: str) -> None:
    """A controller that is slow, and asks again and again in the name of a link's peer."""
    async with _as_central() as (controller, _, link):
        controller.answers[Opcode.READ_BD_ADDR] = lambda _: None
        layer = link._table.layer
        waiting = asyncio.ensure_future(layer.request(Opcode.READ_BD_ADDR))
        await until(lambda: len(controller.sent(Opcode.READ_BD_ADDR)) == 2)
        tasks = len(asyncio.all_tasks())
        controller.send(*[QUESTIONS[question]] * 1000, le_event(0x77, b""))
        await until(lambda: layer.counters.ignored)
        assert len(layer.commands._waiting) == 1
        assert len(asyncio.all_tasks()) == tasks
        before = len(controller.commands)
        controller.answers[Opcode.READ_BD_ADDR] = lambda _: b"\x00" + bytes(6)
        controller.send(event(0x0E, struct.pack("<BHB6s", 1, Opcode.READ_BD_ADDR, 0, bytes(6))))
        await waiting
        await layer.request(Opcode.READ_BD_ADDR)
        assert len(controller.commands) == before + 2  # the latest question's answer, and ours


@simulated
async def test_a_change_of_the_controllers_own_is_waited_for() -> None:
    async with _as_central() as (controller, central, link):
        central.busy = True  # the peer has asked for it by the link layer's procedure
        setting = asyncio.ensure_future(link.set_interval(30_000))
        await until(lambda: controller.sent(Opcode.LE_CONNECTION_UPDATE))
        central.end(60)
        await until(lambda: central.wanted == [24])
        assert not setting.done()
        central.end(24)
        await setting
        assert link.interval_us == 30_000


@simulated
async def test_an_interval_that_is_refused_leaves_the_old_one() -> None:
    async with _as_central() as (controller, _, link):
        controller.answers[Opcode.LE_CONNECTION_UPDATE] = lambda _: b"\x12"
        await link.set_interval(60_000)
        assert link.interval_us == 30_000
