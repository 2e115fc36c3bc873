"""How long a link keeps the radios of both its stations on, idle events included."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bleio.radio.air import phy

if TYPE_CHECKING:
    from bleio.radio.air.clock import Clock
    from bleio.radio.connection.end import LinkEnd
    from bleio.radio.connection.link import AirLink


class LinkMeter:
    """Counts the connection events of a link at both of its ends."""

    __slots__ = ("_clock", "_link", "_next_event")

    def __init__(self, link: AirLink, clock: Clock) -> None:
        self._link = link
        self._clock = clock
        self._next_event = 0  # all before it are counted
        for end in (link.central, link.peripheral):
            end.layer.station.meters[self] = None

    def close(self) -> None:
        """Count what is left; the link is over."""
        self.account()
        for end in (self._link.central, self._link.peripheral):
            end.layer.station.meters.pop(self, None)

    def start_event(self, event: int) -> None:
        """In this event packets are exchanged; those before it that were not used were idle."""
        if event >= self._next_event:
            self._count_idle_until(event)
            self._next_event = event + 1

    @staticmethod
    def sent(sender: LinkEnd, length_us: int, *, listened: bool = True) -> None:
        """One end has sent a packet, to which the other has listened or not."""
        sender.layer.station.tx_us += length_us
        if listened:
            sender.other.layer.station.rx_us += length_us

    @staticmethod
    def unanswered(sender: LinkEnd) -> None:
        """One end has waited for an answer in vain."""
        sender.layer.station.rx_us += phy.sync_time_us(sender.other.tx_phy)

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
        listener, poller = peripheral.layer.station, central.layer.station
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
            for meter in end.layer.station.listening if not end.gone else ():
                for idle in range(self._next_event, event):
                    if not end.role or self.is_attended(idle):
                        at_us = link.anchor_us(idle)
                        meter.interrupt(at_us, at_us + link.idle_us)

    def is_attended(self, event: int) -> bool:
        """Whether the peripheral is awake in an idle event."""
        used = max(self._link.last_event, 0)
        return (event - used) % (self._link.latency + 1) == 0
