"""Captures of the simulated air that packet analysers read: pcapng with link type 256.

Each packet is as it was on air, CRC included and cipher text unless asked otherwise, with the
pseudo header of the link type: channel, level, PHY, direction, and whether the CRC is right.

The model shows packets ahead of their time and out of order: all of an event when it starts, and
the packets of idle links only when they are asked for. A file must be in the order of time. So
records wait in a heap until nothing earlier can come any more, which is when the simulation has
passed them, and idle links are asked for a few seconds at a time, lest an hour of silence be made
up at once. Packets of the same microsecond stay in the order in which they were shown.

The first packet from each address, and from each end of each link, has a comment with the name of
the device. The formats' own way, an interface for each device, would part the two ends of a link:
analysers take what comes by two interfaces for two links.
"""

from __future__ import annotations

import heapq
import struct
from collections.abc import Callable

from bleio.core import pcapng
from bleio.radio.air import phy
from bleio.radio.air.interference import frequency_mhz
from bleio.radio.air.propagation import Position
from bleio.radio.air.radio import AirPdu, Direction, Radio
from bleio.radio.air.station import Station

_DEWHITENED, _LEVEL_VALID, _REFERENCE_VALID = 0x0001, 0x0002, 0x0010
_CRC_CHECKED, _CRC_RIGHT = 0x0400, 0x0800
_DECIPHERED = 0x0008 | 0x1000 | 0x2000  # and the MIC was right, which is left out
_DIRECTION_SHIFT, _AUX_SHIFT, _PHY_SHIFT = 7, 12, 14
_CODED_S8 = b"\x00"
# This much of the time of idle links is held in memory before it is written.
_COLLECTED_US = 10_000_000
_MAX_NAMED = 65_536
_WITH_EXTENDED_HEADER = (7, 8)  # PDU types
_PSEUDO_HEADER = struct.Struct("<BbbBIH")


def _crc_table() -> tuple[int, ...]:
    table = []
    for octet in range(256):
        for _ in range(8):
            octet = octet >> 1 ^ (0xDA6000 if octet & 1 else 0)
        table.append(octet)
    return tuple(table)


_CRC_TABLE = _crc_table()


def crc24(octets: bytes, init: int) -> bytes:
    """The CRC of a PDU in the order of transmission. Spec: Vol 6, Part B, 3.1.1."""
    # The shift register is held mirrored, as octets are sent least significant bit first.
    state = int(f"{init:024b}"[::-1], 2)
    for octet in octets:
        state = state >> 8 ^ _CRC_TABLE[(state ^ octet) & 0xFF]
    return state.to_bytes(3, "little")


def link_layer_record(packet: AirPdu, level_dbm: int, *, decipher: bool = False) -> bytes:
    """A packet with its pseudo header."""
    flags = _DEWHITENED | _LEVEL_VALID | _REFERENCE_VALID | _CRC_CHECKED
    flags |= packet.direction << _DIRECTION_SHIFT | packet.phy - 1 << _PHY_SHIFT
    if packet.direction is Direction.AUXILIARY:
        flags |= packet.auxiliary_type << _AUX_SHIFT
    octets = packet.octets
    if decipher and packet.clear_octets:
        flags |= _DECIPHERED
        octets = packet.clear_octets
    crc = crc24(octets, packet.crc_init)
    if packet.crc_right:
        flags |= _CRC_RIGHT
    else:
        crc = bytes((crc[0] ^ 1,)) + crc[1:]
    channel = (frequency_mhz(packet.channel) - 2402) // 2
    head = _PSEUDO_HEADER.pack(channel, level_dbm, 0, 0, packet.access_address, flags)
    coding = _CODED_S8 if packet.phy == phy.LE_CODED else b""
    address = packet.access_address.to_bytes(4, "little")
    return head + address + coding + octets + crc


def _origin(packet: AirPdu) -> tuple[object, ...] | None:
    """What tells a packet's sender: its address, or an end of a link; None if nothing does."""
    if packet.direction in (Direction.TO_PERIPHERAL, Direction.TO_CENTRAL):
        return (packet.access_address, packet.direction)
    octets = packet.octets
    if octets[0] & 0x0F not in _WITH_EXTENDED_HEADER:
        return (octets[2:8],)
    has_address = octets[2] & 0x3F and octets[3] & 1
    return (octets[4:10],) if has_address else None


class AirCapture:
    """Writes what a sniffer in the room hears, in the order of time.

    Pass `add` to `Radio.watch`. The octets depend on the simulation alone.

    Args:
        write: takes the octets of the file.
        position: of the sniffer; the levels are those it would receive.
        decipher: encrypted packets are in clear text, as from a sniffer that has the keys.
        has_room: whether another packet may be written now. One for which there is no room is
            left out; the next one says how many were.
    """

    def __init__(
        self,
        radio: Radio,
        write: Callable[[bytes], object],
        position: Position = (0.0, 0.0, 0.0),
        *,
        decipher: bool = False,
        has_room: Callable[[], bool] | None = None,
    ) -> None:
        self.packets = 0
        self._has_room = has_room
        self._left_out = 0  # since the last one that was written
        self._radio = radio
        self._write = write
        self._decipher = decipher
        self._sniffer = Station(0, "sniffer")
        self._sniffer.position = position
        self._waiting: list[tuple[int, int, bytes, AirPdu]] = []
        self._named: dict[tuple[object, ...], str] = {}
        self._sequence = 0
        self._idle_until_us: int | None = None  # of idle links all is known until then
        write(pcapng.section())
        write(pcapng.interface(pcapng.LINKTYPE_LE_LL_WITH_PHDR, "simulated air"))

    def add(self, packet: AirPdu) -> None:
        """Take a packet; the model shows those of one event ahead of their time."""
        self._take(packet)
        self._write_before(self._radio.now_us)

    def write_due(self) -> None:
        """Write what nothing can come before any more; for those that watch."""
        self._write_before(self._radio.now_us)

    def follow_idle_links(self) -> None:
        """Write the empty packets of links too that have nothing to say, from now to `flush`."""
        self._idle_until_us = self._radio.now_us
        for link in self._radio.links:
            link.meter.account()
        self._radio.watch_idle(self._take)

    def flush(self) -> None:
        """Write all; at the end of the capture."""
        self._collect_idle(self._radio.now_us)
        self._radio.unwatch_idle(self._take)
        self._idle_until_us = None
        while self._waiting:
            self._write_first()

    def _take(self, packet: AirPdu) -> None:
        medium = self._radio.medium
        level_dbm = medium.rssi_dbm(packet.sender, self._sniffer, packet.tx_power_dbm)
        self._sequence += 1
        record = link_layer_record(packet, level_dbm, decipher=self._decipher)
        heapq.heappush(self._waiting, (packet.time_us, self._sequence, record, packet))

    def _collect_idle(self, until_us: int) -> None:
        """Let links account for their idle events, not too many at a time."""
        while self._idle_until_us is not None and self._idle_until_us < until_us:
            self._idle_until_us = min(self._idle_until_us + _COLLECTED_US, until_us)
            for link in self._radio.links:
                link.meter.account_until(self._idle_until_us)
            self._write_waiting(self._idle_until_us)

    def _write_before(self, time_us: int) -> None:
        self._collect_idle(time_us)
        self._write_waiting(time_us)

    def _write_waiting(self, time_us: int) -> None:
        while self._waiting and self._waiting[0][0] < time_us:
            self._write_first()

    def _write_first(self) -> None:
        time_us, _, record, packet = heapq.heappop(self._waiting)
        if self._has_room is not None and not self._has_room():
            self._left_out += 1
            return
        left_out, self._left_out = self._left_out, 0
        self.packets += 1
        self._write(pcapng.packet(0, time_us, record, self._name(packet), left_out))

    def _name(self, packet: AirPdu) -> str:
        """Return a comment that names the sender, if that has not been said."""
        origin, name = _origin(packet), packet.sender.name
        if origin is None or self._named.get(origin, "") == name:
            return ""
        while len(self._named) >= _MAX_NAMED:
            del self._named[next(iter(self._named))]
        self._named[origin] = name
        return pcapng.FROM + name
