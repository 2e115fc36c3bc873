"""What hypothesis thinks of for a hunt, and how it is asked to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

import hypothesis
from hypothesis import HealthCheck, Phase, settings, strategies as st
from hypothesis.errors import NoSuchExample

from bleio.testing.faults.fault import Fault
from bleio.testing.faults.strategies import Kinds, Unplaced, unplaced
from bleio.testing.hunt.behaviour import Beginning
from bleio.testing.hunt.trial import Case

_PARTS = 10_000
_HALVES = (0.5, 0.25, 0.75, 0.1, 0.9)
Cases = st.SearchStrategy[Case]


def cases(seeds: int, schedules: st.SearchStrategy[tuple[Fault, ...]]) -> Cases:
    """Any seed with any of these faults."""
    return st.builds(Case, st.integers(0, seeds - 1), schedules)


def one_more(
    beginnings: Sequence[Beginning], seeds: int, devices: tuple[str, ...], kinds: Kinds | None
) -> Cases:
    """One of these beginnings with one more fault; mostly with its own seed."""
    parts = st.integers(0, _PARTS).map(lambda number: number / _PARTS)
    among = st.tuples(parts, st.one_of(st.sampled_from(_HALVES), parts))
    return st.builds(
        _with_one_more,
        st.sampled_from(beginnings),
        st.one_of(st.none(), st.integers(0, seeds - 1)),
        st.one_of(parts, among),
        unplaced(devices, kinds),
    )


def _with_one_more(
    beginning: Beginning, seed: int | None, place: float | tuple[float, float], make: Unplaced
) -> Case:
    if isinstance(place, tuple):
        added = make(beginning.among_moments_s(*place))
    else:
        added = make(beginning.in_time_s(place))
    faults = sorted((*beginning.faults, added), key=lambda fault: fault.at_s)
    return Case(beginning.seed if seed is None else seed, tuple(faults))


def find(of: Cases, wanted: Callable[[Case], bool], runs: int) -> bool:
    """Have `wanted` asked of so many cases, and if it is true of one, of simpler ones.

    Returns: whether it was. The same cases come each time.
    """
    options = settings(
        max_examples=max(1, runs),
        database=None,
        deadline=None,
        report_multiple_bugs=False,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    try:
        hypothesis.find(of, wanted, settings=options, random=Random(0))
    except NoSuchExample:
        return False
    return True
