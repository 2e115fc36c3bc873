"""pcapng: blocks, of which few are packets. Spec: the IETF's draft of pcapng.

Interfaces have names, and link types of their own. Packets of a link type that is none of Bluetooth
LE are left out; a file that has no others is an error, which names it.
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct
from typing import NamedTuple

from bleio.core import pcapng
from bleio.decoding.octets import plain
from bleio.decoding.reading.frames import FRAMES
from bleio.decoding.reading.source import CaptureError, Source
from bleio.decoding.records import AirPacket, DeviceName, Gap, HciPacket

_OLD_PACKET, _SIMPLE_PACKET, _NAMES = 2, 3, 4
_SMALLEST_BLOCK = 12
_MAX_INTERFACES = 4_096
_END, _RESOLUTION, _OFFSET, _FLAGS = 0, 9, 14, 2
_EUI48 = 3
_BINARY = 0x80
Records = Iterator[AirPacket | HciPacket | DeviceName | Gap]
_Options = dict[int, bytes]


class _Interface(NamedTuple):
    link_type: int
    name: str
    units: int  # of its times, in a second
    offset_s: int


class PcapngReader:
    """Reads one file. Args: name: of hosts whose interfaces have none."""

    def __init__(self, source: Source, name: str) -> None:
        self._source = source
        self._name = name
        self._order = "<"
        self._interfaces: list[_Interface] = []
        self._read = 0
        self._other_types: set[int] = set()

    def records(self) -> Records:
        """Yield packets and names, from behind the first block's type on. Raises: CaptureError."""
        kind: int | None = pcapng.SECTION
        while kind is not None:
            yield from self._block(kind)
            head = self._source.take_or_end(4, "the type of a block")
            kind = self._number(head) if head else None
        if self._other_types and not self._read:
            types = ", ".join(map(str, sorted(self._other_types)[:8]))
            raise CaptureError(f"its packets are of link type {types}, not of Bluetooth LE")

    def _number(self, octets: bytes) -> int:
        (number,) = Struct(self._order + "I").unpack_from(octets)
        assert isinstance(number, int)
        return number

    def _long(self, octets: bytes) -> int:
        (number,) = Struct(self._order + "Q").unpack(octets)
        assert isinstance(number, int)
        return number

    def _block(self, kind: int) -> Records:
        if kind == pcapng.SECTION:
            self._section()
            return
        length = self._number(self._source.take(4, "a block"))
        if length < _SMALLEST_BLOCK or length % 4:
            raise CaptureError(
                f"the block at octet {self._source.position} claims to have {length} octets"
            )
        body = self._source.take(length - 8, "a block")[:-4]
        try:
            if kind == pcapng.INTERFACE:
                self._interface(body)
            elif kind in (pcapng.PACKET, _OLD_PACKET, _SIMPLE_PACKET):
                yield from self._packet(kind, body)
            elif kind == _NAMES:
                yield from self._names(body)
        except _Cut:
            raise CaptureError(
                f"the block before octet {self._source.position} is shorter than what is in it"
            ) from None

    def _section(self) -> None:
        head = self._source.take(8, "the header")
        for order in "<>":
            (magic,) = Struct(order + "I").unpack_from(head, 4)
            if magic == pcapng.BYTE_ORDER:
                self._order = order
                break
        else:
            raise CaptureError("its first block is none of pcapng")
        length = self._number(head)
        if length < 28 or length % 4:
            raise CaptureError(f"its header claims to have {length} octets")
        self._source.take(length - 12, "the header")
        self._interfaces.clear()

    def _interface(self, body: bytes) -> None:
        if len(self._interfaces) >= _MAX_INTERFACES:
            raise CaptureError(f"it has more than {_MAX_INTERFACES} interfaces")
        (link_type,) = _unpack(self._order + "H", body)
        options = self._options(body, 8)
        resolution = options.get(_RESOLUTION, b"\x06")[:1] or b"\x06"
        power = resolution[0] & ~_BINARY
        units = 2**power if resolution[0] & _BINARY else 10**power
        (offset_s,) = _unpack(self._order + "q", options.get(_OFFSET, bytes(8)))
        name = plain(options.get(pcapng.IF_NAME, b"").decode(errors="backslashreplace"))
        self._interfaces.append(_Interface(link_type, name or self._name, units, offset_s))

    def _packet(self, kind: int, body: bytes) -> Records:
        number, high, low, position = 0, 0, 0, 20
        if kind == _SIMPLE_PACKET:
            (octets,), position = _unpack(self._order + "I", body), 4
            octets = min(octets, len(body) - 4)
        elif kind == _OLD_PACKET:
            number, _, high, low, octets, _ = _unpack(self._order + "HHIIII", body)
        else:
            number, high, low, octets, _ = _unpack(self._order + "IIIII", body)
        packet = body[position : position + octets]
        if len(packet) < octets:
            raise _Cut
        if number >= len(self._interfaces):
            raise CaptureError(f"it has a packet of interface {number}, which it does not describe")
        interface = self._interfaces[number]
        frame = FRAMES.get(interface.link_type)
        if frame is None:
            self._other_types.add(interface.link_type)
            return
        self._read += 1
        options = {} if kind == _SIMPLE_PACKET else self._options(body, position + octets)
        flags = options.get(_FLAGS, b"")
        direction = self._number(flags) & 3 if len(flags) == 4 else 0
        comment = plain(options.get(pcapng.COMMENT, b"").decode(errors="backslashreplace"))
        time_us = (high << 32 | low) * 1_000_000 // interface.units
        time_us += interface.offset_s * 1_000_000
        missing = options.get(pcapng.DROPPED, b"")
        if len(missing) == 8 and (number := self._long(missing)):
            yield Gap(time_us, number, interface.name)
        yield frame(time_us, packet, direction, interface.name, comment)

    def _options(self, body: bytes, position: int) -> _Options:
        """Return options by code, the first of each. What is cut short ends them."""
        options: _Options = {}
        layout = Struct(self._order + "HH")
        position += -position % 4
        while position + layout.size <= len(body):
            code, octets = layout.unpack_from(body, position)
            position += layout.size
            if code == _END:
                break
            options.setdefault(code, body[position : position + octets])
            position += octets + -octets % 4
        return options

    def _names(self, body: bytes) -> Records:
        """Yield names of addresses. Records have the form of options."""
        layout, position = Struct(self._order + "HH"), 0
        while position + layout.size <= len(body):
            kind, octets = layout.unpack_from(body, position)
            position += layout.size
            value = body[position : position + octets]
            position += octets + -octets % 4
            if kind == _END:
                break
            if kind == _EUI48 and len(value) > 6:
                name = plain(value[6:].split(b"\0")[0].decode(errors="backslashreplace"))
                if name:
                    yield DeviceName(value[5::-1], name)


class _Cut(Exception):
    """A block ends before its fields do."""


def _unpack(layout: str, octets: bytes) -> tuple[int, ...]:
    """Take fields from the beginning. Raises: _Cut."""
    fields = Struct(layout)
    if len(octets) < fields.size:
        raise _Cut
    return fields.unpack_from(octets)
