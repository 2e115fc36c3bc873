"""When a scanner makes use of an opportunity to ask."""

from __future__ import annotations

from random import Random

from bleio.radio.advertising.backoff import Backoff


def limit_of(backoff: Backoff, tries: int = 401) -> int:
    """The most opportunities that pass until one is used, in many tries; none changes the limit."""
    longest = 0
    for index in range(tries):
        waited = 1
        while not backoff.may_ask():
            waited += 1
        longest = max(longest, waited)
        backoff.record(success=index % 2 == 0)
    return longest


def test_one_that_is_answered_asks_every_time_and_draws_nothing() -> None:
    random = Random(1)
    state = random.getstate()
    backoff = Backoff(random)
    for _ in range(100):
        assert backoff.may_ask()
        backoff.record(success=True)
    assert random.getstate() == state


def test_two_failures_in_a_row_double_the_limit_and_two_successes_halve_it() -> None:
    backoff = Backoff(Random(1))
    for expected in (2, 4, 8, 16, 32):
        backoff.record(success=False)
        backoff.record(success=False)
        assert limit_of(backoff) == expected
    backoff.record(success=False)  # two different ones in a row before
    assert limit_of(backoff) == 32
    for expected in (16, 8, 4, 2, 1, 1):
        backoff.record(success=False)
        backoff.record(success=True)
        backoff.record(success=True)
        assert limit_of(backoff) == expected


def test_the_limit_has_a_limit() -> None:
    backoff = Backoff(Random(1))
    for _ in range(100):
        backoff.record(success=False)
    assert limit_of(backoff, 4_001) == 256


def test_scanning_anew_asks_at_once() -> None:
    backoff = Backoff(Random(1))
    for _ in range(20):
        backoff.record(success=False)
    backoff.reset()
    assert backoff.may_ask()
