"""The blocks of a pcapng stream, so that a file ends with a whole one, and packets are counted."""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct

from bleio.core import pcapng

_HEAD = Struct("<II")  # kind, length
_PACKET_OCTETS = Struct("<20xI")  # how many octets of the packet there are
_PACKET_HEAD_OCTETS = 28
_OPTION = Struct("<HH")
_DROPPED = Struct("<Q")


class Blocks:
    """Cuts a stream of ours into blocks, and counts.

    Attributes: packets: that came. missing: how many the radio has left out.
    """

    def __init__(self) -> None:
        self.packets = 0
        self.missing = 0
        self._held = bytearray()

    def add(self, octets: bytes) -> Iterator[bytes]:
        """Take octets. Yields: the blocks that are whole with them; each is counted then."""
        held = self._held
        held += octets
        while len(held) >= _HEAD.size:
            kind, length = _HEAD.unpack_from(held)
            if len(held) < length:
                return
            block = bytes(held[:length])
            del held[:length]
            if kind == pcapng.PACKET:
                self.packets += 1
                self.missing += _missing_before(block)
            yield block


def _missing_before(block: bytes) -> int:
    """Return how many packets a packet's block says are left out before it."""
    (octets,) = _PACKET_OCTETS.unpack_from(block)
    position = _PACKET_HEAD_OCTETS + octets + -octets % 4
    while position + _OPTION.size <= len(block) - 4:
        code, size = _OPTION.unpack_from(block, position)
        position += _OPTION.size
        if code == pcapng.DROPPED and size == _DROPPED.size:
            (number,) = _DROPPED.unpack_from(block, position)
            return int(number)
        if code == 0:
            break
        position += size + -size % 4
    return 0
