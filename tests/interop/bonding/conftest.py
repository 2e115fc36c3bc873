"""Two programs on a simulated radio, each with a state folder that outlives it."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.processes import DEADLINE_S, Program, SharedRadio, shared_radio

__all__ = ["shared_radio"]

PROGRAMS = Path(__file__).parent / "programs"


class Side:
    """One of the two, started again and again."""

    def __init__(self, radio: SharedRadio, name: str, folder: Path) -> None:
        self.name = name
        self._radio = radio
        self._folder = folder
        self.program: Program | None = None

    def start(self, *arguments: str, **environment: str) -> None:
        path = PROGRAMS / f"{self.name}.py"
        self.program = self._radio.start(path, *arguments, tag=self.name, **environment)

    def begin(self, command: str) -> None:
        """Give a command without waiting for its end."""
        assert self.program is not None
        self.program.type(f"{command}\n")

    def result(self, command: str) -> str:
        """Wait for what a command that was given prints at its end."""
        assert self.program is not None
        return self.program.wait_for(f"^{re.escape(command)} (.*)$")[1]

    def do(self, *commands: str) -> str:
        """Do one after the other; gives the last one's result."""
        result = ""
        for command in commands:
            self.begin(command)
            result = self.result(command)
        return result

    def end(self, kill: bool = False) -> None:
        """Let it end, or kill it as a power cut does."""
        program, self.program = self.program, None
        assert program is not None
        if kill:
            program.kill()
        else:
            assert program.process.stdin is not None
            program.process.stdin.close()
            program.ends_well()

    @property
    def file(self) -> Path:
        """Where its bonds are."""
        (file,) = (self._folder / self.name / "bonds").glob("*.json")
        return file

    @property
    def bonds(self) -> list[dict[str, Any]]:
        """What its file holds."""
        if not list((self._folder / self.name).glob("bonds/*.json")):
            return []
        bonds: list[dict[str, Any]] = json.loads(self.file.read_bytes())["bonds"]
        return bonds

    @property
    def key(self) -> str:
        """The key of its one bond."""
        (bond,) = self.bonds
        key: str = bond["ltk"]
        return key


def until(condition: Callable[[], object]) -> None:
    """Wait until it is so, and fail if that takes too long."""
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def bond_anew(one: Side, other: Side, old: str) -> None:
    """Wait until both have saved the same key and not the old one; the link is encrypted first."""
    until(lambda: one.bonds and other.bonds and one.key == other.key != old)


@pytest.fixture
def peripheral(shared_radio: SharedRadio, tmp_path: Path) -> Side:
    return Side(shared_radio, "peripheral", tmp_path / "state")


@pytest.fixture
def central(shared_radio: SharedRadio, tmp_path: Path) -> Side:
    return Side(shared_radio, "central", tmp_path / "state")
