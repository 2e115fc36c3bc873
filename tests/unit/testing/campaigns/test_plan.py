"""Which worlds a campaign has, and which of them are left."""

from __future__ import annotations

import pytest

from bleio.testing.campaigns.plan import Plan


def test_all_values_are_combined_and_seeds_are_outermost() -> None:
    plan = Plan({"loss": [0, 0.5], "mtu": (23, 247)}, 2)
    assert plan.choices == [
        {"loss": 0, "mtu": 23},
        {"loss": 0, "mtu": 247},
        {"loss": 0.5, "mtu": 23},
        {"loss": 0.5, "mtu": 247},
    ]
    assert len(plan) == 8
    assert list(plan.left())[3:5] == [(3, 0), (0, 1)]


def test_choices_can_be_listed() -> None:
    assert Plan([{"a": 1, "b": 2}, {"b": 3, "a": 1}], [7]).choices == [
        {"a": 1, "b": 2},
        {"b": 3, "a": 1},
    ]


def test_what_is_done_is_left_out_and_other_seeds_are_none_of_it() -> None:
    plan = Plan({"a": [1, 2]}, [5, 9])
    plan.mark(1, 9)
    plan.mark(0, 77)
    assert list(plan.left()) == [(0, 5), (1, 5), (0, 9)]
    assert plan.done == 1


def test_a_row_is_of_a_choice_also_after_it_was_written() -> None:
    plan = Plan({"a": [1, True, "1", None], "b": [0.1]}, 1)
    rows = [{"seed": 0, "b": 0.1, "a": value, "x": 3} for value in (1, True, "1", None)]
    assert [plan.choice_of(row) for row in rows] == [0, 1, 2, 3]
    assert plan.choice_of({"a": 2, "b": 0.1}) is None
    assert plan.choice_of({"a": 1}) is None


@pytest.mark.parametrize("label", ["seed=3,a=1,name=x,y", "seed=-4,a=2,name=seed=1"])
def test_a_world_is_found_by_its_label(label: str) -> None:
    plan = Plan({"a": [1, 2], "name": ["x,y", "seed=1"]}, 1)
    found = plan.find(label)
    assert found is not None
    choice, seed = found
    values = plan.choices[choice]
    assert label == f"seed={seed},a={values['a']},name={values['name']}"


@pytest.mark.parametrize("label", ["", "seed=3", "seed=,a=1", "seed=x,a=1", "seed=1,a=3", "a=1"])
def test_a_label_of_no_world_is_not_found(label: str) -> None:
    assert Plan({"a": [1]}, 1).find(label) is None


@pytest.mark.parametrize(
    ("grid", "seeds", "complaint"),
    [
        ({"a": []}, 1, "no value for a"),
        ([], 1, "no parameters"),
        ({"a": [1, 1]}, 1, "same parameters twice"),
        ([{"a": 1}, {"b": 1}], 1, "the same parameters"),
        ({"seed": [1]}, 1, "'seed' cannot be the name"),
        ({"a b": [1]}, 1, "'a b' cannot be the name"),
        ({"a": [float("nan")]}, 1, "finite"),
        ({"a": [1]}, 0, "at least one seed"),
        ({"a": [1]}, -3, "at least one seed"),
        ({"a": [1]}, [1, 1], "twice"),
    ],
)
def test_what_makes_no_sense_is_refused(grid: object, seeds: object, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        Plan(grid, seeds)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("grid", "seeds", "complaint"),
    [
        ({"a": 0.1}, 1, r"such as a=\[0.1\]"),
        ({"a": "text"}, 1, r"such as a=\['text'\]"),
        ({"a": [(1, 2)]}, 1, "cannot be a parameter"),
        ({"a": [1]}, [0.5], "whole numbers"),
        ({"a": [1]}, [True], "whole numbers"),
    ],
)
def test_what_no_file_could_hold_is_refused(grid: object, seeds: object, complaint: str) -> None:
    with pytest.raises(TypeError, match=complaint):
        Plan(grid, seeds)  # type: ignore[arg-type]
