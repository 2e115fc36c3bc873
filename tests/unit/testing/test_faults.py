"""Faults as values and as text, and those that hypothesis thinks of."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, find, given, settings, strategies as st
from hypothesis.errors import NoSuchExample

from bleio.testing.faults import (
    Corrupt,
    DropLinks,
    Fault,
    FullDisk,
    Jam,
    Loss,
    NoAntenna,
    PowerCut,
    RefuseConnections,
    Slow,
    Wifi,
    faults,
    parse,
    schedules,
)
from bleio.testing.faults.fault import KINDS

TEXTS = [
    (DropLinks("sensor", 1.25), "drop sensor @1.25s"),
    (DropLinks("my sensor's", 0), """drop 'my sensor'"'"'s' @0s"""),
    (PowerCut("reader", 2, 3), "power-cut reader @2s for 3s"),
    (Slow("reader", 2, 0.5), "slow reader @2s for 0.5s"),
    (Slow("reader", 2, 0.5, times=20_000), "slow reader @2s for 0.5s times=20000"),
    (RefuseConnections("sensor", 1, 2), "refuse sensor @1s for 2s"),
    (NoAntenna("sensor", 1, 2), "no-antenna sensor @1s for 2s"),
    (FullDisk("sensor", 1, 2), "full-disk sensor @1s for 2s"),
    (Corrupt("sensor", 0.000001), "corrupt sensor @0.000001s"),
    (Corrupt("sensor", 1, packets=3), "corrupt sensor @1s packets=3"),
    (Jam(1, 2), "jam @1s for 2s"),
    (Jam(1, 2, channels=(39, 37)), "jam @1s for 2s channels=37,39"),
    (Wifi(1, 2, channel=11, load=0.25), "wifi @1s for 2s channel=11 load=0.25"),
    (Loss(1, 2, part=0.1), "loss @1s for 2s part=0.1"),
]


@pytest.mark.parametrize(("fault", "text"), TEXTS)
def test_a_fault_is_written_and_read(fault: Fault, text: str) -> None:
    assert str(fault) == text
    assert parse(text) == fault
    assert eval(repr(fault)) == fault


def test_every_kind_has_a_text() -> None:
    assert {type(fault) for fault, _ in TEXTS} == set(KINDS.values())


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("drop sensor @1250ms", DropLinks("sensor", 1.25)),
        ("  drop   sensor @1.5", DropLinks("sensor", 1.5)),
        ('drop "a b" @2min', DropLinks("a b", 120)),
        ("jam @1h for 90min", Jam(3600, 5400)),
        ("jam @0 for 0.5", Jam(0, 0.5)),
        ("jam @3s", Jam(3)),
        ("slow a @1", Slow("a", 1)),
        ("wifi @1s load=1", Wifi(1, load=1.0)),
    ],
)
def test_what_people_type_is_read(text: str, fault: Fault) -> None:
    assert parse(text) == fault


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "There is no fault in an empty text; a fault is written as 'drop sensor @1.25s'"),
        ("dorp sensor @1s", "There is no fault 'dorp'; did you mean 'drop'?"),
        ("xyz sensor @1s", "There is no fault 'xyz'; there are 'drop', 'power-cut', 'refuse',"),
        ("drop sensor", "'drop sensor' has no time; a fault is written as 'drop sensor @1.25s'"),
        ("drop @1s", "'drop @1s' names no device; a fault is written as"),
        ("drop", "'drop' names no device"),
        ("jam sensor @1s", "'jam sensor @1s' has no time"),
        ("drop sensor @soon", "'drop sensor @soon': 'soon' is no time such as 60s"),
        ("drop sensor @-1s", "'-1s' is no time"),
        ("drop sensor @1s for 2s", "is over at once, and takes no 'for'"),
        ("jam @1s for", "has no time after 'for'"),
        ("jam @1s for ever", "'ever' is no time"),
        ("jam @1s 2s", r"has '2s', which is no setting \(there is channels=...\)"),
        ("drop sensor @1s packets=2", "which is no setting .there are none of this fault"),
        ("wifi @1s loud=1", "there is channel=... and load=..."),
        ("corrupt sensor @1s packets=two", "has 'packets=two', which is no number"),
        ("corrupt sensor @1s packets=0", "packets of a fault must be"),
        ("jam @1s channels=", "has 'channels=', which is no number"),
        ("jam @1s channels=40", "channels of a fault must be"),
        ("wifi @1s load=0", "load of a fault must be"),
        ("wifi @1s load=nan", "load of a fault must be"),
        ("wifi @1s channel=14", "channel of a fault must be"),
        ("loss @1s part=2", "part of a fault must be"),
        ("slow sensor @1s times=0", "times of a fault must be"),
        ("drop sensor @9999999999s", "at_s of a fault must be"),
        ("drop 'sensor @1s", "cannot be read .No closing quotation.; a fault is written"),
    ],
)
def test_what_is_no_fault_is_said_in_one_sentence(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        parse(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("value", [-1, float("nan"), float("inf"), 1e10])
@pytest.mark.parametrize("make", [lambda at_s: DropLinks("a", at_s), lambda for_s: Jam(0, for_s)])
def test_times_that_make_no_sense(value: float, make: Any) -> None:
    with pytest.raises(ValueError, match="of a fault must be a number of seconds from 0 on"):
        make(value)


def test_times_are_whole_microseconds() -> None:
    fault = Jam(0.1 + 0.2, 1 / 3)
    assert (fault.at_s, fault.for_s, fault.over_s) == (0.3, 0.333333, 0.633333)
    assert DropLinks("a", 2).over_s == 2


@given(fault=faults("sensor", "the reader", within_s=100, longest_s=100))
def test_every_fault_that_hypothesis_thinks_of_can_be_typed(fault: Fault) -> None:
    assert parse(str(fault)) == fault
    assert 0 <= fault.at_s <= 100


@given(schedule=schedules("a", "b", within_s=2.5, longest_s=0.1, most=2))
def test_schedules_keep_to_their_limits(schedule: tuple[Fault, ...]) -> None:
    assert len(schedule) <= 2
    assert [each.at_s for each in schedule] == sorted(each.at_s for each in schedule)
    for fault in schedule:
        assert fault.at_s <= 2.5
        assert getattr(fault, "for_s", 0) <= 0.1
        assert getattr(fault, "device", "a") in ("a", "b")


def simplest(strategy: st.SearchStrategy[Any], wanted: Any) -> Any:
    options = settings(
        max_examples=20_000,
        database=None,
        deadline=None,
        report_multiple_bugs=False,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    return find(strategy, wanted, settings=options, random=Random(1))


def test_the_simplest_are_the_first() -> None:
    assert simplest(schedules("a", "b"), lambda _: True) == ()
    assert simplest(schedules("a", "b"), len) == (DropLinks("a", 0),)
    of_air = schedules(within_s=30)
    assert simplest(of_air, len) == (Jam(0, 1),)


def test_every_kind_is_thought_of() -> None:
    for kind in KINDS.values():
        only = simplest(faults("a", "b"), lambda fault, kind=kind: type(fault) is kind)
        assert str(only).startswith(f"{kind.KIND} {'a ' if 'device' in vars(only) else ''}@0s")


def test_times_become_round() -> None:
    def late(schedule: tuple[Fault, ...]) -> bool:
        return any(fault.at_s > 3.4 and type(fault) is DropLinks for fault in schedule)

    assert simplest(schedules("a", "b"), late) == (DropLinks("a", 4),)


def test_what_needs_two_faults_becomes_these_two() -> None:
    def both(schedule: tuple[Fault, ...]) -> bool:
        drops = [each.at_s for each in schedule if each.KIND == "drop"]
        cuts = [each.at_s for each in schedule if each.KIND == "power-cut"]
        return any(0.02 < cut - drop < 0.3 and drop > 1 for cut in cuts for drop in drops)

    first, second = simplest(schedules("a", "b", within_s=60), both)
    assert (type(first), type(second)) == (DropLinks, PowerCut)


def test_kinds_can_be_chosen() -> None:
    only = schedules("a", kinds=["drop", Jam])
    assert simplest(only, lambda each: len(each) == 3)
    with pytest.raises(NoSuchExample):
        find(
            only,
            lambda each: any(type(fault) not in (DropLinks, Jam) for fault in each),
            settings=settings(max_examples=200, database=None),
        )


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: schedules(kinds=["drop"]), "'drop' is a fault of devices: give their names"),
        (lambda: schedules("a", kinds=["dorp"]), "There is no fault 'dorp'; did you mean 'drop'"),
        (lambda: schedules("a", kinds=[]), "There must be some kinds"),
        (lambda: schedules("a", within_s=-1), "within_s must be"),
        (lambda: schedules("a", most=-1), "most must be"),
    ],
)
def test_strategies_that_make_no_sense(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()
