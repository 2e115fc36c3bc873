"""ACL data after the event that its link has ended, as from USB controllers."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from bleio.backends.base import AdvertisingParameters, Link
from bleio.backends.hci import HciBackend
from bleio.backends.hci.counters import HciCounters
from bleio.backends.hci.links.closing import MAX_CLOSING, ClosingLinks
from bleio.backends.hci.links.early import HELD_S
from bleio.backends.hci.security import link_pairing
from bleio.backends.hci.security.link_states import Silent
from bleio.backends.hci.security.smp import pdu
from bleio.core.address import DeviceAddress
from bleio.core.codes import SecurityMode
from bleio.errors import LinkLost
from support.hci.engine import ECHO_SERVICE, Engine, Heard, add_echo, asynchronous, until
from support.hci.lines import TwoPipesWorld, delay
from support.hci.script import ScriptedController, acl, connection_complete, disconnection
from support.hci.simulated import simulated
from support.hci.world import connected_pair

HANDLE = 0x40
ATT = 0x0004
LATE_S = (0.005, 0.02, 0.05)
WRITE_REQ, WRITE_CMD, READ_REQ, NOTIFICATION = 0x12, 0x52, 0x0A, 0x1B


@asynccontextmanager
async def scripted(
    write_perm: SecurityMode = SecurityMode.OPEN,
) -> AsyncIterator[tuple[ScriptedController, Engine, HciBackend, Any]]:
    """A link of a scripted controller to our server. Yields: the last is our characteristic."""
    async with ScriptedController() as controller:
        backend, engine = HciBackend(controller.transport), Engine()
        await backend.open(engine.server, "host", engine)
        echo = add_echo(engine.server, value=b"first", write_perm=write_perm)
        controller.send(connection_complete(HANDLE))
        await until(lambda: engine.links)
        yield controller, engine, backend, echo
        await backend.close()


def write(echo: Any, value: bytes, opcode: int = WRITE_CMD) -> bytes:
    return acl(HANDLE, ATT, struct.pack("<BH", opcode, echo.handle) + value)


def counted(backend: HciBackend) -> tuple[int, int]:
    counters = backend.counters()
    return counters["hci.late_data"], counters["hci.unknown_handles"]


@pytest.mark.parametrize("opcode", [WRITE_REQ, WRITE_CMD])
@asynchronous
async def test_the_last_value_that_was_written_arrives(opcode: int) -> None:
    async with scripted() as (controller, engine, backend, echo):
        (link,) = engine.links
        controller.send(disconnection(HANDLE))
        await until(lambda: not engine.links)  # at once, whatever is late
        assert not link.connected
        controller.send(write(echo, b"last", opcode))
        await until(lambda: echo.value == b"last")
        assert not controller.data  # nobody is there to be answered
        assert counted(backend) == (1, 0)


@asynchronous
async def test_what_is_asked_for_is_not_answered() -> None:
    async with scripted() as (controller, _, backend, echo):
        controller.send(disconnection(HANDLE), write(echo, b"", READ_REQ))
        await until(lambda: counted(backend) == (0, 1))
        assert not controller.data


@asynchronous
async def test_fragments_on_both_sides_of_the_event_are_one_value() -> None:
    async with scripted() as (controller, _, _, echo):
        sdu = write(echo, b"whole")[5:]
        controller.send(
            struct.pack("<BHH", 0x02, HANDLE | 0x2000, 5) + sdu[:5],
            disconnection(HANDLE),
            struct.pack("<BHH", 0x02, HANDLE | 0x1000, len(sdu) - 5) + sdu[5:],
        )
        await until(lambda: echo.value == b"whole")


@asynchronous
async def test_a_new_link_of_the_handle_ends_it() -> None:
    """Data is the new link's from its event on, and before that it is the old one's."""
    async with scripted() as (controller, engine, _, echo):
        (old,) = engine.links
        written: list[tuple[Link, bytes]] = []
        echo.listeners.append(Writes(written))
        controller.send(
            disconnection(HANDLE),
            write(echo, b"old"),
            connection_complete(HANDLE),
            write(echo, b"new"),
        )
        await until(lambda: len(written) == 2)
        (new,) = engine.links
        assert written == [(old, b"old"), (new, b"new")]


class Writes:
    def __init__(self, written: list[tuple[Link, bytes]]) -> None:
        self._written = written

    def written(self, link: Any, value: bytes) -> None:
        self._written.append((link, value))

    def subscribed(self, link: Any, notify: bool, indicate: bool) -> None:
        raise AssertionError("nobody subscribes")

    def link_closed(self, link: Any) -> None:
        """Told in any case."""


@simulated
async def test_it_takes_no_longer_than_it_may() -> None:
    class Remains:
        ended = False

        def received(self, continues: bool, fragment: bytes) -> bool:
            assert not self.ended
            return True

        def finished(self) -> None:
            self.ended = True

    counters = HciCounters()
    closing = ClosingLinks(counters)
    remains: list[Any] = [Remains() for _ in range(MAX_CLOSING + 1)]
    for handle, each in enumerate(remains):
        closing.add(handle, each)
    assert [each.ended for each in remains] == [True] + [False] * MAX_CLOSING
    assert not closing.received(0, False, b"")
    await asyncio.sleep(HELD_S * 0.9)
    assert closing.received(1, False, b"")
    await asyncio.sleep(HELD_S * 0.2)
    assert not closing.received(1, False, b"")
    assert all(each.ended for each in remains)
    closing.add(1, None)  # one that nobody waited for
    assert closing.received(1, False, b"")
    assert (counters.late_data, counters.unknown_handles) == (1, 1)
    closing.close()


@pytest.mark.parametrize("late_s", [0.0, *LATE_S])
@pytest.mark.parametrize("by_central", [True, False])
@simulated
async def test_a_pairing_followed_by_a_disconnection_at_once(
    by_central: bool, late_s: float
) -> None:
    """The central's keys come last; the peripheral gets them after the end of the link."""
    async with TwoPipesWorld() as world:
        central, peripheral, link, incoming = await connected_pair(world)
        delay(peripheral, 0.0, late_s)
        waiting = None if by_central else asyncio.ensure_future(incoming.pair())
        await link.pair()
        await link.disconnect()
        await until(lambda: not peripheral.engine.links)
        if waiting is not None:
            await waiting
        await until(lambda: incoming.security.has_keys)
        assert not incoming.connected
        delay(peripheral, 0.0, 0.0)
        await peripheral.advertise()
        link, incoming = await central.connect(peripheral)
        await until(lambda: link.security.encrypted and incoming.security.encrypted)


@simulated
async def test_a_pairing_whose_keys_never_come() -> None:
    """Those that wait are told within the time that data may be late."""
    async with TwoPipesWorld() as world:
        central, peripheral, link, incoming = await connected_pair(world)
        delay(peripheral, 0.0, 10.0)
        delay(central, 0.0, 0.0)
        waiting: Any = None

        def keys_are_late() -> bool:
            return incoming._security.state.outlives_link  # type: ignore[attr-defined,no-any-return]

        peripheral.backend.data_s = 0.0
        waiting = asyncio.ensure_future(incoming.pair())
        await until(keys_are_late)
        peripheral.backend.data_s = 10.0
        await link.disconnect()
        with pytest.raises(LinkLost):
            await asyncio.wait_for(waiting, 1.0)
        assert not incoming.security.has_keys and not incoming.security.encrypted


@pytest.mark.parametrize("late_s", LATE_S)
@simulated
async def test_the_last_words_of_a_bonded_peer_are_as_good_as_its_link_was(late_s: float) -> None:
    """What it wrote, and what it told, passed encrypted."""
    async with TwoPipesWorld() as world:
        central, peripheral, link, incoming = await connected_pair(world)
        mode = SecurityMode.ENCRYPT_NO_MITM
        echo = add_echo(peripheral.engine.server, read_perm=mode, write_perm=mode, value=b"first")
        await link.pair()
        await until(lambda: incoming.security.has_keys)
        (found,) = await link.discover([ECHO_SERVICE])
        remote = found.characteristics[0]
        await link.subscribe(remote, True, False)
        heard = Heard()
        link.listen(remote, heard)
        for device in (central, peripheral):
            delay(device, 0.0, late_s)
        await link.write_command(remote, b"last")
        await link.disconnect()
        await until(lambda: echo.value == b"last")
        assert not incoming.connected
        delay(central, 0.0, 0.0)
        await peripheral.advertise()
        link, incoming = await central.connect(peripheral)
        await until(lambda: link.security.encrypted and incoming.security.encrypted)
        link.listen(remote, heard)
        delay(central, 0.0, late_s)
        await incoming.notify(echo, b"told")
        await incoming.disconnect()
        await until(lambda: heard.values)
        assert heard.values == [b"told"] and not link.connected


@pytest.mark.parametrize("late_s", LATE_S)
@simulated
async def test_what_a_client_had_subscribed_is_kept_with_a_bond_that_is_late(
    late_s: float,
) -> None:
    async with TwoPipesWorld() as world:
        central, peripheral, link, incoming = await connected_pair(world)
        echo = add_echo(peripheral.engine.server)
        (found,) = await link.discover([ECHO_SERVICE])
        await link.subscribe(found.characteristics[0], True, False)
        delay(peripheral, 0.0, late_s)
        await link.pair()
        await link.disconnect()
        await until(lambda: incoming.security.has_keys)
        await peripheral.advertise()
        link, incoming = await central.connect(peripheral)
        await until(lambda: incoming.subscription(echo) == (True, False))


def authenticate(link: Any) -> None:
    """Have the link count as encrypted and authenticated."""
    security = link.security
    security.encrypted = security.authenticated = security.secure_connections = True
    security.key_size = 16


async def let_links_come(backend: HciBackend, how: str) -> None:
    """Return when the controller has been asked to."""
    if how == "advertising":
        await backend.start_advertising(AdvertisingParameters(b""))
    elif how == "connecting":
        peer = DeviceAddress(b"\x09\x02\x03\x04\x05\xc6", random=True)
        connecting = asyncio.ensure_future(backend.connect(peer, 5.0))
        connecting.add_done_callback(lambda task: task.cancelled() or task.exception())
        await until(lambda: backend._open.initiator.on_air)  # type: ignore[union-attr]
    else:
        await backend.start_advertising(AdvertisingParameters(b"", connectable=False))


@pytest.mark.parametrize("how", ["advertising", "connecting"])
@pytest.mark.parametrize("before", [True, False])
@asynchronous
async def test_a_stranger_on_the_handle_of_an_authenticated_link(how: str, before: bool) -> None:
    """Its first data is here before its event; its link may come of what began before the end."""
    async with scripted(SecurityMode.ENCRYPT_WITH_MITM) as (controller, engine, backend, echo):
        (link,) = engine.links
        authenticate(link)
        controller.send(write(echo, b"owner"))
        await until(lambda: echo.value == b"owner")
        if before:
            await let_links_come(backend, how)
        controller.send(disconnection(HANDLE))
        await until(lambda: not engine.links)
        if not before:
            await let_links_come(backend, how)
        controller.send(write(echo, b"stranger"))
        await until(lambda: counted(backend) == (0, 1))
        controller.send(connection_complete(HANDLE))
        await until(lambda: engine.links)
        assert echo.value == b"owner"
        assert not engine.links[0].security.encrypted


@pytest.mark.parametrize("how", ["advertising", "connecting"])
@asynchronous
async def test_values_that_need_no_security_are_taken_from_plain_links_as_before(how: str) -> None:
    async with scripted() as (controller, engine, backend, echo):
        controller.send(disconnection(HANDLE))
        await until(lambda: not engine.links)
        await let_links_come(backend, how)
        controller.send(write(echo, b"last"))
        await until(lambda: echo.value == b"last")


@pytest.mark.parametrize("ended", ["stopped", "by a link", "by the controller", "not connectable"])
@asynchronous
async def test_the_last_value_arrives_where_no_new_link_can_come(ended: str) -> None:
    async with scripted(SecurityMode.ENCRYPT_WITH_MITM) as (controller, engine, backend, echo):
        (link,) = engine.links
        authenticate(link)
        await let_links_come(backend, "none" if ended == "not connectable" else "advertising")
        if ended == "stopped":
            await backend.stop_advertising()
        elif ended == "by a link":
            controller.send(connection_complete(HANDLE + 1))
            await until(lambda: len(engine.links) == 2)
        elif ended == "by the controller":  # of high duty cycle
            controller.send(connection_complete(0, status=0x3C))
            await until(lambda: "advertising ended" in engine.log)
        controller.send(disconnection(HANDLE))
        await until(lambda: link not in engine.links)
        controller.send(write(echo, b"last"))
        await until(lambda: echo.value == b"last")


@pytest.mark.parametrize("before", [True, False])
@simulated
async def test_a_stranger_on_the_handle_of_a_link_that_was_pairing(before: bool) -> None:
    """Its keys in the clear are not those that the pairing lacks."""
    async with TwoPipesWorld() as world:
        _, peripheral, link, incoming = await connected_pair(world)
        ours, theirs = link._security, incoming._security  # type: ignore[attr-defined]
        send = ours.send
        ours.send = lambda octets: None if octets[0] in pdu.KEYS else send(octets)
        pairing = asyncio.ensure_future(link.pair())
        await until(lambda: theirs.state.outlives_link)
        opened = peripheral.backend._open
        if before:
            await peripheral.advertise()
        opened.links.close_link(incoming, 0x08)
        if not before:
            await peripheral.advertise()
        address = pdu.IDENTITY_ADDRESS.pack(True, b"\x01\x02\x03\x04\x05\xc6")
        for octets in (
            bytes((pdu.IDENTITY_INFORMATION,)) + b"I" * 16,
            bytes((pdu.IDENTITY_ADDRESS_INFORMATION,)) + address,
            bytes((pdu.SIGNING_INFORMATION,)) + b"S" * 16,
        ):
            opened.layer.received(acl(incoming.conn_handle, 0x0006, octets))  # type: ignore[attr-defined]
        await asyncio.sleep(HELD_S)
        assert not peripheral.backend._own.bonds.all()
        pairing.cancel()


@simulated
async def test_advertising_waits_for_keys_that_are_late() -> None:
    """A program that advertises at once, as most do, has the bond all the same."""
    async with TwoPipesWorld() as world:
        central, peripheral, link, incoming = await connected_pair(world)
        delay(peripheral, 0.0, 0.05)
        await link.pair()
        await link.disconnect()
        await until(lambda: not peripheral.engine.links)
        assert not incoming.security.has_keys
        await peripheral.advertise()
        assert incoming.security.has_keys
        delay(peripheral, 0.0, 0.0)
        link, incoming = await central.connect(peripheral)
        await until(lambda: link.security.encrypted and incoming.security.encrypted)


@pytest.mark.parametrize("bonded", [False, True])
@simulated
async def test_a_central_whose_own_keys_were_never_sent_has_no_new_bond(bonded: bool) -> None:
    """Its peer has none either, and a good bond that both have stays."""
    async with TwoPipesWorld() as world:
        central, _, link, incoming = await connected_pair(world)
        ours, theirs = link._security, incoming._security  # type: ignore[attr-defined]
        if bonded:
            await link.pair()
            await until(lambda: incoming.security.has_keys)
            await asyncio.sleep(1)
        before = ours.peer.bond
        ours.start_pairing()
        await until(lambda: ours.state.pairing_key is not None)
        delay(central, 0.0, 0.09)
        await until(lambda: theirs.state.outlives_link)
        await incoming.disconnect()
        await asyncio.sleep(1)
        assert ours.peer.bond == before
        assert (theirs.peer.bond is not None) == bonded


@simulated
async def test_bonds_that_are_erased_do_not_come_back_with_late_keys() -> None:
    async with TwoPipesWorld() as world:
        _, peripheral, link, incoming = await connected_pair(world)
        delay(peripheral, 0.0, 0.05)
        waiting = asyncio.ensure_future(incoming.pair())
        await link.pair()
        await link.disconnect()
        await until(lambda: not peripheral.engine.links)
        assert incoming._security.state.outlives_link  # type: ignore[attr-defined]
        await peripheral.backend.erase_bonds()
        with pytest.raises(LinkLost):
            await waiting
        await asyncio.sleep(HELD_S)
        assert not peripheral.backend._own.bonds.all()


async def _slowly(bonds: Any) -> None:
    await asyncio.sleep(1.0)


@simulated
async def test_those_that_wait_are_told_when_the_adapter_closes_before_a_bond_is_stored(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The link is gone and its pairing has succeeded: nothing else would wake them."""
    monkeypatch.setattr(link_pairing, "stored", _slowly)
    async with TwoPipesWorld() as world:
        _, peripheral, link, incoming = await connected_pair(world)
        delay(peripheral, 0.0, 0.05)
        waiting = asyncio.ensure_future(incoming.pair())
        security = incoming._security  # type: ignore[attr-defined]
        await until(lambda: security.state.outlives_link)
        await until(lambda: link._security.paired)  # type: ignore[attr-defined]
        await link._security.drained()  # type: ignore[attr-defined]
        leaving = asyncio.ensure_future(link.disconnect())
        await until(lambda: not incoming.connected)
        await until(lambda: isinstance(security.state, link_pairing.Settling))
        await peripheral.backend.close()
        await asyncio.wait_for(waiting, 0.01)
        await leaving


@simulated
async def test_a_pairing_that_follows_at_once_keeps_its_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The former one's keys have been stored by then, which ends nothing of this one."""
    monkeypatch.setattr(link_pairing, "stored", _slowly)
    async with TwoPipesWorld() as world:
        _, _, link, incoming = await connected_pair(world)
        security = incoming._security  # type: ignore[attr-defined]
        first = asyncio.ensure_future(link.pair())
        await until(lambda: isinstance(security.state, link_pairing.Settling))
        world.silence(link)
        security.start_pairing(bytes.fromhex("03000d100101"))
        pairing = security.state
        await asyncio.sleep(2.0)
        assert security.state is pairing
        await asyncio.sleep(30.0)
        assert isinstance(security.state, Silent)
        await first
