"""What hears advertising, and in which windows.

A scanner or an initiator listens in windows: on one primary channel for a while in every interval,
on the next channel each time. There is no event per window. Whether a packet falls into one is
computed from the time when there is a packet, and how long the radio has listened when that is
asked. So a scanner costs nothing while no device advertises.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple, Protocol

from bleio.radio.advertising.parameters import AdvertisingSetParameters
from bleio.radio.air import phy
from bleio.radio.air.clock import Timeline
from bleio.radio.air.station import Station

if TYPE_CHECKING:
    from typing import TypeAlias

    from bleio.radio.advertising.connecting import ConnectRequest
    from bleio.radio.advertising.event import AdvertisingEvent
    from bleio.radio.advertising.layer import AdvertisingLayer
    from bleio.radio.advertising.scanner import ScanRequest

    AirRequest: TypeAlias = ConnectRequest | ScanRequest


class Window(Protocol):
    """When and on which channel a receiver listens."""

    def catches(self, channel: int, from_us: int, to_us: int) -> bool:
        """Whether a packet on this channel is received from its first bit to its last."""


class AirListener(Protocol):
    """What hears advertising: a scanner or an initiator."""

    layer: AdvertisingLayer
    station: Station

    def window(self, parameters: AdvertisingSetParameters) -> Window | None:
        """When it listens to sets with these parameters, another object whenever that begins anew.

        Returns: None while it does not listen to them.
        """

    def heard(self, event: AdvertisingEvent, window: Window, rssi_dbm: int) -> AirRequest | None:
        """Take a legacy packet, or all of an extended event's data.

        Returns: what it asks the advertiser in answer.
        """


class OpenWindow(NamedTuple):
    """A listener that has begun to receive, in one of its windows."""

    listener: AirListener
    window: Window


class ScanWindow:
    """When and where one PHY listens: a window in every interval, the next channel each time."""

    __slots__ = ("_interval_us", "_start_us", "_window_us")

    def __init__(self, start_us: int, interval_us: int, window_us: int) -> None:
        self._start_us = start_us
        self._interval_us = interval_us
        self._window_us = window_us

    def catches(self, channel: int, from_us: int, to_us: int) -> bool:
        """Whether a packet on this channel is received from its first bit to its last."""
        index, phase_us = divmod(from_us - self._start_us, self._interval_us)
        if phy.PRIMARY_CHANNELS[index % 3] != channel:
            return False
        return phase_us + (to_us - from_us) <= self._window_us

    def listened_us(self, now_us: int) -> int:
        """Time in windows until now."""
        intervals, phase_us = divmod(now_us - self._start_us, self._interval_us)
        return intervals * self._window_us + min(phase_us, self._window_us)


class Windows(Protocol):
    """When a scanner listens."""

    def listened_us(self, now_us: int) -> int:
        """Time spent listening since the scanner started."""


class ListeningMeter:
    """Counts the windows of a scanner or initiator, less what links take of them.

    Nothing is added while time passes: `account` adds what the windows come to since it was last
    called. What a link took is subtracted when its event ends, in whatever order that is called.
    """

    __slots__ = ("_clock", "_counted_us", "_start_us", "_station", "_windows")

    def __init__(self, station: Station, clock: Timeline) -> None:
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
        """There is no listening any more; harmless when there was none."""
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
