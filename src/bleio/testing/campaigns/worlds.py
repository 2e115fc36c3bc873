"""What a worker does: a few worlds, one after another, and what came of each.

It runs in other processes and on other machines, so all that it takes and gives can be pickled, and
whatever goes wrong within a world is one of its results. What is raised here concerns all worlds,
such as a scenario that cannot be loaded.
"""

from __future__ import annotations

import math
import os
import tempfile
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from bleio.testing.campaigns.plan import RESERVED, Parameters
from bleio.testing.campaigns.scenario import Loaded, Scenario, load
from bleio.testing.world import World

LONGEST_ERROR = 2000
ALONE = "result"  # the name of a number that is returned without one


class Outcome(NamedTuple):
    """What came of a world: a row of results, and its packets if it failed."""

    row: dict[str, Any]
    capture: bytes | None = None


class Done(NamedTuple):
    """What came of several worlds, and how long they took."""

    outcomes: list[Outcome]
    seconds: float


def run_worlds(scenario: Scenario, tasks: Iterable[tuple[Parameters, int]], attempt: int) -> Done:
    """Run worlds of these parameters and seeds.

    Args: attempt: tells one call from another, where an executor takes equal ones for the same.
    Raises: what the scenario's file raises when it is loaded.
    """
    loaded = load(scenario)
    begin_s = time.monotonic()
    outcomes = [run_world(loaded, parameters, seed) for parameters, seed in tasks]
    return Done(outcomes, time.monotonic() - begin_s)


def run_world(loaded: Loaded, parameters: Parameters, seed: int, **more: Any) -> Outcome:
    """Run one world. Args: more: arguments of `World`, beside the scenario's own."""
    row: dict[str, Any] = {"seed": seed, **parameters}
    world: World | None = None
    try:
        given = loaded.world_arguments(parameters)
        if "seed" in given:
            raise TypeError("world has no seed: a campaign gives each world its own")
        with World(seed, **{"folder": loaded.folder, **given, **more}) as world:
            row |= numbers_of(loaded.function(world, **parameters), row)
    except (Exception, SystemExit) as error:
        text, packets = _text_of(error), None
        if world is not None:
            try:
                packets = _packets_of(world)
            except Exception as lost:  # of any kind: a world that fails stops nobody
                text += f"; its packets could not be kept: {_text_of(lost)}"
        return Outcome({"seed": seed, **parameters, "error": text}, packets)
    return Outcome(row)


def numbers_of(returned: Any, parameters: Iterable[str] = ()) -> dict[str, Any]:
    """Return the results that a scenario returned, by name. Raises: TypeError, ValueError."""
    named = returned if isinstance(returned, Mapping) else {ALONE: returned}
    if not named:
        raise TypeError("The scenario returned nothing: return numbers by name, as a dict")
    numbers = {}
    for name, value in named.items():
        if not isinstance(name, str) or name in RESERVED or name in parameters:
            raise ValueError(f"The scenario returned {name!r}, which cannot name a result")
        numbers[name] = _number(name, value, isinstance(returned, Mapping))
    return numbers


def _number(name: str, value: Any, named: bool) -> bool | int | float | None:
    plain = getattr(value, "item", None)
    if callable(plain):  # of numpy
        value = plain()
    if not isinstance(value, bool | int | float | None) or (value is None and not named):
        raise TypeError(
            f"The scenario returned {value!r} as {name}: return a number, True or False, or, in"
            " a dict, None where there is no value"
        )
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"The scenario returned {value} as {name}: return None for no value")
    return value


def _text_of(error: BaseException) -> str:
    try:
        text = str(error)
    except Exception:
        text = "<exception str() failed>"
    name = type(error).__name__
    return f"{name}: {text}"[:LONGEST_ERROR] if text else name


def _packets_of(world: World) -> bytes:
    """Return the last packets of a world as pcapng. Raises: OSError."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(os.path.realpath(folder), "packets.pcapng")
        world.save_packets(path)
        return path.read_bytes()
