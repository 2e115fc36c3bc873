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


class ChannelMap:
    """The data channels of a link: those in use, and those that its central wants.

    Args: channels: a bit for each channel, as all maps.
    """

    __slots__ = ("changing", "in_use", "wanted")

    def __init__(self, channels: int) -> None:
        self.in_use = self.wanted = channels
        self.changing = False  # a change waits for its instant; another one has to wait for it
