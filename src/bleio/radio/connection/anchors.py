"""When connection events are, and how well a peripheral's clock tells it so.

Spec: Vol 6, Part B, 4.2.2 and 4.5.7. A central's sleep clock that is wrong by some ppm stretches or
shrinks all intervals. The peripheral finds the anchor points again at every packet that it hears.
Until then it listens earlier and longer, by as much as both clocks together may be wrong by what
they declare. If they are wrong by more, it listens at the wrong time.

Anchor points are computed from the first one, or from the last change of the interval, and never
from the one before, or what rounding to whole microseconds loses would add up. At 20 ppm a step of
7.5 ms is 0.15 us too long: a sum of rounded steps would show no drift at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bleio.radio.air.station import Station

_MILLION = 1_000_000
# By this much an instant may be off as well.
_JITTER_US = 16
# Upper ends of the ranges that the sleep clock accuracies 0 to 7 stand for, ppm.
_ACCURACIES_PPM = (500, 250, 150, 100, 75, 50, 30, 20)


class Anchors:
    """The anchor points of a link: integer arithmetic, no step per event.

    The clocks of its two stations are taken as they are when the link is made.
    """

    __slots__ = ("_drift_ppm", "_event", "_excess_ppm", "_step", "_time_us", "first_us",
                 "interval_us")  # fmt: skip

    def __init__(
        self, first_us: int, interval_us: int, central: Station, peripheral: Station
    ) -> None:
        self.first_us = first_us
        self._drift_ppm = central.clock_drift_ppm  # by how much it is slow
        self._excess_ppm = _excess_ppm(central, peripheral)
        self._event, self._time_us = 0, first_us
        self._set_interval(interval_us)

    def _set_interval(self, interval_us: int) -> None:
        self.interval_us = interval_us
        self._step = interval_us * (_MILLION + self._drift_ppm)

    def change_interval(self, event: int, interval_us: int) -> None:
        """Use another interval from an event on."""
        self._time_us, self._event = self.time_us(event), event
        self._set_interval(interval_us)

    def time_us(self, event: int) -> int:
        """The anchor point of an event."""
        return self._time_us + (event - self._event) * self._step // _MILLION

    def event_at(self, time_us: int) -> int:
        """The number of the first event at or after a time."""
        return self._event + -((self._time_us - time_us) * _MILLION // self._step)

    def is_missed(self, since_us: int) -> bool:
        """Whether a peripheral that has heard nothing for this time listens at the wrong one."""
        return self._excess_ppm * since_us > _JITTER_US * _MILLION


def accuracy_code(station: Station) -> int:
    """What a central declares of its clock. Spec: Vol 6, Part B, 2.3.3.1, SCA."""
    codes = range(len(_ACCURACIES_PPM))
    return max(code for code in codes if station.clock_accuracy_ppm <= _ACCURACIES_PPM[code])


def _excess_ppm(central: Station, peripheral: Station) -> int:
    """By how much two clocks differ more than they declare; not positive if they keep to it."""
    declared_ppm = _ACCURACIES_PPM[accuracy_code(central)] + peripheral.clock_accuracy_ppm
    return abs(central.clock_drift_ppm - peripheral.clock_drift_ppm) - declared_ppm
