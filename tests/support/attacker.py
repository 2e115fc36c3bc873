"""A malicious peer on the simulated radio: a controller, and a host that keeps no rules.

It sends any L2CAP, SMP or ATT PDU at any time. For attacks that begin with a correct pairing it has
a pairing session whose features it chooses and whose PDUs it may change, drop or multiply.
"""

from __future__ import annotations

import asyncio
import struct
from collections import deque
from collections.abc import Callable
from typing import Any

from bleio.backends.hci.bonds.store import Bond
from bleio.backends.hci.security.smp.basis import Ends, OwnOob, Steps
from bleio.backends.hci.security.smp.pairing import Pairing
from bleio.backends.hci.security.smp.pdu import ALL_KEYS, PAIRING_FAILED, AuthReq, Features
from bleio.backends.hci.security.smp.session import PairingSession
from bleio.core.address import DeviceAddress, parse_address
from bleio.core.pairing import IoCapability, SecuritySettings
from bleio.radio.sharing import local
from support.patience import PATIENCE_S

ATT, SIGNALING, SMP = 0x0004, 0x0005, 0x0006
ADDRESS = "C1:0B:AD:0B:AD:01"
ALL_EVENTS = b"\xff" * 8
MIC_FAILURE = 0x3D
ANYTHING = SecuritySettings(min_key_octets=7, debug_keys=True)
JUST_WORKS = Features(
    IoCapability.NO_INPUT_NO_OUTPUT,
    0,
    AuthReq.BONDING | AuthReq.SECURE_CONNECTIONS,
    16,
    ALL_KEYS,
    ALL_KEYS,
)
LEGACY = JUST_WORKS._replace(auth_req=AuthReq.BONDING)

Change = Callable[[bytes], list[bytes]]


def unchanged(pdu: bytes) -> list[bytes]:
    return [pdu]


class AnyPairing(Pairing):
    """A pairing that offers what it is told to, even what the specification forbids."""

    features = JUST_WORKS

    def _offer(self, peer: IoCapability | None = None) -> Features:
        return self.features

    def _agree(self, central: Features, peripheral: Features) -> Steps:
        if not self.ends.is_central:  # it may also keep keys to itself
            peripheral = self._own = peripheral._replace(
                central_keys=peripheral.central_keys & self.features.central_keys,
                peripheral_keys=peripheral.peripheral_keys & self.features.peripheral_keys,
            )
        yield from super()._agree(central, peripheral)

    def _check_settings(self) -> None:
        """Whatever comes of it is welcome."""


class Attacker:
    """One malicious device with one link. Its SMP and ATT PDUs wait in `smp` and `att`."""

    def __init__(self, address: str = ADDRESS) -> None:
        self.address = DeviceAddress(parse_address(address), random=True)
        self.peer = self.address
        self.is_central = False
        self.handle = 0
        self.smp: asyncio.Queue[bytes] = asyncio.Queue()
        self.att: asyncio.Queue[bytes] = asyncio.Queue()
        self.encrypted: asyncio.Queue[int] = asyncio.Queue()  # statuses of Encryption Change
        self.connected = asyncio.Event()
        self.gone = asyncio.Event()
        self.long_term_key: Callable[[bytes, int], bytes | None] = lambda rand, ediv: None
        self.key_wanted = asyncio.Event()
        self.hold_key = False  # until `give_key`
        self.session: PairingSession | None = None
        self.ended: asyncio.Future[Bond | int | None] | None = None
        self.change: Change = unchanged
        self._answers: asyncio.Queue[bytes] = asyncio.Queue()
        self._port: Any = None
        self._asked_for = (bytes(8), 0)
        self._frame = bytearray()  # what has arrived of one
        self._unsent: deque[bytes] = deque()
        self._room = 4  # packets that the controller takes at once
        self._kept = 0  # packets that the controller waits for, see `take_nothing`
        self._gives_back = False

    async def __aenter__(self) -> Attacker:
        self._port = await local.attach(self._packet, lambda: None)
        await self.command(0x0C03)
        await self.command(0x0C01, ALL_EVENTS)
        await self.command(0x2001, ALL_EVENTS)
        await self.command(0x2005, self.address.octets)
        return self

    async def __aexit__(self, *args: Any) -> None:
        if self.session is not None:
            self.session.close()
        self._port.close()

    # HCI

    async def command(self, opcode: int, parameters: bytes = b"") -> int:
        """Send a command. Returns: its status."""
        self._port.send(struct.pack("<BHB", 1, opcode, len(parameters)) + parameters)
        answer = await asyncio.wait_for(self._answers.get(), PATIENCE_S)
        return answer[0]

    async def take_nothing(self) -> None:
        """Have its controller wait for a host that has room for two packets, and never again."""
        assert await self.command(0x0C33, struct.pack("<HBHH", 251, 0, 2, 0)) == 0
        assert await self.command(0x0C31, b"\x01") == 0
        self._kept = 0

    def take_all_again(self) -> None:
        """Have room for all that has been kept back, and for what comes."""
        self._gives_back = True
        self._give_back()

    def _give_back(self) -> None:
        count, self._kept = self._kept, 0
        done = struct.pack("<BHH", 1, self.handle, count)
        self._port.send(struct.pack("<BHB", 1, 0x0C35, len(done)) + done)

    async def advertise(self) -> None:
        """Wait, as peripheral, to be connected to."""
        await self.command(0x2006, struct.pack("<HHBBB6sBB", 32, 32, 0, 1, 0, bytes(6), 7, 0))
        await self.command(0x2008, struct.pack("<B31s", 3, b"\x02\x01\x06"))
        await self.command(0x200A, b"\x01")

    async def connect(self, peer: DeviceAddress) -> None:
        """Connect as central."""
        self.peer = peer
        timing = (12, 12, 0, 400, 0, 0)
        await self.command(
            0x200D, struct.pack("<HHBB6sBHHHHHH", 16, 16, 0, peer.random, peer.octets, 1, *timing)
        )
        await asyncio.wait_for(self.connected.wait(), PATIENCE_S)

    async def disconnect(self) -> None:
        await self.command(0x0406, struct.pack("<HB", self.handle, 0x13))
        await asyncio.wait_for(self.gone.wait(), PATIENCE_S)

    async def encrypt(self, key: bytes, rand: bytes = bytes(8), ediv: int = 0) -> int:
        """Start encryption as central. Returns: the status, also if the link ends of it."""
        await self.command(0x2019, struct.pack("<H8sH16s", self.handle, rand, ediv, key))
        answered = asyncio.ensure_future(self.encrypted.get())
        gone = asyncio.ensure_future(self.gone.wait())
        await asyncio.wait({answered, gone}, timeout=PATIENCE_S, return_when="FIRST_COMPLETED")
        gone.cancel()
        if answered.done():
            return answered.result()
        answered.cancel()
        assert self.gone.is_set()
        return MIC_FAILURE

    def send(self, channel: int, pdu: bytes) -> None:
        """Send a PDU on a channel, in packets of 27 octets."""
        frame = struct.pack("<HH", len(pdu), channel) + pdu
        self.send_raw(frame)

    def send_raw(self, frame: bytes) -> None:
        """Send what is to be an L2CAP frame."""
        for start in range(0, len(frame), 27):
            part = frame[start : start + 27]
            flags = 0x1000 if start else 0
            self._unsent.append(struct.pack("<BHH", 2, self.handle | flags, len(part)) + part)
        self._pump()

    def _pump(self) -> None:
        while self._unsent and self._room:
            self._room -= 1
            self._port.send(self._unsent.popleft())

    # SMP

    async def receive(self, *opcodes: int) -> bytes:
        """Return the next SMP PDU, which must have one of the opcodes if there are any."""
        pdu = await asyncio.wait_for(self.smp.get(), PATIENCE_S)
        assert not opcodes or pdu[0] in opcodes, pdu.hex()
        return pdu

    def start_pairing(
        self,
        features: Features = JUST_WORKS,
        change: Change = unchanged,
        *,
        pairing: type[AnyPairing] = AnyPairing,
        identity: DeviceAddress | None = None,
        agent: Any = None,
        own_oob: OwnOob | None = None,
        request: bytes = b"",
    ) -> asyncio.Future[Bond | int | None]:
        """Begin a pairing, as central or, with a request, as peripheral.

        Returns: the bond, or the reason why it failed.
        """
        ends = Ends(
            self.is_central,
            self.address,
            self.peer,
            self.peer,
            identity or self.address,
            bytes(range(16)),
        )
        self.change = change
        self.ended = asyncio.get_running_loop().create_future()
        own_oob = own_oob or OwnOob()
        mine = pairing(ends, ANYTHING, agent, own_oob, _NoBonds(), self.send_changed)
        mine.features = features
        self.session = PairingSession(mine, _Host(self))
        self.session.start(request)
        return self.ended

    async def answer_pairing(
        self, features: Features = JUST_WORKS, change: Change = unchanged, **kwargs: Any
    ) -> Bond | int | None:
        """Wait for a Pairing Request as peripheral and pair."""
        request = await self.receive(0x01)
        return await asyncio.wait_for(
            self.start_pairing(features, change, request=request[1:], **kwargs), PATIENCE_S
        )

    async def pair(
        self, features: Features = JUST_WORKS, change: Change = unchanged, **kwargs: Any
    ) -> Bond | int | None:
        """Pair as central."""
        return await asyncio.wait_for(self.start_pairing(features, change, **kwargs), PATIENCE_S)

    def send_changed(self, pdu: bytes) -> None:
        for each in self.change(pdu):
            self.send(SMP, each)
            if each[:1] == bytes((PAIRING_FAILED,)) and len(each) > 1:
                asyncio.get_running_loop().call_soon(self._give_up, each[1])

    def _give_up(self, reason: int) -> None:
        session, self.session = self.session, None
        if session is not None and self.ended is not None:
            session.close()
            self.ended.set_result(reason)

    # What the controller says

    def _packet(self, packet: bytes) -> None:
        if packet[0] == 0x02:
            self._acl(packet[1:])
            self._kept += 1
            if self._gives_back:
                self._give_back()
        elif packet[1] == 0x0E:
            self._answers.put_nowait(packet[6:])
        elif packet[1] == 0x0F:
            self._answers.put_nowait(packet[3:4])
        elif packet[1] == 0x13:
            self._room += struct.unpack_from("<H", packet, 6)[0]
            self._pump()
        elif packet[1] == 0x05:
            self._unsent.clear()
            self._room = 4
            self.gone.set()
        elif packet[1] in (0x08, 0x30):
            self._encryption_changed(packet[3])
        elif packet[1] == 0x3E:
            self._le_event(packet[3], packet[4:])

    def _le_event(self, code: int, parameters: bytes) -> None:
        if code in (0x01, 0x0A, 0x29):
            _, self.handle, role, random = struct.unpack_from("<BHBB", parameters)
            self.is_central = role == 0
            self._unsent.clear()  # what was sent after the last link's end is never completed
            self._room = 4
            self.peer = DeviceAddress(parameters[5:11], bool(random))
            self._kept = 0
            self.connected.set()
        elif code == 0x05:
            self._asked_for = struct.unpack_from("<8sH", parameters, 2)
            self.key_wanted.set()
            if not self.hold_key:
                self.give_key()

    def give_key(self) -> None:
        """Answer the controller's Long Term Key Request."""
        rand, ediv = self._asked_for
        key = self.long_term_key(rand, ediv)
        if key is None and self.session is not None:
            key = self.session.key
        head = struct.pack("<H", self.handle)
        opcode, parameters = (0x201B, head) if key is None else (0x201A, head + key)
        self._port.send(struct.pack("<BHB", 1, opcode, len(parameters)) + parameters)

    def _encryption_changed(self, status: int) -> None:
        self.encrypted.put_nowait(status)
        if self.session is not None and self.session.key is not None:
            if status == 0:
                self.session.encrypted()
            else:
                self.session.encryption_failed()

    def _acl(self, packet: bytes) -> None:
        field, _ = struct.unpack_from("<HH", packet)
        part = packet[4:]
        if (field >> 12) & 3 != 1:
            self._frame.clear()
        self._frame += part
        if len(self._frame) < 4:
            return
        length, channel = struct.unpack_from("<HH", self._frame)
        if len(self._frame) >= 4 + length:
            self._received(channel, bytes(self._frame[4 : 4 + length]))

    def _received(self, channel: int, payload: bytes) -> None:
        if channel == ATT:
            self.att.put_nowait(payload)
        elif channel == SMP:
            if self.session is not None and self.ended is not None and not self.ended.done():
                self.session.received(payload)
            else:
                self.smp.put_nowait(payload)


class _NoBonds:
    """The attacker remembers nobody."""

    def bonds_with(self, peer: DeviceAddress) -> list[Bond]:
        return []


class _Host:
    """The attacker as the host of its pairing session."""

    def __init__(self, attacker: Attacker) -> None:
        self._attacker = attacker

    def send(self, pdu: bytes) -> None:
        self._attacker.send_changed(pdu)

    def encrypt(self, key: bytes) -> None:
        attacker = self._attacker
        if attacker.is_central:
            parameters = struct.pack("<H8sH16s", attacker.handle, bytes(8), 0, key)
            attacker._port.send(struct.pack("<BHB", 1, 0x2019, len(parameters)) + parameters)

    def paired(self, bond: Bond | None) -> None:
        self._end(bond)

    def pairing_failed(self, reason: int, weaker: bool) -> None:
        self._end(reason)

    def _end(self, result: Bond | int | None) -> None:
        self._attacker.session = None
        ended = self._attacker.ended
        if ended is not None and not ended.done():
            ended.set_result(result)
