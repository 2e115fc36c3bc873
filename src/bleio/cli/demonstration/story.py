"""What the programs of the demo say, in this order, and what is explained of it."""

from __future__ import annotations

import re
from typing import NamedTuple


class Step(NamedTuple):
    """One step of a program: how its line looks, and what happens there."""

    program: str
    pattern: str
    text: str = ""


STEPS = (
    Step(
        "monitor",
        r"Advertising as Pulse",
        "Ten times a second it says on the air who it is and what it measures.",
    ),
    Step("reader", r"Scanning"),
    Step(
        "reader",
        r"Found <Address [0-9a-f:]{17}> at -?\d+ dBm",
        "It has heard that. The level would tell how far away it is.",
    ),
    Step("reader", r"Connected", "The two have a link now, on which they meet every 15 ms."),
    Step("monitor", r"Connected"),
    Step(
        "reader",
        r"Worn on the chest",
        "It has asked which services there are, and read a first value.",
    ),
    Step("reader", r"Battery: 87 %"),
    Step(
        "reader",
        r"Reading: \d+ bpm",
        "It has subscribed: each new value comes by itself, as a notification.",
    ),
    *(Step("reader", r"Reading: \d+ bpm"),) * 4,
    Step("reader", r"Disconnected"),
    Step("monitor", r"Disconnected", "And the monitor has noticed that its reader has gone."),
)


class Story:
    """Follows what the programs say. Each has to take its steps in order; more may be between."""

    def __init__(self) -> None:
        programs = dict.fromkeys(step.program for step in STEPS)
        self._left = {each: [step for step in STEPS if step.program == each] for each in programs}

    def heard(self, program: str, line: str) -> str:
        """Take a line. Returns: what is to be explained of it, if anything."""
        left = self._left[program]
        if left and re.fullmatch(left[0].pattern, line):
            return left.pop(0).text
        return ""

    def lacking(self) -> str:
        """Return what a program should have said next, or nothing when all has happened."""
        for program, left in self._left.items():
            if left:
                return f"the {program} has not come to {left[0].pattern!r}"
        return ""
