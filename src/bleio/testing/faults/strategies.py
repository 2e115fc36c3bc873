"""Faults that hypothesis thinks of: `@given(faults=schedules("sensor", "reader", within_s=10))`.

Bugs of two faults are found when the second comes while a program still copes with the first, which
takes it milliseconds or seconds; times that are spread evenly over a minute hardly ever do that. So
faults of one schedule gather around one time, at distances of all orders of magnitude.

hypothesis makes what it has found simpler by choosing what was given to it earlier: fewer faults,
whole seconds before tenths, one second before longer and shorter, the first kinds and devices.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from hypothesis import strategies as st

from bleio.testing.faults.fault import (
    ADVERTISING,
    ALL_CHANNELS,
    KINDS,
    OF_DEVICES,
    Corrupt,
    Fault,
    Jam,
    Loss,
    Slow,
    Wifi,
)
from bleio.testing.faults.text import kind_of

MOST = 3
LONGEST_S = 5.0
_LASTING_S = (1.0, 2.0, 5.0, 0.5, 0.2, 0.1, 0.05, 0.01, 10.0, 20.0, 50.0, 100.0)
_SETTINGS: dict[type[Fault], dict[str, tuple[Any, ...]]] = {
    Slow: {"times": (1000.0, 100.0, 5000.0, 20_000.0)},
    Corrupt: {"packets": (1, 2, 3, 5, 10, 100)},
    Loss: {"part": (0.5, 0.2, 0.9, 1.0)},
    Jam: {"channels": (ALL_CHANNELS, ADVERTISING, tuple(range(37)))},
    Wifi: {"channel": (6, 1, 11), "load": (0.5, 0.9)},
}
Kinds = Iterable[type[Fault] | str]


def faults(
    *devices: str, within_s: float = 10.0, kinds: Kinds | None = None, longest_s: float = LONGEST_S
) -> st.SearchStrategy[Fault]:
    """Make a strategy of single faults.

    Args: devices: names of those that can have faults; without any, the air has them.
        within_s: when they begin, at the latest. kinds: classes or names, such as "drop"; by
        default all that are possible. longest_s: how long they last.
    Raises: ValueError.
    """
    return _placed(_times(within_s), unplaced(devices, kinds, longest_s))


def schedules(
    *devices: str,
    within_s: float = 10.0,
    kinds: Kinds | None = None,
    longest_s: float = LONGEST_S,
    most: int = MOST,
) -> st.SearchStrategy[tuple[Fault, ...]]:
    """Make a strategy of none to `most` faults together, by their times; see `faults`."""
    if most < 0:
        raise ValueError("most must be a number of faults from 0 on")
    one = st.tuples(_gaps(within_s), unplaced(devices, kinds, longest_s))
    return _together(_times(within_s), st.lists(one, max_size=most), within_s)


Unplaced = Callable[[float], Fault]


# hypothesis shows what `builds` and `map` give as calls of their functions; of these, as values.
@st.composite
def _together(
    draw: st.DrawFn,
    times: st.SearchStrategy[float],
    several: st.SearchStrategy[list[tuple[float, Unplaced]]],
    within_s: float,
) -> tuple[Fault, ...]:
    at_s = draw(times)
    placed = [make(min(at_s + gap_s, within_s)) for gap_s, make in draw(several)]
    return tuple(sorted(placed, key=lambda fault: fault.at_s))


@st.composite
def _placed(
    draw: st.DrawFn, times: st.SearchStrategy[float], one: st.SearchStrategy[Unplaced]
) -> Fault:
    at_s = draw(times)
    return draw(one)(at_s)


def unplaced(
    devices: tuple[str, ...], kinds: Kinds | None = None, longest_s: float = LONGEST_S
) -> st.SearchStrategy[Unplaced]:
    """Faults without their times, which are what they are called with."""
    wanted = _kinds(kinds, devices)
    lasting = [each for each in _LASTING_S if each <= longest_s] or [longest_s]
    return st.one_of([_of_kind(kind, devices, lasting) for kind in wanted])


def _kinds(kinds: Kinds | None, devices: tuple[str, ...]) -> list[type[Fault]]:
    if kinds is None:
        return [kind for kind in KINDS.values() if devices or kind not in OF_DEVICES]
    found = []
    for each in kinds:
        kind = kind_of(each) if isinstance(each, str) else each
        if kind in OF_DEVICES and not devices:
            raise ValueError(f"{kind.KIND!r} is a fault of devices: give their names, too")
        found.append(kind)
    if not found:
        raise ValueError("There must be some kinds of faults")
    return found


def _of_kind(
    kind: type[Fault], devices: tuple[str, ...], lasting: list[float]
) -> st.SearchStrategy[Unplaced]:
    names = kind.__dataclass_fields__  # type: ignore[attr-defined] # all kinds are dataclasses
    chosen: dict[str, st.SearchStrategy[Any]] = {}
    if "device" in names:
        chosen["device"] = st.sampled_from(devices)
    if "for_s" in names:
        chosen["for_s"] = st.sampled_from(lasting)
    for name, values in _SETTINGS.get(kind, {}).items():
        chosen[name] = st.sampled_from(values)

    make: Callable[..., Fault] = kind

    def later(arguments: dict[str, Any]) -> Unplaced:
        return lambda at_s: make(at_s=at_s, **arguments)

    return st.fixed_dictionaries(chosen).map(later)


def _round_s(within_s: float) -> list[float]:
    """Return times of one digit, whole seconds first."""
    scales = (1.0, 10.0, 100.0, 1000.0, 0.1, 0.01, 0.001)
    times = [round(digit * scale, 3) for scale in scales for digit in range(1, 10)]
    return [0.0, *(each for each in times if each <= within_s)]


def _gaps(within_s: float) -> st.SearchStrategy[float]:
    return st.sampled_from(_round_s(within_s))


def _times(within_s: float) -> st.SearchStrategy[float]:
    if not 0 <= within_s <= 1e6:
        raise ValueError("within_s must be a number of seconds from 0 on")
    whole = st.integers(0, int(within_s)).map(float)
    return st.one_of(whole, _gaps(within_s), st.integers(0, int(within_s * 1000)).map(_from_ms))


def _from_ms(time_ms: int) -> float:
    return time_ms / 1000
