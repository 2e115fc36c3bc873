"""Counting calls, switches and objects of a stretch of a program; see budget.py."""

from __future__ import annotations

import gc
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType, FrameType
from typing import NamedTuple

import bleio

PACKAGE = str(Path(bleio.__file__).parent) + "/"
INLINED = ("<listcomp>", "<dictcomp>", "<setcomp>")  # are no calls from Python 3.12 on


class Cost(NamedTuple):
    """Of one of what is counted."""

    calls: float
    switches: float
    objects: float
    functions: dict[str, float]


class Profile:
    """What the interpreter tells of each call, from `begin` to `end`. Each thread counts its own:
    two that count the same would lose calls."""

    def __init__(self, in_world: bool) -> None:
        self._counts: dict[int, Counter[CodeType]] = {}
        self._in_world = in_world
        self._on = False
        self._switches = self._objects = self._last = 0

    def __call__(self, frame: FrameType, event: str, result: object) -> None:
        if event != "call":
            return
        code = frame.f_code
        if code.co_name == "begin_counting":
            self.begin()
        elif code.co_name == "end_counting":
            self.end()
        elif not self._on:
            return
        elif code.co_filename.startswith(PACKAGE):
            here = threading.get_ident()
            counts = self._counts.get(here)
            if counts is None:
                counts = self._counts.setdefault(here, Counter())
            counts[code] += 1
            if self._in_world:
                self._note_switch()
        elif code.co_name == "call_soon_threadsafe" and not self._in_world:
            assert frame.f_back is not None
            self._switches += frame.f_back.f_code.co_filename.startswith(PACKAGE)

    def _note_switch(self) -> None:
        from greenlet import getcurrent

        here = id(getcurrent())
        self._switches += here != self._last
        self._last = here

    def begin(self) -> None:
        """Count from now on, and forget what was before."""
        self._counts.clear()
        self._switches = 0
        gc.collect()
        self._objects = len(gc.get_objects())
        self._on = True

    def end(self) -> None:
        """Count no more."""
        self._on = False
        gc.collect()
        self._objects = len(gc.get_objects()) - self._objects

    def cost(self, times: int) -> Cost:
        """Return what one took."""
        functions: Counter[str] = Counter()
        for counts in self._counts.values():
            for code, count in counts.items():
                if code.co_name not in INLINED:
                    functions[f"{code.co_filename.removeprefix(PACKAGE)} {code.co_name}"] += count
        by_name = {name: count / times for name, count in sorted(functions.items())}
        total = functions.total() if hasattr(functions, "total") else sum(functions.values())
        objects = max(0, self._objects)
        return Cost(total / times, self._switches / times, round(objects / times, 1), by_name)


@contextmanager
def profiled(in_world: bool) -> Iterator[Profile]:
    """Tell a profile of all calls in threads that start meanwhile, and in this one but for a world,
    whose owner watches it by real time."""
    profile = Profile(in_world)
    threading.setprofile(profile)
    if not in_world:
        sys.setprofile(profile)
    try:
        yield profile
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
