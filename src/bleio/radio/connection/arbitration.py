"""One radio does one thing at a time: which link has it, and when.

A device with several links, or with links and a scanner, has one radio. The events of its links
drift through each other, as intervals differ, and sooner or later two want it at once. What a
controller does then is its maker's affair; the specification only wants links to survive. The rules
here are the same on every air, and nothing is left to chance:

- A central places the first anchor point of a new link in the largest gap between those it has.
- A connection event ends where the next one of another link of either end begins.
- One that begins within the first exchange of another does not take place; unless its link has been
  passed over for a larger part of its supervision time-out. Then it is the other that does not.
- Scanning, initiating and advertising have what links leave.

The obvious rule, first come, first served, starves links: two with the same interval that overlap
once overlap for ever, and the later one never has its turn until its supervision time-out is over.
Drawing lots would save it, but then a test of two links depends on the seed in ways that nobody can
follow. `Schedule.urgency` does without: each event that is passed over makes a link more urgent,
relative to how long it can live without one, until the other has to wait. So links that collide
take turns, and those with short time-outs have more of them.

What may surprise:

- An event needs the radios of both its ends. If one has no time, the event does not take place
  at all, though on air the central would send and hear nothing; both ends are known here, and what
  they would do with the lost packet is the same.
- Nobody is asked ahead of time. A decision is made at the anchor point, looking only at what is due
  within the first exchange, and never taken back: an event that has begun goes on to its end.
- Where nothing can get lost, events in which nobody has anything to say are not simulated
  (`computed.py`), so they give way to everything and are in nobody's way.
- `RadioTime.busy` answers about time to come with an estimate of what is queued now. Advertising
  and scanning that asked before more was queued may overlap with an event that became longer.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from itertools import chain, pairwise
from math import gcd
from operator import itemgetter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bleio.radio.connection.end import LinkEnd
    from bleio.radio.connection.layer import ConnectionLayer
    from bleio.radio.connection.link import AirLink

# Events that may overlap with a packet that has just ended.
_REMEMBERED = 32


class RadioTime:
    """What one device's radio is needed for by its links."""

    def __init__(self, layer: ConnectionLayer) -> None:
        self._layer = layer
        self._user: AirLink | None = None
        self._since_us = 0
        self.busy_until_us = 0
        self._past: deque[tuple[int, int]] = deque(maxlen=_REMEMBERED)

    def begin(self, link: AirLink, now_us: int, until_us: int) -> None:
        """A connection event of a link begins and will be over by then."""
        self._user, self._since_us, self.busy_until_us = link, now_us, until_us

    def end(self, link: AirLink, at_us: int) -> None:
        """If it is the link's event that goes on, it ends; as late as that."""
        if self._user is link:
            self._user, self.busy_until_us = None, at_us
            self._past.append((self._since_us, at_us))
            for meter in self._layer.station.listening:
                meter.interrupt(self._since_us, at_us)

    def busy(self, from_us: int, to_us: int) -> bool:
        """Whether links need the radio in this time, as far as that is known now.

        An event that goes on counts until its latest end, one to come for what waits to be sent.
        """
        links = self._layer.links
        if not links:
            return False
        if self._user is not None and self._since_us < to_us and from_us < self.busy_until_us:
            return True
        return any(begin < to_us and from_us < end for begin, end in self._past) or any(
            _overlaps(end.link, from_us, to_us) for end in links.values()
        )


def _overlaps(link: AirLink, from_us: int, to_us: int) -> bool:
    """Whether one of a link's events to come overlaps with this time."""
    event = max(link.event_at(from_us - link.expected_us + 1), link.schedule.next_event)
    return link.anchor_us(event) < to_us


def end_of_event_us(link: AirLink, event: int, now_us: int) -> int | None:
    """When an event that is due now has to be over.

    Returns: None if it does not take place: it does not have all radios for its first exchange.
    """
    central, peripheral, schedule = link.central, link.peripheral, link.schedule
    for end in schedule.attending:
        if end.layer.radio_time.busy_until_us > now_us:
            return None
    end_us = link.anchor_us(event + 1)
    for end in (central, peripheral):
        if end.max_event_us:
            end_us = min(end_us, now_us + end.max_event_us)
    if len(central.layer.links) + len(peripheral.layer.links) <= 2:
        return end_us  # neither end has another link
    urgency, exchanged_us = schedule.urgency, now_us + link.exchange_us
    for other in _neighbours(link):
        if other.schedule.urgency > urgency and other.schedule.is_due(now_us, exchanged_us):
            return None
        # What begins in the first exchange does not take place.
        end_us = min(end_us, other.anchor_us(other.event_at(exchanged_us)))
    return end_us


def _neighbours(link: AirLink) -> list[AirLink]:
    """The other links of both ends' devices."""
    ends = chain(link.central.layer.links.values(), link.peripheral.layer.links.values())
    return [end.link for end in ends if end.link is not link]


def first_anchor_us(links: Mapping[int, LinkEnd], earliest_us: int, interval_us: int) -> int:
    """Where a new link gets most time and takes least from those that a central has.

    Args: earliest_us: the first anchor point lies in the interval that begins here.
    """
    taken_us: set[int] = set()
    for end in links.values():
        # In the course of time its anchor points come to lie at all these distances from ours.
        step_us = gcd(interval_us, end.link.interval_us)
        first_us = end.link.anchor_us(end.link.event_at(earliest_us)) - earliest_us
        taken_us.update(range(first_us % step_us, interval_us, step_us))
    if not taken_us:
        return earliest_us
    ordered = sorted(taken_us)
    gaps = [(later - earlier, earlier) for earlier, later in pairwise(ordered)]
    gaps.append((ordered[0] + interval_us - ordered[-1], ordered[-1]))
    gap_us, after_us = max(gaps, key=itemgetter(0))
    return earliest_us + (after_us + gap_us // 2) % interval_us
