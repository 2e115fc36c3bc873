"""Connection events where packets can be lost: every one is stepped through, packet by packet.

Nothing can be computed ahead here. Whether a packet arrives is known at its end, when all that
overlapped with it has been on air; it decides whether there is an answer, how long the event lasts,
which PDU comes next, and when the supervision time-out is over. So each packet is two moments of
simulated time, `_send` and `_sent`, and each event has a timer, also if nobody has anything to say:
an empty packet that is heard is a sign of life, and one that is not brings the end nearer.

The rules are few, and all are the specification's. Vol 6, Part B, 4.5:

- The peripheral answers only what it has heard, and the event ends with the first packet that gets
  lost. What is not acknowledged is sent again in the next event (`Acknowledgement`).
- It also ends with the peripheral's packet if neither of the last two has its More Data bit set.
- An end that has heard nothing for the supervision time-out drops the link; one that has never
  heard anything, after six events. The other end finds that out in its own time.
- With latency the peripheral sleeps while it has nothing to say, but after a packet that it has
  missed it listens to every event until it hears one.
- A peripheral whose clock is too far off listens at the wrong time, and hears nothing more.

What may surprise:

- A link changes to these rules in the middle of its life, when interference begins, say, or the
  next packet is to be corrupted. Until then all has been heard (`Heard.begin`), so time-outs begin
  at that moment.
- It changes back likewise. An event in which a packet is on air then is brought to its end here, by
  an engine that the link has already put away. That is why `_sent` finds everything at the link and
  its ends, and only the number of the event and the central's last bit are kept here.
- The first exchange of an event has the radios of its ends until it is over, even beyond the anchor
  point of another link: a packet that is on air cannot be taken back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bleio.core.codes import HciErrorCode
from bleio.radio.air import phy
from bleio.radio.air.medium import Transmission
from bleio.radio.connection.acknowledgement import MORE_DATA

if TYPE_CHECKING:
    from bleio.radio.connection.end import LinkEnd
    from bleio.radio.connection.link import AirLink
    from bleio.radio.connection.pdu import DataPdu

# After this many events without a packet the connection was never established.
ESTABLISHING_EVENTS = 6


class SteppedEvents:
    """The events of a link whose packets can be lost, from now on."""

    __slots__ = ("_clock", "_event", "_events", "_link", "_medium", "_more", "_schedule")

    def __init__(self, link: AirLink) -> None:
        self._link = link
        self._clock = link.radio.clock
        self._medium = link.radio.medium
        self._schedule = link.schedule
        self._event = 0
        self._events = 0  # that have begun
        self._more = 0  # the More Data bit of the central's last packet
        now_us = self._clock.now_us
        for end in (link.central, link.peripheral):
            end.heard.begin(now_us, link.event_at(now_us) - 1, ever=link.was_used)

    def wake(self) -> None:
        """Plan the next event, whatever is to be said in it."""
        schedule = self._schedule
        if not (schedule.in_event or schedule.stopped):
            schedule.plan(max(self._link.event_at(self._clock.now_us), schedule.next_event))

    def begin(self, event: int) -> None:
        """Let an event take place whose anchor point is now, or give way to other links."""
        link = self._link
        ends = (link.central, link.peripheral) if self._attends(event) else (link.central,)
        if self._schedule.claim(event, ends, link.exchange_us):
            self.exchange(event)

    def _attends(self, event: int) -> bool:
        """Whether the peripheral is awake in an event that begins now, and at the right time."""
        link, peripheral = self._link, self._link.peripheral
        heard = peripheral.heard
        if not heard.ever:
            return True
        if link.anchors.is_missed(self._clock.now_us - heard.at_us):
            return False
        # One that has missed its packet listens again until it hears one.
        return peripheral.acknowledgement.has_pdu or event - heard.event > link.latency

    def exchange(self, event: int) -> None:
        """Begin with the central's packet, unless it is too late for one of the ends."""
        self._events += 1
        self._event = event
        if self._is_alive():
            self._poll()

    def _is_alive(self) -> bool:
        """See to the time-outs at the beginning of each event."""
        link = self._link
        for end in (link.central, link.peripheral):
            if not end.heard.ever and self._events > ESTABLISHING_EVENTS:
                link.drop(end, HciErrorCode.CONNECTION_FAILED_TO_BE_ESTABLISHED)
                return False
            if self._clock.now_us - end.heard.at_us >= link.timeout_us:
                link.drop(end, HciErrorCode.CONNECTION_TIMEOUT)
                return False
        return True

    # -- packets --

    def _poll(self) -> None:
        """Let the central send; what the peripheral will answer is settled by then."""
        central, peripheral = self._link.central, self._link.peripheral
        peripheral.acknowledgement.choose()
        pdu, header = central.acknowledgement.transmit()
        self._more = header & MORE_DATA
        self._send(central, pdu, header)

    def _send(self, sender: LinkEnd, pdu: DataPdu, header: int) -> None:
        link, now_us = self._link, self._clock.now_us
        packet = self._medium.transmit(
            Transmission(
                sender.layer.station,
                link.channel(self._event),
                now_us,
                pdu.octets,
                sender.negotiated.tx_phy,
                sender.tx_power_dbm,
            )
        )
        if link.radio.watched:
            link.show(sender, pdu, header, self._event, now_us, crc_right=not packet.corrupt)
        self._schedule.step(packet.to_us, self._sent, sender, pdu, header, packet)

    def _sent(self, sender: LinkEnd, pdu: DataPdu, header: int, packet: Transmission) -> None:
        receiver, link, schedule = sender.other, self._link, self._schedule
        now_us = self._clock.now_us
        listens = receiver in schedule.attending
        link.meter.sent(sender, packet.to_us - packet.from_us, listened=listens)
        if not listens or not self._medium.receives(packet, receiver.layer.station):
            if not sender.role:
                link.meter.unanswered(sender)
            schedule.over()
            return
        receiver.heard.note(now_us, self._event)
        receiver.acknowledgement.take(pdu, header)
        if schedule.stopped:
            return
        next_us = now_us + phy.T_IFS_US
        schedule.exchanges_left -= sender.role  # with the peripheral's packet one has ended
        if not sender.role:
            # What its host has to say to that comes too late, also for the More Data bit.
            schedule.step(next_us, self._send, receiver, *receiver.acknowledgement.transmit())
        elif (self._more or header & MORE_DATA) and schedule.fits(next_us):
            schedule.step(next_us, self._go_on)
        else:
            schedule.over()

    def _go_on(self) -> None:
        """Let the central send again, if that still fits: more may have come to be said."""
        if self._schedule.fits(self._clock.now_us):
            self._poll()
        else:
            self._schedule.over()

    # -- what can be asked --

    def last_heard(self, end: LinkEnd) -> tuple[int, bool]:
        """When an end has heard the other last, in microseconds, and whether it ever has."""
        return end.heard.at_us, end.heard.ever

    def has_announced(self, controls: int) -> bool:
        """Whether as many of the central's control PDUs have arrived."""
        return self._link.central.controls_arrived >= controls
