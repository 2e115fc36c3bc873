"""The first evening of a new user: commands typed in a terminal, programs in others beside it.

All is in a folder of its own with the examples in it, on one shared radio, `virtual:desk`, of which
no other test knows. Addresses of the devices are fixed; what an evening shows else that differs
from one to the next (times, readings, levels) is made equal by `normal`.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from support.terminal import Terminal

ROOT = Path(__file__).parents[2]
_ADDRESSES = {
    "heart_rate_peripheral": "C0:11:22:33:44:55",
    "uart_echo_server": "C0:22:33:44:55:66",
    "hid_keyboard": "C0:33:44:55:66:77",
    "beacon": "C0:44:55:66:77:88",
    "twin": "C0:55:66:77:88:99",
}


class Typed(NamedTuple):
    """A command that has ended: what was typed, what was shown, and its exit code."""

    command: str
    shown: str
    code: int


class Evening:
    """A folder, a radio, and who is on it. A context manager; its end ends all programs."""

    def __init__(self) -> None:
        # Not pytest's folders: names of sockets have a low limit.
        self.folder = Path(tempfile.mkdtemp(prefix="eve-"))
        shutil.copytree(ROOT / "examples", self.folder / "examples")
        (self.folder / "run").mkdir(mode=0o700)
        self._others: list[Terminal] = []

    def __enter__(self) -> Evening:
        return self

    def __exit__(self, *exc: object) -> None:
        for each in self._others:
            each.press_ctrl_c()
        for each in self._others:
            if each.process.poll() is None:
                each.end()
            each.__exit__()
        shutil.rmtree(self.folder, ignore_errors=True)

    def environment(self, **more: str) -> dict[str, str]:
        """Return a new user's environment, in a shell in which the adapter was exported."""
        return {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "XDG_RUNTIME_DIR": str(self.folder / "run"),
            "BLEIO_STATE_DIR": str(self.folder / "state"),
            "BLEIO_ADAPTER": "virtual:desk",
            "PYTHONUNBUFFERED": "1",
            "NO_COLOR": "1",
            "COLUMNS": "100",
            **more,
        }

    def terminal(self, command: str, **more: str) -> Terminal:
        """Type a command in a new terminal."""
        return Terminal(["bash", "-c", f"exec {command}"], self.folder, **self.environment(**more))

    def start(self, command: str, until: str) -> Terminal:
        """Start a program in another terminal, and wait until it shows that it is ready."""
        name = Path(command.split()[-1]).stem
        address = {"BLEIO_ADDRESS": _ADDRESSES[name]} if name in _ADDRESSES else {}
        other = self.terminal(command, **address)
        self._others.append(other)
        other.expect(until)
        return other

    def stop(self, other: Terminal) -> None:
        """Press Ctrl-C in another terminal, and wait for the end of its program."""
        other.press_ctrl_c()
        other.end()

    def type(self, command: str, **more: str) -> Typed:
        """Type a command, and wait for its end."""
        with self.terminal(command, **more) as it:
            code = it.end()
            return Typed(command, it.shown, code)

    @contextmanager
    def typing(self, command: str, until: str) -> Iterator[Terminal]:
        """Type a command, and have it in a block once it has shown something."""
        with self.terminal(command) as it:
            it.expect(until)
            yield it


# What differs from evening to evening, and the word for it.
_VARYING = (
    (r'(Firmware Revision String .*\n.*)".*"', r'\1"SYSTEM"'),  # of whoever runs it
    (r"\d+ values? sent in [\d.]+ s", "N values sent"),
    (r"heart rate \d+", "heart rate N"),
    (r"Reading: \d+ bpm", "Reading: N bpm"),
    (r"\(00 [0-9a-f]{2}\)", "(OCTETS)"),
    (r"^ *\d+\.\d{3}(?:\d{3})?(?= s )", "TIME"),
    (r"^ *\d+\.\d{6}", "TIME"),
    (r"-?\d+(?:\.\d+)? ?(dBm|ms|s)\b", r"N \1"),
    (r"\d+ (packets|times)\b", r"N \1"),
    (r"(?<![\w:])\d\d:\d\d:\d\d(?:\.\d+)?(?![\w:])", "CLOCK"),
    (r"bleio \d+\.\d+\.\d+\S*", "bleio VERSION"),
    (r"/[\w./-]+/(?=[\w.-]+)", "FOLDER/"),
    (r" {2,}", "  "),
)
_COMPILED = [(re.compile(pattern, re.MULTILINE), word) for pattern, word in _VARYING]


def normal(text: str) -> list[str]:
    """Return the lines of a transcript, with words for all that differs from evening to evening."""
    for pattern, word in _COMPILED:
        text = pattern.sub(word, text)
    lines = [line.rstrip() for line in text.splitlines()]
    heard = [index for index, line in enumerate(lines) if line.startswith("TIME s  + ")]
    for index, line in zip(heard, sorted(lines[index] for index in heard), strict=True):
        lines[index] = line  # of two devices, either may be heard first
    return lines
