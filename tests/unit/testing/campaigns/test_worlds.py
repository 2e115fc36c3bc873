"""What scenarios may return, and what comes of those that fail."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from bleio.testing import World
from bleio.testing.campaigns.scenario import Loaded
from bleio.testing.campaigns.worlds import LONGEST_ERROR, numbers_of, run_world


class OfNumpy:
    def __init__(self, value: object) -> None:
        self.value = value

    def item(self) -> object:
        return self.value


@pytest.mark.parametrize(
    ("returned", "numbers"),
    [
        (3, {"result": 3}),
        (False, {"result": False}),
        ({"a": 1.5, "b": None, "c": True}, {"a": 1.5, "b": None, "c": True}),
        ({"a": OfNumpy(2.5), "b": OfNumpy(True)}, {"a": 2.5, "b": True}),
    ],
)
def test_numbers_are_taken(returned: object, numbers: dict[str, object]) -> None:
    found = numbers_of(returned)
    assert found == numbers
    assert [type(each) for each in found.values()] == [type(each) for each in numbers.values()]


@pytest.mark.parametrize(
    "returned",
    [None, "3", {}, {"a": "x"}, {"a": [1]}, {"a": float("nan")}, {"a": float("inf")}, {1: 1},
     {"seed": 1}, {"error": 1}, {"loss": 1}],
)  # fmt: skip
def test_anything_else_is_refused(returned: object) -> None:
    with pytest.raises((TypeError, ValueError), match="scenario returned"):
        numbers_of(returned, ["loss"])


def run(function: Any, world: Any = None) -> dict[str, Any]:
    outcome = run_world(Loaded("", function, world), {"a": 1}, 7)
    pickle.dumps(outcome)
    assert (outcome.capture is not None) == ("error" in outcome.row and world is None)
    return outcome.row


def test_a_row_has_seed_parameters_and_numbers() -> None:
    assert run(lambda world, a: {"x": world.seed + a}) == {"seed": 7, "a": 1, "x": 8}


class Hostile(Exception):
    def __str__(self) -> str:
        raise RuntimeError


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ValueError("no"), "ValueError: no"),
        (SystemExit(3), "SystemExit: 3"),
        (KeyError(), "KeyError"),
        (Hostile(), "Hostile: <exception str() failed>"),
        (ValueError("x" * 9999), "ValueError: xxxx"),
    ],
)
def test_a_world_that_fails_is_a_row_with_an_error(error: BaseException, text: str) -> None:
    def scenario(world: World, a: int) -> None:
        raise error

    row = run(scenario)
    assert row.pop("error").startswith(text)
    assert row == {"seed": 7, "a": 1}
    assert len(run(scenario)["error"]) <= LONGEST_ERROR


def test_ctrl_c_is_no_failure_of_a_world() -> None:
    def scenario(world: World, a: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(scenario)


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"seed": 3}, "TypeError: world has no seed"),
        (lambda a: None, "TypeError: world must be a dict"),
        ({"loss": 2}, "ValueError: loss must be"),
        ({"colour": 2}, "TypeError: "),
    ],
)
def test_wrong_settings_of_the_world_are_told(settings: object, text: str) -> None:
    assert run(lambda world, a: 1, settings)["error"].startswith(text)


def test_settings_of_the_world_may_depend_on_parameters() -> None:
    loaded = Loaded("", lambda world, a: world.loss, lambda a: {"loss": a / 4})
    assert run_world(loaded, {"a": 1}, 0).row["result"] == 0.25


def test_packets_that_cannot_be_kept_are_told(monkeypatch):
    def full(world, path):
        raise OSError(28, "No space left on device")

    def scenario(world, a):
        raise ValueError("no")

    monkeypatch.setattr("bleio.testing.world.World.save_packets", full)
    outcome = run_world(Loaded("", scenario, {}), {"a": 1}, 0)
    assert outcome.capture is None
    assert outcome.row["error"].startswith("ValueError: no; its packets could not be kept: OSError")
