"""Means and their intervals, of each choice of parameters, from rows that come one by one.

Numbers have a mean, with Student's t for the interval. True and False have the part that is true,
with Wilson's interval, which is right for few worlds and for parts near 0 and 1, too, where others
leave the range or have no width (E. B. Wilson, "Probable inference, the law of succession, and
statistical inference", 1927). Both are for 95 %, and take worlds as independent, as seeds are.

The quantile of t is exact for 1 and 2 degrees of freedom, and from 3 on a series in their inverse
(Abramowitz and Stegun, 26.7.5) that is at most 0.2 % too small.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import Any

from bleio.testing.campaigns.plan import Parameters, key_of

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Estimate:
    """What is known of one result for one choice of parameters.

    Args: mean: of numbers; of True and False the part that is true. low, high: the interval that
        has the true one with 95 %; None with fewer than two numbers. count: of worlds that
        returned one; missing: of those that returned None.
    """

    mean: float
    low: float | None
    high: float | None
    count: int
    missing: int = 0


@dataclass
class Tally:
    """Sums of one result; Welford's, so that many large numbers lose no precision."""

    count: int = 0
    mean: float = 0.0
    squares: float = 0.0
    truths_only: bool = True
    missing: int = 0

    def add(self, value: float | None) -> None:
        """Take one more."""
        if value is None:
            self.missing += 1
            return
        self.truths_only &= isinstance(value, bool)
        self.count += 1
        step = value - self.mean
        self.mean += step / self.count
        self.squares += step * (value - self.mean)

    def estimate(self) -> Estimate:
        """Return mean and interval."""
        if self.truths_only:
            return Estimate(self.mean, *wilson(self.mean, self.count), self.count, self.missing)
        if self.count < 2:
            return Estimate(self.mean, None, None, self.count, self.missing)
        deviation = math.sqrt(self.squares / (self.count - 1))
        half = t_quantile(self.count - 1) * deviation / math.sqrt(self.count)
        return Estimate(self.mean, self.mean - half, self.mean + half, self.count, self.missing)


@dataclass
class Group:
    """All worlds of one choice of parameters."""

    parameters: Parameters
    worlds: int = 0
    failed: int = 0
    tallies: dict[str, Tally] = field(default_factory=dict)

    def add(self, row: Mapping[str, Any]) -> None:
        """Take the row of one world."""
        self.worlds += 1
        if "error" in row:
            self.failed += 1
            return
        for name, value in row.items():
            if name != "seed" and name not in self.parameters:
                self.tallies.setdefault(name, Tally()).add(value)

    def estimates(self) -> dict[str, Estimate]:
        """Return what is known of each result that had a value."""
        return {name: each.estimate() for name, each in self.tallies.items() if each.count}


def summarise(choices: Iterable[Parameters], rows: Iterable[Mapping[str, Any]]) -> list[Group]:
    """Return the groups of all choices, in their order, with these rows."""
    groups = {key_of(each): Group(each) for each in choices}
    for row in rows:
        names = next(iter(groups.values())).parameters
        groups[key_of({name: row[name] for name in names})].add(row)
    return list(groups.values())


def wilson(part: float, count: int) -> tuple[float, float]:
    """Return the interval of a proportion."""
    z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
    centre = part + z * z / (2 * count)
    half = z * math.sqrt(part * (1 - part) / count + z * z / (4 * count * count))
    whole = 1 + z * z / count
    low, high = (centre - half) / whole, (centre + half) / whole
    return max(0.0, min(part, low)), min(1.0, max(part, high))  # but for rounding


def t_quantile(degrees: int) -> float:
    """Return how many standard errors the interval of a mean has to each side."""
    p = (1 + CONFIDENCE) / 2
    if degrees == 1:
        return math.tan(math.pi * (p - 0.5))
    if degrees == 2:
        return (2 * p - 1) * math.sqrt(2 / (4 * p * (1 - p)))
    z = NormalDist().inv_cdf(p)
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return z + math.fsum(term / degrees**power for power, term in enumerate(terms, 1))
