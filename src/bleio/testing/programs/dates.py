"""The `datetime` of one device: now is simulated time, and there are no time zones but UTC.

`datetime` and `date` are classes in C that ask the system for the time, and nothing can be replaced
in them. So the device's are subclasses that ask the device. Nobody is to notice: both take
instances of the original for their own and are equal to it, so that a dictionary by type or a
comparison of types finds it; their instances show themselves, and are pickled and copied, as the
original's. What a program makes of the device's class is the device's, also by arithmetic; a test
may compare and subtract it from its own.

What may surprise: `type(moment) is datetime` is false for one that a test or a shared module has
made, and such a moment, if it has no time zone, counts as in that of this machine.
"""

from __future__ import annotations

import datetime as real
from collections.abc import Callable
from types import ModuleType
from typing import Any

from bleio.testing.programs.copying import copy_of
from bleio.testing.programs.standins import alike

_UTC = real.timezone.utc
_EPOCH = real.datetime(1970, 1, 1, tzinfo=_UTC)


def make_datetime(time_ns: Callable[[], int]) -> ModuleType:
    """Make a `datetime` whose now is that of a clock."""

    def now() -> real.datetime:
        return _EPOCH + real.timedelta(microseconds=time_ns() // 1000)

    moment, day = _make_moment(now), _make_day(now)
    return copy_of(real, datetime=moment, date=day)


def _make_moment(clock: Callable[[], real.datetime]) -> Any:
    def now(cls: Any, tz: real.tzinfo | None = None) -> Any:
        return _as(cls, clock(), tz)

    def today(cls: Any) -> Any:
        return _as(cls, clock(), None)

    def fromtimestamp(cls: Any, timestamp: float, tz: real.tzinfo | None = None) -> Any:
        return _as(cls, real.datetime.fromtimestamp(timestamp, _UTC), tz)

    def timestamp(self: Any) -> float:
        since: real.timedelta = _aware(self) - _EPOCH
        return since.total_seconds()

    def astimezone(self: Any, tz: real.tzinfo | None = None) -> Any:
        return real.datetime.astimezone(_aware(self), tz or _UTC)

    def plain(self: Any) -> Any:
        return real.datetime.combine(real.datetime.date(self), real.datetime.timetz(self))

    return _dated(
        real.datetime,
        plain,
        {"now": now, "utcnow": today, "today": today, "fromtimestamp": fromtimestamp},
        {"timestamp": timestamp, "astimezone": astimezone},
    )


def _make_day(clock: Callable[[], real.datetime]) -> Any:
    def today(cls: Any) -> Any:
        return _day(cls, clock())

    def fromtimestamp(cls: Any, timestamp: float) -> Any:
        return _day(cls, real.datetime.fromtimestamp(timestamp, _UTC))

    def plain(self: Any) -> Any:
        return real.date(self.year, self.month, self.day)

    return _dated(real.date, plain, {"today": today, "fromtimestamp": fromtimestamp}, {})


def _dated(
    original: type,
    plain: Callable[[Any], Any],
    of_class: dict[str, Any],
    of_instances: dict[str, Any],
) -> Any:
    """Make the device's class, with methods of both kinds.

    Args: plain: makes of an instance one of the original. What a program derives of the class is
        pickled and shown as usual.
    """
    methods: dict[str, Any] = {name: classmethod(each) for name, each in of_class.items()}
    made: Any = None

    def reduce(self: Any, protocol: Any) -> Any:
        one = plain(self) if type(self) is made else super(made, self)
        return one.__reduce_ex__(protocol)

    def show(self: Any) -> str:
        return repr(plain(self)) if type(self) is made else str(super(made, self).__repr__())

    def itself(self: Any, memo: Any = None) -> Any:
        return self

    made = alike(
        original,
        {
            **methods,
            **of_instances,
            "__slots__": (),
            "__reduce_ex__": reduce,
            "__repr__": show,
            "__copy__": itself,
            "__deepcopy__": itself,
        },
    )
    return made


def _aware(moment: Any) -> Any:
    return moment.replace(tzinfo=_UTC) if moment.utcoffset() is None else moment


def _as(cls: Any, moment: real.datetime, tz: real.tzinfo | None) -> Any:
    """Return a moment in UTC in a time zone, as one of a class."""
    there = moment.astimezone(tz or _UTC)
    day, time = there.date(), there.time()
    return cls.combine(day, time.replace(tzinfo=tz))


def _day(cls: Any, moment: real.datetime) -> Any:
    return cls(moment.year, moment.month, moment.day)
