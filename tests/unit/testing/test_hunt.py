"""The search for what breaks a promise, over worlds that are only pretended."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest

from bleio.testing.faults import DropLinks, Fault, Jam, PowerCut, RefuseConnections
from bleio.testing.hunt.behaviour import Beginning
from bleio.testing.hunt.promise import Broken
from bleio.testing.hunt.search import Finding, Hunt, Limits, simpler
from bleio.testing.hunt.trial import Case, Outcome

MOMENTS = tuple(each / 10 for each in range(100))


class Pretended:
    """Worlds that break their promise as a function says: by a text, or not by None."""

    def __init__(self, judge: Callable[[Case], str | None], *, final: bool = False) -> None:
        self.judge = judge
        self.final = final
        self.tried: list[Case] = []

    def __call__(self, case: Case, wants_moments: bool, watch: object) -> Outcome:
        self.tried.append(case)
        what = self.judge(case)
        moments = ()
        if wants_moments:
            begin_s = max((each.at_s for each in case.faults), default=0.0)
            moments = (begin_s, *(each for each in MOMENTS if each > begin_s), begin_s + 100)
        return Outcome(
            None if what is None else Broken(what, what),
            10.0,
            frozenset((each.KIND, getattr(each, "device", "")) for each in case.faults),
            moments,
            final=self.final,
        )


def hunt(worlds: Pretended, limits: Limits | None = None) -> Hunt:
    return Hunt(worlds, ("sensor", "reader"), limits or Limits(runs=4000))


def found(judge: Callable[[Case], str | None]) -> Finding:
    hunting = hunt(Pretended(judge))
    finding = hunting.run()
    assert finding is not None
    assert finding == hunting.found
    assert not hunting.ended
    return finding


def kinds_at(case: Case, kind: type[Fault]) -> list[float]:
    return [fault.at_s for fault in case.faults if type(fault) is kind]


def test_a_seed_that_fails_needs_no_faults() -> None:
    worlds = Pretended(lambda case: "race" if case.seed in (7, 12) else None)
    hunting = hunt(worlds)
    assert hunting.run() == (Case(7), Broken("race", "race"))
    assert (hunting.failing_seeds, hunting.seeds, hunting.worlds) == (2, 20, 20)
    assert worlds.tried == [Case(seed) for seed in range(20)]


def test_one_fault_is_found_and_its_time_is_round() -> None:
    def judge(case: Case) -> str | None:
        return "broken" if any(3.31 < each < 4.7 for each in kinds_at(case, DropLinks)) else None

    assert found(judge).case == Case(0, (DropLinks("sensor", 4),))


def test_settings_become_what_they_usually_are() -> None:
    def judge(case: Case) -> str | None:
        return "broken" if any(type(each) is Jam for each in case.faults) else None

    assert found(judge).case.faults == (Jam(0),)


@pytest.mark.parametrize("second", [DropLinks, PowerCut, RefuseConnections])
def test_two_faults_are_found_together_and_no_third(second: type[Fault]) -> None:
    def judge(case: Case) -> str | None:
        firsts, seconds = kinds_at(case, DropLinks), kinds_at(case, second)
        near = any(0.03 < each - first < 0.4 for first in firsts for each in seconds)
        return "broken" if near else None

    faults = found(judge).case.faults
    assert [type(fault) for fault in faults] == [DropLinks, second]
    assert all(len(str(fault)) <= len("power-cut sensor @0.1s for 1s") for fault in faults), faults


def test_three_faults_are_found() -> None:
    def judge(case: Case) -> str | None:
        drops = sorted(kinds_at(case, DropLinks))
        near = [late - soon for soon, late in pairwise(drops)]
        return "broken" if len(near) == 2 and max(near) < 1 else None

    assert [fault.KIND for fault in found(judge).case.faults] == ["drop"] * 3


def test_a_fault_of_one_seed_only_is_found_with_the_least_of_these_seeds() -> None:
    def judge(case: Case) -> str | None:
        return "broken" if case.seed in (3, 11) and kinds_at(case, PowerCut) else None

    assert found(judge).case == Case(3, (PowerCut("sensor", 0),))


def test_what_breaks_otherwise_is_not_taken_for_it() -> None:
    def judge(case: Case) -> str | None:
        if kinds_at(case, DropLinks) and kinds_at(case, PowerCut):
            return "both"
        return "one" if kinds_at(case, Jam) and case.seed == 5 else None

    first = hunt(Pretended(judge))
    kind = first.run()
    assert kind is not None
    expected = {"both": {"drop", "power-cut"}, "one": {"jam"}}[kind.broken.kind]
    assert {fault.KIND for fault in kind.case.faults} == expected


def test_nothing_is_found_where_nothing_is() -> None:
    worlds = Pretended(lambda case: None)
    hunting = hunt(worlds, Limits(seeds=5, runs=100))
    assert hunting.run() is None
    assert not hunting.ended
    assert hunting.worlds == len(worlds.tried)
    assert 50 < hunting.worlds < 250
    assert max(len(case.faults) for case in worlds.tried) == 3
    assert {case.seed for case in worlds.tried} == set(range(5))


def test_the_same_hunt_tries_the_same_worlds() -> None:
    def tried() -> list[Case]:
        worlds = Pretended(lambda case: "broken" if kinds_at(case, Jam) else None)
        hunt(worlds).run()
        return worlds.tried

    assert tried() == tried()


def test_no_world_is_tried_twice_but_for_its_moments() -> None:
    worlds = Pretended(lambda case: "broken" if len(kinds_at(case, DropLinks)) == 2 else None)
    hunting = hunt(worlds)
    hunting.run()
    again = len(worlds.tried) - len(set(worlds.tried))
    assert again <= 120


def test_kinds_and_their_number_can_be_chosen() -> None:
    worlds = Pretended(lambda case: None)
    hunt(worlds, Limits(seeds=2, runs=200, most=1, kinds=("jam", "drop"))).run()
    assert {fault.KIND for case in worlds.tried for fault in case.faults} == {"jam", "drop"}
    assert max(len(case.faults) for case in worlds.tried) == 1


@pytest.mark.parametrize("limits", [Limits(kinds=()), Limits(most=0)])
def test_a_hunt_can_go_without_faults(limits: Limits) -> None:
    worlds = Pretended(lambda case: None)
    assert hunt(worlds, limits).run() is None
    assert worlds.tried == [Case(seed) for seed in range(20)]


def test_what_takes_too_long_is_not_made_simpler() -> None:
    worlds = Pretended(lambda case: "blocked" if case.faults else None, final=True)
    worlds.final = False
    hunting = hunt(worlds, Limits(seeds=1))
    judged = worlds.judge

    def final_if_broken(case: Case) -> str | None:
        worlds.final = bool(case.faults)
        return judged(case)

    worlds.judge = final_if_broken
    finding = hunting.run()
    assert finding is not None
    assert finding.case == worlds.tried[-1]
    assert hunting.ended == ", and not made simpler since it takes long"


def test_the_time_can_be_limited() -> None:
    worlds = Pretended(lambda case: None)
    hunting = hunt(worlds, Limits(runs=1_000_000, seconds=0.2))
    assert hunting.run() is None
    assert hunting.ended == " when its time was over"
    assert worlds.tried


def test_what_was_found_so_far_is_there_after_an_interrupt() -> None:
    def judge(case: Case) -> str | None:
        if not any(each > 1 for each in kinds_at(case, DropLinks)):
            return None
        hunting.stop()
        return "broken"

    worlds = Pretended(judge)
    hunting = hunt(worlds)
    finding = hunting.run()
    assert finding is not None
    assert finding.case == worlds.tried[-1]
    assert hunting.ended == " when it was interrupted"


def test_a_world_that_goes_on_is_interrupted() -> None:
    def endless(case: Case, wants_moments: bool, watch: Callable[[float], None]) -> Outcome:
        hunting.stop()
        watch(0.0)
        raise AssertionError("it should have ended")

    hunting = Hunt(endless, ("sensor",), Limits())
    assert hunting.run() is None
    assert hunting.ended == " when it was interrupted"


def test_an_error_of_a_world_ends_the_hunt() -> None:
    def judge(case: Case) -> str | None:
        if case.faults:
            raise OSError("no such file")
        return None

    with pytest.raises(OSError, match="no such file"):
        hunt(Pretended(judge)).run()


def test_what_is_simpler() -> None:
    case = Case(2, (DropLinks("a", 0.452), PowerCut("b", 1.5, for_s=0.2)))
    tried = list(simpler(case, ("b", "a")))
    assert tried[:2] == [Case(2, case.faults[1:]), Case(2, case.faults[:1])]
    assert tried[2:4] == [Case(seed, case.faults) for seed in (0, 1)]
    assert Case(2, (DropLinks("a", 0.4), case.faults[1])) in tried
    assert Case(2, (case.faults[0], PowerCut("b", 1.5))) in tried
    assert Case(2, (DropLinks("b", 0.452), case.faults[1])) in tried
    assert not any(isinstance(each, PowerCut) and each.device == "a" for each in tried[-1].faults)


def test_times_are_chosen_among_moments_and_in_time() -> None:
    beginning = Beginning(0, (), (0.0, 1.0, 1.5, 61.5))
    assert [beginning.among_moments_s(part, 0.5) for part in (0, 0.34, 0.99, 1)] == [
        *(0.5, 1.25, 31.5, 31.5),
    ]
    assert [beginning.in_time_s(part) for part in (0, 0.5, 1)] == [0, 30.75, 61.5]
