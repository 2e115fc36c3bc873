"""Times as a twin replays them.

What a device sends at even times comes at uneven ones: a link carries nothing but at its connection
events, and each system that it passes takes its time. A twin that replayed that would add its own.
So times that are even but for that are made even, and others keep their steps to 10 ms.

A recording begins with a subscription, wherever the device is at that moment in what it does. The
twin begins with the first value, and begins again after as long as the recording took. So a twin
that is recorded for as long gives the same steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

_UNEVEN_MS = 60  # two events of a slow link
_UNEVEN = 0.15
_STEP_MS = 10
_AT_ONCE_MS = 100


def steps_ms(times_ms: Sequence[int], recorded_ms: int) -> list[int]:
    """Return the time before each value: of the first, after the last when all begins again.

    A value that comes when the twin would begin again is left out: there may be fewer steps.
    """
    if not times_ms:
        return []
    gaps = [after - before for before, after in pairwise(times_ms)]
    usual = sorted(gaps)[len(gaps) // 2] if gaps else 0
    end = times_ms[0] + recorded_ms - min(usual, recorded_ms) // 2
    kept = [time for time in times_ms if time < end] or [times_ms[0]]
    gaps = gaps[: len(kept) - 1]
    again = max(recorded_ms - (kept[-1] - kept[0]), _STEP_MS)
    mean = (sum(gaps) + again) / len(kept)
    allowed = max(_UNEVEN_MS, _UNEVEN * mean)
    if len(kept) > 1 and all(abs(gap - mean) <= allowed for gap in (again, *gaps)):
        return [_two_digits(mean)] * len(kept)
    return [_rounded(gap) for gap in (again, *gaps)]


def _rounded(time_ms: float) -> int:
    return _STEP_MS * round(time_ms / _STEP_MS)


def _two_digits(time_ms: float) -> int:
    return max(1, round(float(f"{time_ms:.2g}")))


def answer_ms(time_ms: float) -> int:
    """Return how long to wait before an answer: what a link takes anyway is none."""
    return 0 if time_ms < _AT_ONCE_MS else _rounded(time_ms)


# What devices use, in ms: the usual ones of tutorials, and those that Apple asks accessories for.
_USUAL_MS = (
    *(20, 30, 40, 50, 60, 80, 100, 120, 150, 152.5, 200, 211.25, 250, 300, 318.75, 400, 417.5),
    *(500, 546.25, 600, 700, 760, 800, 852.5, 900, 1000, 1022.5, 1200, 1285, 1500, 2000, 2500),
    *(3000, 4000, 5000, 6000, 7000, 8000, 9000, 10000, 10240),
)
_DELAY_MS = 5  # what an advertiser adds by chance to each interval, 0 to 10. Vol 6, Part B, 4.4.2.2
_USUAL = 0.02


def interval_ms(times_ms: Sequence[float]) -> float | None:
    """Return the interval of an advertiser that was heard at these times; None if that is too few.

    Packets that were missed make gaps of several intervals, which do not count.
    """
    gaps = [after - before for before, after in pairwise(times_ms)]
    gaps = sorted(gap for gap in gaps if gap > 2 * _DELAY_MS)  # less: the same event once more
    if not gaps:
        return None
    shortest = gaps[len(gaps) // 10]
    single = [gap for gap in gaps if gap < 1.5 * shortest]
    measured = sum(single) / len(single) - _DELAY_MS
    usual = min(_USUAL_MS, key=lambda each: abs(each - measured))
    if abs(usual - measured) <= max(_USUAL * usual, _DELAY_MS):
        return usual
    return max(20, float(f"{measured:.3g}"))
