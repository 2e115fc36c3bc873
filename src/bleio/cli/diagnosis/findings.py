"""What the parts of the doctor return."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

OK, NOTE, PROBLEM, TIMED_OUT = "ok", "note", "problem", "timed_out"
USABLE, MAYBE, UNUSABLE = "usable", "maybe", "unusable"


@dataclass(frozen=True)
class Finding:
    """One thing that was found. `to_do`: commands or sentences, each on a line of its own."""

    state: str
    text: str
    to_do: Sequence[str] = ()


@dataclass(frozen=True)
class FoundAdapter:
    """An adapter string and whether it can be used.

    `state`: USABLE where that is known, MAYBE where only a trial would tell, UNUSABLE, TIMED_OUT.
    """

    adapter: str
    state: str
    text: str
    to_do: Sequence[str] = ()


@dataclass(frozen=True)
class Step:
    """One step of a test. `state`: OK, PROBLEM, NOTE for one that was left out, TIMED_OUT."""

    step: str
    state: str
    text: str = ""
