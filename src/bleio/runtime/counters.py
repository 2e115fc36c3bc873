"""What an adapter has dropped on its way between the program and the air."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

# What the program's side counts; its backend has counters of its own.
SCAN_DROPPED_REPORTS = "scan.dropped_reports"
BUFFERS_DROPPED_OCTETS = "buffers.dropped_octets"
BUFFERS_DROPPED_PACKETS = "buffers.dropped_packets"
BUFFERS_FAILED_PACKETS = "buffers.failed_packets"
PAIRING_REFUSED_CALLS = "pairing.refused_calls"

_NAMES = (
    SCAN_DROPPED_REPORTS,
    BUFFERS_DROPPED_OCTETS,
    BUFFERS_DROPPED_PACKETS,
    BUFFERS_FAILED_PACKETS,
    PAIRING_REFUSED_CALLS,
)


def new_counters() -> Counter[str]:
    """Make the program's side's counters, all 0. Thread: the engine's; any may read."""
    return Counter(dict.fromkeys(_NAMES, 0))


def describe(counted: Mapping[str, int]) -> str:
    """Say in one line what was counted."""
    parts = [f"{name} {number}" for name, number in counted.items() if number]
    return ", ".join(parts) or "nothing"
