"""How long the radio of a station is on: what most of a device's energy goes into.

Packets are counted as they are sent. What happens without a timer of its own, scan windows and idle
connection events, is computed from the time whenever somebody asks or its terms change.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from bleio.radio.air.clock import Clock
    from bleio.radio.air.medium import Station


class RadioOn(NamedTuple):
    """Microseconds in which a radio transmitted, and in which it listened."""

    tx_us: int
    rx_us: int


class Meter(Protocol):
    """Counts one activity of a station."""

    def account(self) -> None:
        """Add what has come together until now to the station's counters."""


class Windows(Protocol):
    """When a scanner listens."""

    def listened_us(self, now_us: int) -> int:
        """Time spent listening since the scanner started."""


class ListeningMeter:
    """Counts the windows of a scanner or initiator, less what links take of them."""

    __slots__ = ("_clock", "_counted_us", "_start_us", "_station", "_windows")

    def __init__(self, station: Station, clock: Clock) -> None:
        self._station = station
        self._clock = clock
        self._windows: tuple[Windows, ...] = ()
        self._start_us = self._counted_us = 0

    def start(self, windows: Iterable[Windows]) -> None:
        """Count these windows, which begin now."""
        self.stop()
        self._windows = tuple(windows)
        self._start_us, self._counted_us = self._clock.now_us, 0
        self._station.meters[self] = self._station.listening[self] = None

    def stop(self) -> None:
        """Nobody listens any more; harmless when nobody did."""
        for meter in tuple(self._station.meters):
            meter.account()
        self._windows = ()
        self._station.meters.pop(self, None)
        self._station.listening.pop(self, None)

    def interrupt(self, from_us: int, to_us: int) -> None:
        """Do not count this time, in which the radio is in use for a link."""
        from_us = max(from_us, self._start_us)
        if from_us < to_us:
            self._station.rx_us -= sum(
                each.listened_us(to_us) - each.listened_us(from_us) for each in self._windows
            )

    def account(self) -> None:
        """Add the windows until now."""
        if self._windows:
            listened_us = sum(each.listened_us(self._clock.now_us) for each in self._windows)
            self._station.rx_us += listened_us - self._counted_us
            self._counted_us = listened_us
