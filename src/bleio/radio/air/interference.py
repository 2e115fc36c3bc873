"""What disturbs the air and is no Bluetooth device of this world: jammers and Wi-Fi."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from random import Random

ALL_CHANNELS = frozenset(range(40))
_WIFI_HALF_WIDTH_MHZ = 11


def frequency_mhz(channel: int) -> int:
    """Where a channel index is in the band. Spec: Vol 6, Part B, 1.4.1."""
    if channel >= 37:
        return (2402, 2426, 2480)[channel - 37]
    return 2404 + 2 * channel if channel <= 10 else 2428 + 2 * (channel - 11)


def wifi_channels(number: int) -> frozenset[int]:
    """The Bluetooth channels under a 20 MHz Wi-Fi channel, 1 to 13."""
    if not 1 <= number <= 13:
        raise ValueError("a Wi-Fi channel is 1 to 13")
    centre = 2407 + 5 * number
    return frozenset(
        channel
        for channel in ALL_CHANNELS
        if abs(frequency_mhz(channel) - centre) <= _WIFI_HALF_WIDTH_MHZ
    )


@lru_cache(maxsize=1024)
def _burst_offset_us(seed: int, index: int, room_us: int) -> int:
    """Where in its period a burst begins: at random, and always there."""
    return Random(f"{seed} {index}").randrange(room_us + 1)


@dataclass(frozen=True)
class Interference:
    """A signal of the same strength everywhere, always on or in bursts.

    Args:
        channels: which it covers.
        from_us: simulated time of its start.
        until_us: of its end; None is never.
        level_dbm: at every receiver.
        burst_us: length of a burst; 0 is always on.
        period_us: there is one burst in each, at a random place.
        seed: of these places; two that share it have their bursts at the same time.
    Raises: ValueError for what makes no sense.
    """

    channels: frozenset[int] = ALL_CHANNELS
    from_us: int = 0
    until_us: int | None = None
    level_dbm: float = -30.0
    burst_us: int = 0
    period_us: int = 10_000
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.burst_us <= self.period_us or self.period_us <= 0:
            raise ValueError("a burst must fit into its period")
        if not self.channels or not self.channels <= ALL_CHANNELS:
            raise ValueError("channels must be some of 0 to 39")
        if math.isnan(self.level_dbm):
            raise ValueError("level_dbm must be a number")

    def hits(self, channel: int, from_us: int, to_us: int) -> bool:
        """Whether it is on the channel at any time of a packet."""
        if channel not in self.channels or to_us <= self.from_us:
            return False
        if self.until_us is not None and from_us >= self.until_us:
            return False
        if not self.burst_us:
            return True
        first, last = from_us // self.period_us, (to_us - 1) // self.period_us
        return any(self._burst_hits(index, from_us, to_us) for index in range(first, last + 1))

    def _burst_hits(self, index: int, from_us: int, to_us: int) -> bool:
        start_us = index * self.period_us
        start_us += _burst_offset_us(self.seed, index, self.period_us - self.burst_us)
        return from_us < start_us + self.burst_us and start_us < to_us
