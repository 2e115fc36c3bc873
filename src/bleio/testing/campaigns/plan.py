"""Which worlds a campaign has: each choice of parameters, with each seed.

Seeds are outermost, so that a campaign that was stopped has as many worlds of each choice, and one
with more seeds goes on where the one with fewer has ended.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import product
from typing import Any

Parameters = Mapping[str, Any]
Grid = Mapping[str, Iterable[Any]] | Iterable[Parameters]
Task = tuple[int, int]  # a choice and a seed

# What rows of results have beside parameters and results.
RESERVED = ("seed", "error", "capture", "campaign")
_SCALARS = (str, int, float, bool, type(None))


class Plan:
    """The worlds of a campaign, and which of them are done.

    Args: grid: values of each parameter, all of which are combined; or the choices themselves.
        seeds: how many, from 0 on, or which.
    Raises: ValueError, TypeError for what cannot be written to a file and read again.
    """

    def __init__(self, grid: Grid, seeds: int | Iterable[int]) -> None:
        self.choices = choices_of(grid)
        self.seeds = _seeds_of(seeds)
        self._choice_of = {key_of(each): index for index, each in enumerate(self.choices)}
        if len(self._choice_of) < len(self.choices):
            raise ValueError("The grid has the same parameters twice")
        self._position_of = {seed: index for index, seed in enumerate(self.seeds)}
        if len(self._position_of) < len(self.seeds):
            raise ValueError("A seed is there twice")
        self._done = bytearray(len(self))

    def __len__(self) -> int:
        return len(self.choices) * len(self.seeds)

    @property
    def done(self) -> int:
        """How many of its worlds are done."""
        return self._done.count(1)

    def mark(self, choice: int, seed: int) -> None:
        """Note that a world is done; one of a seed that is not wanted now is none of these."""
        if (position := self._position_of.get(seed)) is not None:
            self._done[position * len(self.choices) + choice] = 1

    def choice_of(self, row: Mapping[str, Any]) -> int | None:
        """Return the choice that a row of results is of; None if it is of another campaign."""
        names = self.choices[0]
        if not all(name in row for name in names):
            return None
        return self._choice_of.get(key_of({name: row[name] for name in names}))

    def left(self) -> Iterator[Task]:
        """Yield the worlds that are not done."""
        count = len(self.choices)
        for index, done in enumerate(self._done):
            if not done:
                yield index % count, self.seeds[index // count]

    def find(self, label: str) -> Task | None:
        """Return the world of that label."""
        seed = label.partition(",")[0].removeprefix("seed=")
        for choice, parameters in enumerate(self.choices):
            if label == label_of(seed, parameters) and seed.removeprefix("-").isdecimal():
                return choice, int(seed)
        return None


def choices_of(grid: Grid) -> list[dict[str, Any]]:
    """Return all choices of parameters. Raises: ValueError, TypeError."""
    if isinstance(grid, Mapping):
        values = {name: _values(name, each) for name, each in grid.items()}
        choices = [dict(zip(values, each, strict=True)) for each in product(*values.values())]
    else:
        choices = [dict(each) for each in grid]
    if not choices:
        raise ValueError("The grid has no parameters to run worlds with")
    names = set(choices[0])
    for each in choices:
        if set(each) != names:
            raise ValueError(f"All choices of a grid have the same parameters: {each} has others")
        for name, value in each.items():
            _check(name, value)
    return choices


def key_of(parameters: Parameters) -> str:
    """Return what tells a choice from others, the same after it was read from a file."""
    return json.dumps(parameters, sort_keys=True)


def label_of(seed: int | str, parameters: Parameters) -> str:
    """Return the name of a world, for people: seed=3,loss=0.1."""
    return ",".join(f"{name}={value}" for name, value in {"seed": seed, **parameters}.items())


def _values(name: str, values: Iterable[Any]) -> Sequence[Any]:
    if isinstance(values, str | bytes | Mapping) or not isinstance(values, Iterable):
        raise TypeError(
            f"The grid has a list of values for each parameter, such as {name}=[{values!r}]"
        )
    found = list(values)
    if not found:
        raise ValueError(f"The grid has no value for {name}")
    return found


def _check(name: str, value: Any) -> None:
    if not isinstance(name, str) or not name.isidentifier() or name in RESERVED:
        raise ValueError(
            f"{name!r} cannot be the name of a parameter; that is a name in Python, and none of"
            f" {', '.join(RESERVED)}"
        )
    if not isinstance(value, _SCALARS):
        raise TypeError(
            f"{name}={value!r} cannot be a parameter, since results name it in a file: give"
            " numbers, texts or truth values, and let the scenario look up the rest by them"
        )
    if isinstance(value, float) and not abs(value) < float("inf"):
        raise ValueError(f"{name}={value!r} cannot be a parameter; give a finite number")


def _seeds_of(seeds: int | Iterable[int]) -> Sequence[int]:
    if isinstance(seeds, int):
        seeds = range(seeds)
    elif not isinstance(seeds, range):
        seeds = list(seeds)
    if not seeds:
        raise ValueError("A campaign needs at least one seed")
    if not all(type(seed) is int for seed in seeds):
        raise TypeError("Seeds are whole numbers")
    return seeds
