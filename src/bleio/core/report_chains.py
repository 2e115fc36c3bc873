"""Putting extended advertising packets together that come in several reports.

A long packet is on the air as a chain, and a report tells of each part, "more to come" but for the
last. Any part may be lost, the last one too; then the next report of the same advertiser and set is
the first part of another packet, or all of one. Nothing in a report says so: the first part of a
packet looks like any other. Glued together the two would be one packet that nobody has sent.

Three things tell them apart. Parts of one packet follow each other closely, so what is older than
`PART_S` belongs to another one. A packet that begins like the one that is held is that one again.
And a packet is a row of structures, each with its length: if all that is held does not fit together
as such, but does from a later part on, then what came before that part is left from another packet.
What fits nowhere is passed on as it came, for advertisers may send what they like.

Bounded in all ways: packets that arrive at the same time (the oldest gives way), octets and parts
of each, and the packets of which it is remembered that a part was dropped, whose rest is dropped
too.

Spec: Vol 4, Part E, 7.7.65.13; Vol 3, Part C, 11 (structures).
"""

from __future__ import annotations

from typing import Protocol

from bleio.core.address import DeviceAddress

MAX_FRAGMENTED = 16  # packets that arrive at the same time
MAX_BROKEN = 256  # packets of which a part was dropped
MAX_DATA_OCTETS = 1650  # Vol 6, Part B, 2.3.4.9
MAX_PARTS = 64
# Between two parts of one packet. They are milliseconds apart on the air; a program that is busy,
# or USB, adds to that.
PART_S = 0.1

Chain = tuple[DeviceAddress, int, int]  # advertiser, set, whether it is a scan response


class ChainCounters(Protocol):
    """Where it is counted what never became whole."""

    scan_fragments: int


class _Parts:
    """What is held of one packet; its time is that of the latest part."""

    __slots__ = ("octets", "parts", "time_s")

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self.octets = 0
        self.time_s = 0.0


class ReportChains:
    """The packets of which some parts have come. Times are those of any clock, in seconds."""

    def __init__(self, counters: ChainCounters) -> None:
        self._counters = counters
        self.held: dict[Chain, _Parts] = {}
        self.broken: dict[Chain, float] = {}  # by the time of the part that was dropped last

    def clear(self) -> None:
        """What came before belongs to another scan, whose rest will not come."""
        self.held.clear()
        self.broken.clear()

    def joined(self, chain: Chain, part: bytes, more: bool, now_s: float) -> bytes | None:
        """Add a part to what came before. Returns: the packet, None if it is not whole."""
        held = self._recent(chain, now_s)
        if chain in self.broken:
            self._drop(chain, more, now_s)
            return None
        if held is None:
            held = _Parts()
        held.parts.append(part)
        held.octets += len(part)
        held.time_s = now_s
        if held.octets > MAX_DATA_OCTETS or len(held.parts) > MAX_PARTS:
            self._drop(chain, more, now_s)
            return None
        if not more:
            first = _first_part(held.parts)
            self._counters.scan_fragments += first
            return b"".join(held.parts[first:])
        if len(self.held) >= MAX_FRAGMENTED:
            oldest = next(iter(self.held))
            del self.held[oldest]
            self._drop(oldest, True, now_s)
        self.held[chain] = held
        return None

    def _recent(self, chain: Chain, now_s: float) -> _Parts | None:
        """Take what is held of a packet out, if more of it may come; forget what is too old."""
        if now_s - self.broken.get(chain, now_s) > PART_S:
            del self.broken[chain]
        held = self.held.pop(chain, None)
        if held is not None and now_s - held.time_s > PART_S:
            self._counters.scan_fragments += len(held.parts)
            return None
        return held

    def _drop(self, chain: Chain, more: bool, now_s: float) -> None:
        """Drop a part of a packet; if more of it is to come, remember that it is not whole."""
        self._counters.scan_fragments += 1
        self.broken.pop(chain, None)
        if more:
            if len(self.broken) >= MAX_BROKEN:
                del self.broken[next(iter(self.broken))]
            self.broken[chain] = now_s


def _first_part(parts: list[bytes]) -> int:
    """Return which part the packet begins with that the last one ends; 0 if nothing tells."""
    whole = [first for first in range(len(parts)) if _is_row(b"".join(parts[first:]))]
    if not whole:
        return 0
    again = [first for first in whole if first and _begins_alike(parts[0], parts[first])]
    return again[-1] if again else whole[0]


def _begins_alike(one: bytes, other: bytes) -> bool:
    """Whether two parts begin with the same structure."""
    octets = 1 + one[0] if one else 0
    return octets > 1 and one[:octets] == other[:octets]


def _is_row(data: bytes) -> bool:
    """Whether data is a row of structures, of at least one, and ends where one does."""
    at = 0
    while at < len(data):
        if data[at] == 0:  # padding
            return at > 0 and not any(data[at:])
        at += 1 + data[at]
    return at == len(data) and at > 0
