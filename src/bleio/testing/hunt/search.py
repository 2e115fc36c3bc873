"""The search: many worlds, and the simplest of those that broke the promise.

First come seeds without faults, one after the other: what fails so needs none. Then hypothesis
thinks of one fault, then of one more for worlds that did something new with it (`behaviour`), and
so on, and at last of anything. Of what it finds it makes the simplest that fails still. That is
its own art, and repeatable, since worlds are and its choices have a seed. What is left for the last
polish is that any one fault can go, or be rounder, while all others stay as they are.

Only what breaks in the same way counts once something has been found, or to make a finding simpler
might lead to another one, which is perhaps well known.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from bleio.testing.faults.fault import Fault
from bleio.testing.hunt.behaviour import Beginning, Behaviour, kinds_of
from bleio.testing.hunt.promise import Broken
from bleio.testing.hunt.trial import Case, Outcome

if TYPE_CHECKING:
    from bleio.testing.faults.strategies import Kinds

_KEPT = 10_000  # outcomes of cases, which are asked for again
_BEGINNINGS = 20


class Finding(NamedTuple):
    """A case that breaks the promise, and how."""

    case: Case
    broken: Broken


Watch = Callable[[float], None]


class _EnoughError(BaseException):
    """The hunt is to end. No Exception, for hypothesis takes those for findings."""


@dataclass
class Limits:
    """How far a hunt goes.

    seeds: how many, from 0 on; each without faults, too. runs: how many worlds with faults, until
    something is found; making it simpler takes some hundreds more. most: faults in one world.
    kinds: of faults; None are all, none is none. seconds: of real time; None is for ever. within_s:
    simulated time after which no fault begins.
    """

    seeds: int = 20
    runs: int = 1000
    most: int = 3
    kinds: Kinds | None = None
    seconds: float | None = None
    within_s: float = 60.0


class Hunt:
    """One hunt.

    Args:
        try_case: runs a world with a watch (see `World`), and tells its moments if asked to; the
            same case has the same outcome.
        devices: the names of those that can have faults.
        on_world: called after each world.

    Attributes:
        worlds: how many there were.
        found: the simplest case so far that breaks the promise.
        phase: what it does now, in words.
        seeds: how many seeds were tried without faults; failing_seeds: how many of them failed.
        ended: why it ended before its end, in words that follow what it came to; else "".
    """

    def __init__(
        self,
        try_case: Callable[[Case, bool, Watch], Outcome],
        devices: tuple[str, ...],
        limits: Limits,
        on_world: Callable[[Hunt], None] = lambda hunt: None,
    ) -> None:
        self.worlds = 0
        self.found: Finding | None = None
        self.phase = "seeds"
        self.seeds = self.failing_seeds = 0
        self.ended = ""
        self._try_case = try_case
        self._devices = devices
        self._limits = limits
        self._on_world = on_world
        self._outcomes: dict[Case, Outcome] = {}
        self._behaviours: set[Behaviour] = set()
        self._kinds: set[frozenset[object]] = set()
        self._new: list[Case] = []  # those that did what none did before
        self._usual: list[Case] = []  # those that did not, with faults as none had before
        self._longest_s = 0.0
        self._stopped = False
        seconds = limits.seconds
        self._deadline_s = None if seconds is None else time.monotonic() + seconds

    def run(self) -> Finding | None:
        """Hunt. Returns: `found`. Raises: what `try_case` does."""
        try:
            self._search_seeds()
            if self.found is None:
                self._search_faults()
                self._polish()
        except _EnoughError as enough:
            self.ended = str(enough)
        return self.found

    def stop(self) -> None:
        """End within a second or so. Thread: any; also a signal's handler."""
        self._stopped = True

    def _check(self, _now_s: float = 0.0) -> None:
        if self._stopped:
            raise _EnoughError(" when it was interrupted")
        if self._deadline_s is not None and time.monotonic() > self._deadline_s:
            raise _EnoughError(" when its time was over")

    def _search_seeds(self) -> None:
        for seed in range(self._limits.seeds):
            self.failing_seeds += self._breaks(Case(seed))
            self.seeds += 1

    def _search_faults(self) -> None:
        limits = self._limits
        kinds = None if limits.kinds is None else list(limits.kinds)
        if kinds == [] or not limits.most:
            return
        from bleio.testing.faults.strategies import schedules
        from bleio.testing.hunt.thinking import cases, find, one_more

        rounds, seeds = limits.most, limits.seeds
        self._new, self._usual = [Case(0)], []
        for number in range(rounds):
            self.phase = f"{number + 1} fault{'s' if number else ''}"
            beginnings = self._beginnings()
            if not beginnings:
                break
            more = one_more(beginnings, seeds, self._devices, kinds)
            if find(more, self._breaks, limits.runs // (rounds + 1)):
                return
        self.phase = "any faults"
        # What comes after a promise is kept breaks nothing; but faults make it later.
        within_s = min(limits.within_s, 2 * self._longest_s + 1)
        all_of_them = schedules(*self._devices, within_s=within_s, kinds=kinds, most=rounds)
        find(cases(seeds, all_of_them), self._breaks, limits.runs // (rounds + 1))

    def _beginnings(self) -> list[Beginning]:
        """Take those to which one more fault is to come: three of four did something new."""
        new = [self._beginning(case) for case in self._new[:_BEGINNINGS]]
        usual = [self._beginning(case) for case in self._usual[:_BEGINNINGS]]
        self._new, self._usual = [], []
        return new * max(1, 3 * len(usual) // max(1, len(new))) + usual

    def _beginning(self, case: Case) -> Beginning:
        """Run a world once more, to see when there was something to disturb."""
        outcome = self._world(case, wants_moments=True)
        return Beginning(case.seed, case.faults, outcome.moments)

    def _polish(self) -> None:
        """Take what is simpler and breaks the promise, until nothing is."""
        before = None
        while self.found is not None and self.found is not before:
            before = self.found
            any(self._breaks(case) for case in simpler(before.case, self._devices))

    def _breaks(self, case: Case) -> bool:
        outcome = self._outcomes.get(case)
        if outcome is None:
            outcome = self._world(case)
            if len(self._outcomes) < _KEPT:
                self._outcomes[case] = outcome
            self._note(case, outcome)
        broken = outcome.broken
        if broken is None or (self.found is not None and broken.kind != self.found.broken.kind):
            return False
        if self.found is None or self._is_simpler(case, self.found.case):
            self.found = Finding(case, broken)
            self.phase = "simpler faults"
        if outcome.final:
            raise _EnoughError(", and not made simpler since it takes long")
        return True

    def _note(self, case: Case, outcome: Outcome) -> None:
        """Keep it, if one more fault could come to it."""
        kinds = kinds_of(case.faults)
        if outcome.behaviour not in self._behaviours:
            self._new.append(case)
        elif kinds not in self._kinds:
            self._usual.append(case)
        self._behaviours.add(outcome.behaviour)
        self._kinds.add(kinds)

    def _is_simpler(self, case: Case, than: Case) -> bool:
        return _complexity(case, self._devices) < _complexity(than, self._devices)

    def _world(self, case: Case, wants_moments: bool = False) -> Outcome:
        self._check()
        outcome = self._try_case(case, wants_moments, self._check)
        self.worlds += 1
        if not case.faults:
            self._longest_s = max(self._longest_s, outcome.lasted_s)
        self._on_world(self)
        return outcome


def _complexity(case: Case, devices: tuple[str, ...]) -> tuple[int, int, int, list[int]]:
    """Return what is less for a simpler case: fewer faults, fewer digits, the first seed, and the
    first devices."""
    return (
        len(case.faults),
        sum(map(_length, case.faults)),
        case.seed,
        [devices.index(name) for name in map(_device, case.faults) if name is not None],
    )


def _device(fault: Fault) -> str | None:
    return getattr(fault, "device", None)


def _length(fault: Fault) -> int:
    return len(str(fault)) - len(_device(fault) or "")


def simpler(case: Case, devices: tuple[str, ...]) -> Iterator[Case]:
    """Yield cases that are simpler at one place, the best first."""
    faults = case.faults
    for index in range(len(faults)):
        yield case._replace(faults=faults[:index] + faults[index + 1 :])
    for seed in range(case.seed):
        yield case._replace(seed=seed)
    for index, fault in enumerate(faults):
        for other in (*_rounder(fault), *_of_others(fault, devices)):
            changed = (*faults[:index], other, *faults[index + 1 :])
            yield case._replace(faults=tuple(sorted(changed, key=lambda each: each.at_s)))


def _of_others(fault: Fault, devices: tuple[str, ...]) -> Iterator[Fault]:
    """Yield the same fault of devices that come before its own."""
    if (device := _device(fault)) is not None:
        for name in devices[: devices.index(device)]:
            yield _changed(fault, device=name)


def _rounder(fault: Fault) -> Iterator[Fault]:
    """Yield faults with a time of fewer digits, or with a setting as usual."""
    changes: list[dict[str, Any]] = [
        {each.name: each.default}
        for each in fields(fault)  # type: ignore[arg-type] # all kinds are dataclasses
        if each.name not in ("device", "at_s")
    ]
    for digits in range(6):
        nearest = round(fault.at_s, digits)
        for step in (0, -1, 1):
            at_s = round(nearest + step / 10**digits, digits)
            changes += [{"at_s": at_s}] if at_s >= 0 else []
    for change in changes:
        other = _changed(fault, **change)
        if _length(other) < _length(fault):
            yield other


def _changed(fault: Fault, **change: Any) -> Fault:
    changed: Any = replace(fault, **change)  # type: ignore[type-var]
    assert isinstance(changed, Fault)
    return changed
