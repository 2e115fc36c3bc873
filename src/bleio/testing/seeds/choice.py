"""The seeds that a test is to run with, by its marks and the command line.

`--ble-seeds` and the mark's `seeds` are one test item for each; `--ble-seed` and the mark's `seed`
are a number. A mark that is nearer to the test replaces what one further away says, and
`--ble-seeds` replaces any mark's `seeds`. A mark's `seed` stays whatever the command line says,
since such a test was written for that world.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, NamedTuple

import pytest

OPTION = "--ble-seeds"
JITTER_US = 1_000.0  # without jitter what happens first is nearly the same with every seed
MOST_SEEDS = 10_000  # each is a test item, which pytest keeps to the end
_PART = re.compile(r"\s*(\d+)(?:\s*-\s*(\d+))?\s*")


class Seed(NamedTuple):
    """One of several seeds of a test.

    of: how many there are.
    """

    number: int
    of: int


def parse_seeds(text: str) -> tuple[int, ...]:
    """Return the seeds of a text such as `0-99`, `3` or `0,5,7-9`. Raises: ValueError."""
    found: list[int] = []
    for part in text.split(","):
        match = _PART.fullmatch(part)
        if match is None:
            raise ValueError(f"{text!r} is no list of seeds such as 0-99, 3 or 0,5,7-9")
        first, last = int(match[1]), int(match[2] or match[1])
        if last < first:
            raise ValueError(f"{part.strip()!r} ends before it begins; write {last}-{first}")
        if last - first >= MOST_SEEDS:
            raise _too_many(last - first + 1)
        found.extend(range(first, last + 1))
    return _checked(found)


def as_seeds(value: object) -> tuple[int, ...]:
    """Return the seeds that a mark asks for: a number of them, some numbers, or text.

    Raises: ValueError.
    """
    if isinstance(value, str):
        return parse_seeds(value)
    if isinstance(value, int) and not isinstance(value, bool):
        if value < 1:
            raise ValueError(f"seeds={value} is no number of seeds; it must be 1 or more")
        return _checked(range(value) if value <= MOST_SEEDS else range(MOST_SEEDS + 1))
    if not isinstance(value, Iterable):
        raise ValueError(
            f"seeds={value!r} is neither a number of seeds, such as 100, nor the seeds themselves,"
            " such as range(5, 10), [3, 7] or '0,5,7-9'"
        )
    seeds = list(value)
    for each in seeds:
        # One below 0 could not be asked for by --ble-seeds again.
        if not isinstance(each, int) or isinstance(each, bool) or each < 0:
            raise ValueError(f"seeds has {each!r} in it; each seed is a whole number from 0 on")
    return _checked(seeds)


def _checked(seeds: Iterable[int]) -> tuple[int, ...]:
    once = tuple(dict.fromkeys(seeds))
    if not once:
        raise ValueError("seeds is empty; a test needs one at least")
    if len(once) > MOST_SEEDS:
        raise _too_many(len(once))
    return once


def _too_many(number: int) -> ValueError:
    return ValueError(f"{number} seeds are too many for one test; it can have {MOST_SEEDS}")


def world_arguments(node: pytest.Item) -> dict[str, Any]:
    """Return what the marks `ble` of a test say, the nearest first. Raises: pytest.UsageError."""
    arguments: dict[str, Any] = {}
    for mark in reversed(list(node.iter_markers("ble"))):
        if mark.args:
            raise pytest.UsageError("The mark ble takes arguments by name, such as ble(seed=3)")
        if "seed" in mark.kwargs and "seeds" in mark.kwargs:
            raise pytest.UsageError("The mark ble takes seed or seeds, not both")
        if "seed" in mark.kwargs:
            arguments.pop("seeds", None)
        if "seeds" in mark.kwargs:
            arguments.pop("seed", None)
        arguments.update(mark.kwargs)
    return arguments


def arguments_with(seed: int, node: pytest.Item) -> dict[str, Any]:
    """Return the arguments of the world of a test item; with several seeds there is jitter."""
    arguments = world_arguments(node)
    arguments.pop("seeds", None)
    if several_of(node) is not None:
        arguments.setdefault("jitter_us", JITTER_US)
    return {**arguments, "seed": seed}


def several_of(node: pytest.Item) -> Seed | None:
    """Return the seed of a test item that was made for one of several; None for another one."""
    callspec = getattr(node, "callspec", None)
    seed = None if callspec is None else callspec.params.get("ble_seed")
    return seed if isinstance(seed, Seed) else None


def seeds_of(node: pytest.Item) -> tuple[int, ...] | None:
    """Return the seeds that a test is to run with; None if it is to have just one.

    Raises: pytest.UsageError.
    """
    arguments = world_arguments(node)
    if "seed" in arguments:
        return None
    asked = node.config.getoption(OPTION) or arguments.get("seeds")
    if asked is None:
        return None
    try:
        return as_seeds(asked)
    except ValueError as error:
        raise pytest.UsageError(str(error)) from None


def parametrize(metafunc: pytest.Metafunc) -> None:
    """Make a test item of each seed, if a test is to have several."""
    try:
        seeds = seeds_of(metafunc.definition)
    except pytest.UsageError:
        return  # the test says so when it asks for its seed, and those beside it run
    if seeds is not None:
        metafunc.parametrize(
            "ble_seed",
            [Seed(number, len(seeds)) for number in seeds],
            indirect=True,
            ids=[f"seed{number}" for number in seeds],
        )


def seed_of(request: pytest.FixtureRequest) -> int:
    """Return the seed of the test item that asks. Raises: pytest.UsageError."""
    given: Seed | int | None = getattr(request, "param", None)
    if given is not None:
        return given.number if isinstance(given, Seed) else given
    if seeds_of(request.node) is not None:
        raise pytest.UsageError(
            f"{request.node.name} cannot run with several seeds: pytest makes no items for them of"
            " a method of unittest.TestCase, of a mark within pytest.param, or of a fixture that"
            " is taken by getfixturevalue. Use a function or a plain class with the argument"
            " ble_world and the mark on it, or one seed by --ble-seed"
        )
    seed: int = world_arguments(request.node).get("seed", request.config.getoption("--ble-seed"))
    return 0 if seed is None else seed
