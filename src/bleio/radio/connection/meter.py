"""How long a link keeps the radios of its stations on, and the events in which nothing is said.

Packets are counted when they are sent. Connection events without any are not simulated where
nothing can be lost, so they are counted afterwards, as far as time has come: when an event takes
place, when somebody reads a station's counters, and before anything changes on which they depend
(PHY, interval, latency, channel map, an end that goes). Code that changes one of those calls
`account` first, or events of the past are counted by the rules of today.

To count an idle event is to say what happened in it: which of the two were awake, whose radio was
on for how long, and for captures that ask for it one more turn of the sequence numbers and the two
empty packets. Idle events also take radio time away from the windows of a scanner or initiator on
the same station; since they are counted late, that is subtracted late, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bleio.radio.air import phy

if TYPE_CHECKING:
    from bleio.radio.air.clock import Timeline
    from bleio.radio.connection.end import LinkEnd
    from bleio.radio.connection.link import AirLink


class LinkMeter:
    """Counts the connection events of a link at both of its ends."""

    __slots__ = ("_clock", "_ends", "_link", "_next_event")

    def __init__(self, link: AirLink, clock: Timeline) -> None:
        self._link = link
        self._clock = clock
        self._ends = (link.central, link.peripheral)
        self._next_event = 0  # all before it are counted
        for end in self._ends:
            end.layer.station.meters[self] = None

    def close(self) -> None:
        """Count what is left; the link is over."""
        self.account()
        for end in self._ends:
            end.layer.station.meters.pop(self, None)

    # -- events in which packets are exchanged --

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
        sender.layer.station.rx_us += phy.sync_time_us(sender.other.negotiated.tx_phy)

    # -- idle events --

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
        central, peripheral = self._ends
        poller, listener = central.layer.station, peripheral.layer.station
        if poller.listening or listener.listening:
            self._interrupt_until(event)
        attended = 0 if central.gone or peripheral.gone else self._attended(event)
        if central.gone:
            listener.rx_us += count * phy.sync_time_us(central.negotiated.tx_phy)
        else:
            poll_us = central.negotiated.air_times_us[0]
            answer_us = peripheral.negotiated.air_times_us[0]
            in_vain_us = phy.sync_time_us(peripheral.negotiated.tx_phy)
            poller.tx_us += count * poll_us
            poller.rx_us += attended * answer_us + (count - attended) * in_vain_us
            listener.rx_us += attended * poll_us
            listener.tx_us += attended * answer_us
        if self._link.radio.idle_watched:
            self._show_until(event, attended)
        # Else the sequence numbers stay as they are: were they turned for packets that nobody is
        # shown, those that are shown would look sent again or never acknowledged.
        self._next_event = event

    def _attended(self, event: int) -> int:
        """How many of the idle events before this one the peripheral does not sleep through."""
        step, used = self._link.latency + 1, max(self._link.schedule.last_event, 0)
        return (event - 1 - used) // step - (self._next_event - 1 - used) // step

    def _is_attended(self, event: int) -> bool:
        """Whether the peripheral is awake in an idle event."""
        used = max(self._link.schedule.last_event, 0)
        return (event - used) % (self._link.latency + 1) == 0

    def _count_exchange(self) -> None:
        for end in self._ends:
            end.acknowledgement.count_exchange()

    def _interrupt_until(self, event: int) -> None:
        """Take idle events from what their stations listen to otherwise."""
        central, peripheral = self._ends
        poll_us, answer_us = (end.negotiated.air_times_us[0] for end in self._ends)
        idle_us = poll_us + answer_us + phy.T_IFS_US
        for end in (central, peripheral):
            for meter in end.layer.station.listening if not end.gone else ():
                for idle in range(self._next_event, event):
                    if not end.role or self._is_attended(idle):
                        at_us = self._link.anchor_us(idle)
                        meter.interrupt(at_us, at_us + idle_us)

    def _show_until(self, until: int, attended: int) -> None:
        """Show idle events as packets: one each way, if both ends took part.

        Args: attended: how many the peripheral does not sleep through.
        """
        link, (central, peripheral) = self._link, self._ends
        for event in range(self._next_event, until):
            awake = attended > 0 and self._is_attended(event)
            at_us = link.anchor_us(event)
            if not central.gone:
                header = central.acknowledgement.empty_header()
                link.radio.show_idle(link.idle_packet(central, header, event, at_us))
            if awake:
                header = peripheral.acknowledgement.empty_header(answers=True)
                at_us += central.negotiated.air_times_us[0] + phy.T_IFS_US
                link.radio.show_idle(link.idle_packet(peripheral, header, event, at_us))
                self._count_exchange()
