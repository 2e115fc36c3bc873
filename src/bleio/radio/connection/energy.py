"""How long the radio of a station is on: what most of a device's energy goes into.

Packets are counted as they are sent. What happens without a timer of its own, scan windows and idle
connection events, is computed from the time whenever somebody asks or its terms change.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple, Protocol

from bleio.radio.air import phy

if TYPE_CHECKING:
    from bleio.radio.air.clock import Clock
    from bleio.radio.air.medium import Station
    from bleio.radio.connection.link import Link
    from bleio.radio.connection.link_end import LinkEnd


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


class LinkMeter:
    """Counts the connection events of a link at both of its ends."""

    __slots__ = ("_clock", "_link", "_next_event")

    def __init__(self, link: Link, clock: Clock) -> None:
        self._link = link
        self._clock = clock
        self._next_event = 0  # all before it are counted
        for end in (link.central, link.peripheral):
            end.controller.station.meters[self] = None

    def close(self) -> None:
        """Count what is left; the link is over."""
        self.account()
        for end in (self._link.central, self._link.peripheral):
            end.controller.station.meters.pop(self, None)

    def start_event(self, event: int) -> None:
        """In this event packets are exchanged; those before it that were not used were idle."""
        if event >= self._next_event:
            self._count_idle_until(event)
            self._next_event = event + 1

    @staticmethod
    def sent(sender: LinkEnd, length_us: int, *, listened: bool = True) -> None:
        """One end has sent a packet, to which the other has listened or not."""
        sender.controller.station.tx_us += length_us
        if listened:
            sender.other.controller.station.rx_us += length_us

    @staticmethod
    def unanswered(sender: LinkEnd) -> None:
        """One end has waited for an answer in vain."""
        sender.controller.station.rx_us += phy.sync_time_us(sender.other.tx_phy)

    def account(self) -> None:
        """Count the idle events whose anchor points have passed."""
        self.account_until(self._clock.now_us)

    def account_until(self, time_us: int) -> None:
        """Count those that begin before a time, which has passed."""
        self._count_idle_until(self._link.event_at(time_us))

    def _count_idle_until(self, event: int) -> None:
        """Count idle events: an empty packet each way, where both ends take part."""
        count = event - self._next_event
        if count <= 0:
            return
        link = self._link
        self._interrupt_until(event)
        central, peripheral = link.central, link.peripheral
        listener, poller = peripheral.controller.station, central.controller.station
        attended = 0 if central.gone or peripheral.gone else self._attended(event)
        if central.gone:
            listener.rx_us += count * phy.sync_time_us(central.tx_phy)
        else:
            poll_us = phy.air_time_us(0, central.tx_phy)
            answer_us = phy.air_time_us(0, peripheral.tx_phy)
            in_vain_us = phy.sync_time_us(peripheral.tx_phy)
            poller.tx_us += count * poll_us
            poller.rx_us += attended * answer_us + (count - attended) * in_vain_us
            listener.rx_us += attended * poll_us
            listener.tx_us += attended * answer_us
        link.pass_idle(self._next_event, event, attended)
        self._next_event = event

    def _attended(self, event: int) -> int:
        """How many of the idle events before this one the peripheral does not sleep through."""
        step, used = self._link.latency + 1, max(self._link.last_event, 0)
        return (event - 1 - used) // step - (self._next_event - 1 - used) // step

    def _interrupt_until(self, event: int) -> None:
        """Take idle events from what their stations listen besides."""
        link = self._link
        for end in (link.central, link.peripheral):
            for meter in end.controller.station.listening if not end.gone else ():
                for idle in range(self._next_event, event):
                    if not end.role or self.is_attended(idle):
                        at_us = link.anchor_us(idle)
                        meter.interrupt(at_us, at_us + link.idle_us)

    def is_attended(self, event: int) -> bool:
        """Whether the peripheral is awake in an idle event."""
        used = max(self._link.last_event, 0)
        return (event - used) % (self._link.latency + 1) == 0
