"""Reads btsnoop files: HCI packets with their directions."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

_HEADER_OCTETS = 16
_RECORD = struct.Struct(">IIIIq")
_DISCONNECTION_COMPLETE = bytes((0x04, 0x05))


def packets(path: Path) -> Iterator[tuple[bool, bytes]]:
    """Yield for each packet whether the controller sent it, and its octets, H4 type first."""
    octets = path.read_bytes()
    assert octets[:8] == b"btsnoop\0"
    at = _HEADER_OCTETS
    while at < len(octets):
        _, length, flags, _, _ = _RECORD.unpack_from(octets, at)
        at += _RECORD.size
        yield bool(flags & 1), octets[at : at + length]
        at += length


def disconnect_reasons(path: Path) -> list[int]:
    """Why links ended, as the controller told the host."""
    return [packet[6] for _, packet in packets(path) if packet[:2] == _DISCONNECTION_COMPLETE]
