"""Means and intervals, against published values."""

from __future__ import annotations

import math
import statistics
from random import Random

import pytest

from bleio.testing.campaigns.summary import Tally, summarise, t_quantile, wilson
from bleio.testing.campaigns.table import table_of


@pytest.mark.parametrize(
    ("degrees", "quantile"),
    [(1, 12.706), (2, 4.3027), (3, 3.1824), (4, 2.7764), (5, 2.5706), (10, 2.2281), (30, 2.0423),
     (100, 1.9840), (100_000, 1.9600)],
)  # fmt: skip
def test_quantiles_of_t_are_those_of_tables(degrees: int, quantile: float) -> None:
    assert t_quantile(degrees) == pytest.approx(quantile, rel=0.002)


@pytest.mark.parametrize(
    ("successes", "count", "low", "high"),
    [(8, 10, 0.4902, 0.9433), (0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (1, 2, 0.0945, 0.9055)],
)
def test_intervals_of_proportions_are_wilsons(
    successes: int, count: int, low: float, high: float
) -> None:
    assert wilson(successes / count, count) == pytest.approx((low, high), abs=1e-4)


def test_an_interval_has_the_true_mean_as_often_as_it_says() -> None:
    random, hits = Random(1), 0
    for _ in range(2000):
        tally = Tally()
        for _ in range(6):
            tally.add(random.gauss(10, 3))
        estimate = tally.estimate()
        assert estimate.low is not None
        assert estimate.high is not None
        hits += estimate.low <= 10 <= estimate.high
    assert hits / 2000 == pytest.approx(0.95, abs=0.02)


def test_large_numbers_lose_no_precision() -> None:
    values = [1e9 + step for step in (4, 7, 13, 16)]
    tally = Tally()
    for value in values:
        tally.add(value)
    estimate = tally.estimate()
    half = t_quantile(3) * statistics.stdev(values) / math.sqrt(4)
    assert estimate.low == pytest.approx(1e9 + 10 - half, abs=1e-5)


def row(seed: int, **more: object) -> dict[str, object]:
    return {"seed": seed, "a": 1, **more}


def test_worlds_are_counted_by_what_came_of_them() -> None:
    rows = [row(0, found=True, x=1), row(1, found=False, x=None), row(2, error="E: no")]
    (one, two) = summarise([{"a": 1}, {"a": 2}], rows)
    assert (one.worlds, one.failed, two.worlds) == (3, 1, 0)
    estimates = one.estimates()
    assert (estimates["found"].mean, estimates["found"].count) == (0.5, 2)
    x = estimates["x"]
    assert (x.mean, x.low, x.high, x.count, x.missing) == (1, None, None, 1, 1)
    assert two.estimates() == {}


def test_numbers_among_truths_are_numbers() -> None:
    tally = Tally()
    for value in (True, 3):
        tally.add(value)
    assert tally.estimate().mean == 2


def test_the_table_has_a_line_for_each_choice_with_what_a_model_says() -> None:
    rows = [row(0, x=1, y=None), row(1, x=3, y=2)]
    table = table_of(summarise([{"a": 1}, {"a": 2}], rows), lambda a: {"x": 2.5 * a})
    assert [" ".join(line.split()) for line in table.splitlines()] == [
        "a worlds failed x x 95 % x expected y y 95 % y none",
        "1 2 0 2 -10.71 to 14.71 2.5 2 1",
        "2 0 0",
    ]
