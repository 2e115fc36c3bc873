"""One world of a hunt: programs, a seed and some faults, and whether that breaks the promise."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from bleio.testing.errors import DeviceBlocked, DeviceFailed, WorldError
from bleio.testing.faults.fault import Fault
from bleio.testing.hunt.behaviour import Behaviour, behaviour_of, moments_of
from bleio.testing.hunt.promise import Broken, ListeningWorld, read_promise
from bleio.testing.programs.program import words_of
from bleio.testing.world import World


class Case(NamedTuple):
    """What may break the promise."""

    seed: int
    faults: tuple[Fault, ...] = ()


class Outcome(NamedTuple):
    """What a case came to.

    broken: how; None if the promise was kept. lasted_s: for how long the world went on, simulated.
    final: to try it or its like again would take too long. moments: if they were asked for.
    """

    broken: Broken | None
    lasted_s: float
    behaviour: Behaviour = frozenset()
    moments: tuple[float, ...] = ()
    final: bool = False


@dataclass(frozen=True)
class Scenario:
    """What all worlds of a hunt have.

    Args:
        programs: their files.
        until, never: see `promise.read_promise`.
        within_s: how long a world goes on after its last fault is over, if it does not end before.
        world: further arguments of `World`.
    """

    programs: tuple[str, ...]
    until: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    within_s: float = 60.0
    world: Mapping[str, Any] = field(default_factory=dict)

    def devices(self) -> tuple[str, ...]:
        """Return the names of its devices. Raises: OSError; ValueError for wrong texts."""
        with self._world(0) as world:
            read_promise(self.until, self.never, world.devices)
            return tuple(world.devices)

    def for_s(self, case: Case) -> float:
        """Return for how long a world with these faults goes on, at most."""
        return max((fault.over_s for fault in case.faults), default=0.0) + self.within_s

    def try_case(
        self,
        case: Case,
        wants_moments: bool = False,
        watch: Callable[[float], None] | None = None,
    ) -> Outcome:
        """Run the world of a case; `watch` as in `World`. Raises: OSError; what `watch` raises."""
        world = self._world(case.seed, watch)
        with world:
            world.inject(case.faults)
            promise = read_promise(self.until, self.never, world.devices)
            broken, final = None, False
            try:
                broken = world.keep(promise, self.for_s(case))
            except DeviceFailed as failure:
                broken = Broken(_which(world), str(failure))
            except WorldError as error:
                broken = Broken(type(error).__name__, str(error))
                final = isinstance(error, DeviceBlocked)
            moments = moments_of(world, case.faults) if wants_moments else ()
            return Outcome(broken, world.now_s, behaviour_of(world), moments, final)

    def _world(self, seed: int, watch: Callable[[float], None] | None = None) -> ListeningWorld:
        world = ListeningWorld(seed, watch=watch, **self.world)
        try:
            for program in self.programs:
                path, argv = words_of(program)
                world.add(path, argv=argv)
        except BaseException:
            world.close()
            raise
        return world


def _which(world: World) -> str:
    """Say which programs failed, and by what."""
    failed = [each for each in world.devices.values() if each.error is not None]
    return ", ".join(f"{each.name} failed by {type(each.error).__name__}" for each in failed)
