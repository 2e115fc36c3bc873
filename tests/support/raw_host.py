"""A host without a stack: HCI octets in and out of a virtual controller, in simulated time only."""

from __future__ import annotations

import struct
from typing import NamedTuple

from bleio.radio.air.radio import Radio
from bleio.radio.controller import Controller

RESET = 0x0C03
ALL_EVENTS = b"\xff" * 8
MS = 1_000
SECOND = 1_000_000


def l2cap(information: bytes) -> bytes:
    """An L2CAP frame on a channel that nobody knows; tshark wants ACL data to be such frames."""
    return struct.pack("<HH", len(information), 0x0040) + information


class Event(NamedTuple):
    """One HCI event; `code` 0x3E00 + subevent for LE Meta events."""

    at_us: int
    code: int
    parameters: bytes


class Acl(NamedTuple):
    """One ACL packet."""

    at_us: int
    handle: int
    boundary: int
    payload: bytes


class RawHost:
    """Sends commands to its controller and keeps what comes back."""

    def __init__(self, radio: Radio, *, unmask: bool = True, address: str | None = None) -> None:
        self.radio = radio
        self.packets: list[bytes] = []
        self.events: list[Event] = []
        self.acl: list[Acl] = []
        self.answers: list[tuple[int, int, bytes]] = []
        self.controller = Controller(radio, self._packet)
        if unmask:
            self.must(0x0C01, ALL_EVENTS)
            self.must(0x2001, ALL_EVENTS)
        if address is not None:
            self.must(0x2005, bytes.fromhex(address)[::-1])

    def _packet(self, packet: bytes) -> None:
        now_us = self.radio.now_us
        self.packets.append(packet)
        if packet[0] == 0x02:
            field, length = struct.unpack_from("<HH", packet, 1)
            assert len(packet) == 5 + length
            self.acl.append(Acl(now_us, field & 0xFFF, field >> 12, packet[5:]))
            return
        assert packet[0] == 0x04
        assert len(packet) == 3 + packet[2]
        if packet[1] == 0x0E:
            _, opcode = struct.unpack_from("<BH", packet, 3)
            self.answers.append((opcode, packet[6], packet[7:]))
        elif packet[1] == 0x0F:
            status, _, opcode = struct.unpack_from("<BBH", packet, 3)
            self.answers.append((opcode, status, b"pending"))
        elif packet[1] == 0x3E:
            self.events.append(Event(now_us, 0x3E00 | packet[3], packet[4:]))
        else:
            self.events.append(Event(now_us, packet[1], packet[3:]))

    def command(self, opcode: int, parameters: bytes = b"") -> tuple[int, bytes]:
        """Send a command. Returns: status and return parameters of its one answer."""
        self.answers.clear()
        self.controller.receive(struct.pack("<BHB", 1, opcode, len(parameters)) + parameters)
        assert len(self.answers) == 1, f"{opcode:04x} was answered {len(self.answers)} times"
        answered, status, returned = self.answers[0]
        assert answered == opcode
        return status, returned

    def must(self, opcode: int, parameters: bytes = b"") -> bytes:
        """Send a command that succeeds. Returns: its return parameters."""
        status, returned = self.command(opcode, parameters)
        assert status == 0, f"{opcode:04x} ended with {status:02x}"
        return returned

    def send_acl(self, handle: int, payload: bytes, boundary: int = 0) -> None:
        """Send one ACL packet."""
        field = handle | boundary << 12
        self.controller.receive(struct.pack("<BHH", 2, field, len(payload)) + payload)

    def of(self, code: int) -> list[Event]:
        """All events with this code so far."""
        return [event for event in self.events if event.code == code]

    def last(self, code: int) -> bytes:
        """The parameters of the newest event with this code."""
        return self.of(code)[-1].parameters

    # -- the usual command sequences --

    def advertise(
        self, *, interval_ms: float = 100, kind: int = 0, data: bytes = b"", own_type: int = 1,
        peer_type: int = 0, peer: bytes = bytes(6), channels: int = 7, policy: int = 0,
        response: bytes = b"",
    ) -> None:  # fmt: skip
        """Advertise with the legacy commands."""
        interval = round(interval_ms / 0.625)
        self.must(
            0x2006,
            struct.pack(
                "<HHBBB6sBB", interval, interval, kind, own_type, peer_type, peer, channels, policy
            ),
        )
        self.must(0x2008, struct.pack("<B31s", len(data), data))
        self.must(0x2009, struct.pack("<B31s", len(response), response))
        self.must(0x200A, b"\x01")

    def scan(
        self, *, active: bool = False, interval_ms: float = 10, window_ms: float = 10,
        own_type: int = 1, policy: int = 0, filter_duplicates: bool = False,
    ) -> None:  # fmt: skip
        """Scan with the legacy commands."""
        timing = round(interval_ms / 0.625), round(window_ms / 0.625)
        self.must(0x200B, struct.pack("<BHHBB", active, *timing, own_type, policy))
        self.must(0x200C, bytes((1, filter_duplicates)))

    def connect(
        self, peer: bytes, *, peer_type: int = 1, own_type: int = 1, interval_ms: float = 15,
        latency: int = 0, timeout_ms: int = 1000, policy: int = 0,
    ) -> None:  # fmt: skip
        """Create a connection with the legacy command."""
        interval = round(interval_ms / 1.25)
        self.must(
            0x200D,
            struct.pack(
                "<HHBB6sBHHHHHH", 16, 16, policy, peer_type, peer, own_type, interval, interval,
                latency, timeout_ms // 10, 0, 0,
            ),
        )  # fmt: skip

    @property
    def random_address(self) -> bytes:
        """The random address that was set."""
        assert self.controller.layer.random_address is not None
        return self.controller.layer.random_address.octets


class Pair(NamedTuple):
    """Two connected raw hosts and their connection handles."""

    radio: Radio
    central: RawHost
    peripheral: RawHost
    central_handle: int
    peripheral_handle: int


def new_hosts(radio: Radio, count: int = 2) -> list[RawHost]:
    """Hosts with random addresses of their own."""
    return [RawHost(radio, address=f"c000000000{index:02x}") for index in range(1, count + 1)]


def handle_of(host: RawHost) -> int:
    """The handle of the newest connection."""
    status, handle = struct.unpack_from("<BH", host.last(0x3E0A))
    assert status == 0
    return int(handle)


def connected_pair(radio: Radio | None = None, **timing: float) -> Pair:
    """A central connected to a peripheral, both at rest."""
    radio = radio or Radio(seed=1)
    central, peripheral = new_hosts(radio)
    peripheral.advertise(interval_ms=20)
    central.connect(peripheral.random_address, **timing)  # type: ignore[arg-type]
    radio.run_until(radio.now_us + 200 * MS)
    return Pair(radio, central, peripheral, handle_of(central), handle_of(peripheral))
