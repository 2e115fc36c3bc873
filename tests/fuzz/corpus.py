"""The inputs that are kept, one file of text for each target, one input in a line, as hexadecimal.

Text, so that a change can be read and merged. What follows a `#` says what an input is there for;
such inputs, findings of once, are never dropped. The others are a choice: those that together reach
most lines of the product with the fewest octets.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import bleio

FOLDER = Path(__file__).parent / "corpus"
MOST_OCTETS = 2_000  # of one target's inputs, but for findings

_PRODUCT = str(Path(bleio.__file__).parent) + os.sep
Lines = set[tuple[CodeType, int]]


def read(target: str) -> list[bytes]:
    """Return the kept inputs of a target."""
    return [octets for octets, _ in _entries(target)]


def _entries(target: str) -> list[tuple[bytes, str]]:
    entries = []
    with suppress(FileNotFoundError):
        for line in (FOLDER / f"{target}.txt").read_text("ascii").splitlines():
            digits, _, note = line.partition("#")
            if digits.strip() or note:
                entries.append((bytes.fromhex(digits), note.strip()))
    return entries


def choose(target: str, run: Callable[[bytes], None], found: Iterable[bytes]) -> tuple[int, int]:
    """Choose anew what is kept, of that and of what was found.

    Returns: how many inputs are kept, and how many lines of the product they reach.
    """
    noted = [entry for entry in _entries(target) if entry[1]]
    reached: Lines = set()
    for octets, _ in noted:
        reached |= lines_of(run, octets)
    candidates = {octets: lines_of(run, octets) for octets in {*read(target), *found} if octets}
    chosen, room = [], MOST_OCTETS
    while candidates:
        best = max(candidates, key=lambda each: (len(candidates[each] - reached) / len(each), each))
        gained = candidates.pop(best) - reached
        if gained and len(best) <= room:
            chosen.append(best)
            room -= len(best)
            reached |= gained
        candidates = {each: lines for each, lines in candidates.items() if lines - reached}
    lines = [f"{octets.hex()}  # {note}" for octets, note in noted]
    lines += sorted(octets.hex() for octets in chosen)
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / f"{target}.txt").write_text("".join(f"{line}\n" for line in lines), "ascii")
    return len(lines), len(reached)


def lines_of(run: Callable[[bytes], None], octets: bytes) -> Lines:
    """Return the lines of the product that an input reaches."""
    reached: Lines = set()

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        if not frame.f_code.co_filename.startswith(_PRODUCT):
            return None
        reached.add((frame.f_code, frame.f_lineno))
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        with suppress(Exception):
            run(octets)
    finally:
        sys.settrace(before)
    return reached
