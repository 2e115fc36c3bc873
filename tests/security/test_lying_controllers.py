"""Controllers that lie about what they did. See docs/security.md."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random

import pytest

from bleio.backends.base import ScanParameters
from bleio.backends.hci import HciBackend
from bleio.backends.hci.bonds.store import Bond, MemoryBondStore
from bleio.backends.hci.controller.layer import HciLayer
from bleio.backends.hci.controller.opcodes import Opcode
from bleio.backends.hci.counters import HciCounters
from bleio.core.address import DeviceAddress
from bleio.core.codes import AttErrorCode, SecurityMode
from bleio.errors import ControllerLost
from support.hci.engine import Engine, add_echo, asynchronous, until
from support.hci.script import (
    PEER,
    ScriptedController,
    acl,
    connection_complete,
    event,
    le_event,
)
from support.hci.simulated import simulated

HANDLE, BUFFERS, ATT = 0x40, 4, 4
READ_NAME = b"\x0a\x03\x00"


class Host:
    """Our host on a controller with a link."""

    def __init__(self, controller: ScriptedController) -> None:
        self.controller = controller
        self.engine = Engine()
        self.store = MemoryBondStore()
        self.backend = HciBackend(controller.transport, bonds=lambda identity: self.store)

    async def answered(self, request: bytes = READ_NAME) -> None:
        """Ask it something; to be answered it needs a free buffer."""
        before = len(self.controller.data)
        self.controller.send(acl(HANDLE, ATT, request))
        await until(lambda: len(self.controller.data) > before)

    @property
    def counters(self) -> HciCounters:
        assert self.backend._open is not None
        return self.backend._open.layer.counters


@asynccontextmanager
async def linked(bond: Bond | None = None) -> AsyncIterator[Host]:
    """Give a host with a link; `bond`: with its central."""
    async with ScriptedController(extended=True, unix=True) as controller:
        host = Host(controller)
        if bond is not None:
            host.store.save(bond, central=False)
        await host.backend.open(host.engine.server, "host", host.engine)
        try:
            controller.send(connection_complete())
            await until(lambda: host.engine.links)
            yield host
        finally:
            await host.backend.close()


def completed(handle: int, count: int) -> bytes:
    return event(0x13, struct.pack("<BHH", 1, handle, count))


@simulated
async def test_completed_packets_that_were_never_sent() -> None:
    """They free no buffer that does not exist."""
    async with linked() as host:
        controller = host.controller
        for handle in (HANDLE, 0x41, 0xFFFF):
            controller.send(completed(handle, 0xFFFF))
        controller.send(event(0x13, b"\xff" + bytes(3)))  # 255 entries, none there
        for _ in range(BUFFERS):
            await host.answered()
        for _ in range(20):
            controller.send(acl(HANDLE, ATT, READ_NAME))
        controller.send(completed(0x99, 20))
        await host.backend.start_scan(ScanParameters())  # the controller is through with it all
        assert len(controller.data) == BUFFERS
        controller.send(completed(HANDLE, 0xFFFF))
        await until(lambda: len(controller.data) == 2 * BUFFERS)
        assert host.counters.faults == 0
        assert host.engine.links[0].connected


@simulated
async def test_events_with_impossible_handles_and_lengths() -> None:
    """Encryption of links that are not there, keys asked for nobody, parts that lie."""
    random = Random(3)
    async with linked() as host:
        controller = host.controller
        for handle in (0, 0x41, 0x0FFF, 0xFFFF):
            controller.send(
                event(0x08, struct.pack("<BHB", 0, handle, 1)),
                event(0x30, struct.pack("<BH", 0, handle)),
                le_event(0x05, struct.pack("<H8sH", handle, bytes(8), 0)),
                le_event(0x03, struct.pack("<BHHHH", 0, handle, 6, 0, 10)),
                event(0x05, struct.pack("<BHB", 0, handle, 0x13)),
            )
        for code in (0x05, 0x08, 0x0E, 0x0F, 0x13, 0x30, 0x3E, 0x57):
            for count in range(12):
                controller.send(event(code, random.randbytes(1 + count)[:count]))
        for _ in range(300):
            subevent = random.choice((0x02, 0x03, 0x04, 0x06, 0x07, 0x0D, 0x12, 0x14, 0x40))
            controller.send(le_event(subevent, random.randbytes(random.randrange(40))))
        await host.answered()
        assert host.counters.faults == 0
        assert host.counters.unknown_handles >= 4 * 4  # a key asked for nobody is refused
        assert host.counters.malformed > 0
        # Commands go out one by one, each after the answer to the one before it.
        refusal = Opcode.LE_LONG_TERM_KEY_REQUEST_NEGATIVE_REPLY
        await until(lambda: len(controller.sent(refusal)) >= 4)


@simulated
async def test_encryption_that_nobody_started() -> None:
    """An Encryption Change out of nowhere makes no link secure."""
    async with linked() as host:
        host.controller.send(event(0x08, struct.pack("<BHB", 0, HANDLE, 1)))
        host.controller.send(event(0x59, struct.pack("<BHBB", 0, HANDLE, 1, 16)))
        host.controller.send(event(0x30, struct.pack("<BH", 0, HANDLE)))
        await host.answered()
        assert not host.engine.links[0].security.encrypted
        assert host.counters.faults == 0


BOND = Bond(DeviceAddress(PEER, random=True), b"the bond's key 1")
SECRET = b"secret"


@asynccontextmanager
async def linked_to_bonded() -> AsyncIterator[tuple[Host, bytes]]:
    """Give a host that has just given its controller a bond's key, and a request for a secret."""
    async with linked(BOND) as host:
        secret = add_echo(host.engine.server, read_perm=SecurityMode.ENCRYPT_NO_MITM, value=SECRET)
        host.controller.send(le_event(0x05, struct.pack("<H8sH", HANDLE, BOND.rand, BOND.ediv)))
        await until(lambda: host.controller.sent(Opcode.LE_LONG_TERM_KEY_REQUEST_REPLY))
        yield host, struct.pack("<BH", 0x0A, secret.handle)


def answer_of(host: Host) -> bytes:
    """The ATT PDU in the newest packet of the host's."""
    return host.controller.data[-1][8:]


@simulated
async def test_encryption_that_ends() -> None:
    """The link counts as plain from then on."""
    async with linked_to_bonded() as (host, request):
        host.controller.send(event(0x08, struct.pack("<BHB", 0, HANDLE, 1)))
        await host.answered(request)
        assert answer_of(host) == b"\x0b" + SECRET
        host.controller.send(event(0x08, struct.pack("<BHB", 0, HANDLE, 0)))
        await host.answered(request)
        refusal = struct.pack(
            "<BB2sB", 0x01, 0x0A, request[1:], AttErrorCode.INSUFFICIENT_ENCRYPTION
        )
        assert answer_of(host) == refusal
        security = host.engine.links[0].security
        assert not (security.encrypted or security.authenticated or security.secure_connections)


@simulated
async def test_encryption_with_a_shorter_key_than_the_host_gave() -> None:
    """The controller's word counts where it is the lesser one."""
    for octets, size in ((7, 7), (16, 16), (255, 16)):
        async with linked_to_bonded() as (host, request):
            host.controller.send(event(0x59, struct.pack("<BHBB", 0, HANDLE, 1, octets)))
            await host.answered(request)
            assert host.engine.links[0].security.key_size == size
            if size == 16:
                assert answer_of(host) == b"\x0b" + SECRET
            else:
                assert answer_of(host)[4] == AttErrorCode.ENCRYPTION_KEY_SIZE_TOO_SHORT


@pytest.mark.parametrize(
    "packet",
    [event(0x0F, b"\x00\x00\x00\x00"), event(0x0E, b"\x01\x0c\x20\x00")],
    ids=["no leave to send", "an answer of another command"],
)
@simulated
async def test_a_controller_that_says_other_things_in_place_of_its_answer(packet: bytes) -> None:
    engine = Engine()
    layer = HciLayer(engine, "test")
    asking = asyncio.ensure_future(layer.request(Opcode.RESET))
    for _ in range(600):
        await asyncio.sleep(0.1)
        layer.received(packet)
        if asking.done():
            break
    with pytest.raises(ControllerLost, match="did not answer a command within 5 seconds"):
        await asking
    assert asyncio.get_running_loop().time() < 5.2
    assert engine.log == ["lost"]


class Uart:
    """A serial object whose driver ends what calls it."""

    def __init__(self, raised: BaseException) -> None:
        self._raised = raised

    @property
    def in_waiting(self) -> int:
        raise self._raised

    def read(self, nbytes: int) -> bytes:
        return b""

    def write(self, data: bytes) -> int:
        return len(data)


@pytest.mark.parametrize("raised", [SystemExit("bye"), KeyboardInterrupt("bye")])
@asynchronous  # its thread knows no simulated time
async def test_a_serial_object_that_ends_its_thread(raised: BaseException) -> None:
    backend = HciBackend(Uart(raised), command_timeout_s=60.0)
    engine = Engine()
    words = rf"is lost: it raised {type(raised).__name__} \(bye\); check the serial port"
    with pytest.raises(ControllerLost, match=words):
        await asyncio.wait_for(backend.open(engine.server, "host", engine), 10.0)


class EndlessUart:
    """A serial object that always has more to read, as fast as memory is."""

    in_waiting = 4096

    def read(self, nbytes: int) -> bytes:
        return event(0x0F, bytes(4)) * (nbytes // 7)

    def write(self, data: bytes) -> int:
        return len(data)


@asynchronous
async def test_a_serial_object_that_floods_the_engine() -> None:
    backend = HciBackend(EndlessUart(), command_timeout_s=0.2)
    engine = Engine()
    with pytest.raises(ControllerLost, match="did not answer a command"):
        await asyncio.wait_for(backend.open(engine.server, "host", engine), 20.0)
