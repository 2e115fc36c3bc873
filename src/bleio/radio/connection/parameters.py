"""What a central asks of a connection. Spec: Vol 6, Part B, 4.5.1 and 4.5.2."""

from __future__ import annotations

from typing import NamedTuple

INTERVAL_UNIT_US = 1_250
TIMEOUT_UNIT_US = 10_000
EVENT_LENGTH_UNIT_US = 625


class ConnectionParameters(NamedTuple):
    """What a central asks of a connection."""

    interval_us: int
    latency: int
    timeout_us: int
    max_event_us: int = 0  # 0 is no limit
