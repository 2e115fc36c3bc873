"""Examples as devices in processes of their own, and commands beside them on the same radio."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from support.patience import PATIENCE_S
from support.processes import Program, SharedRadio, shared_radio
from support.terminal import Terminal

__all__ = ["shared_radio"]

EXAMPLES = Path(__file__).parents[3] / "examples"
BLEIO = (sys.executable, "-m", "bleio")

Run = Callable[..., "subprocess.CompletedProcess[str]"]
OnTerminal = Callable[..., Terminal]
Start = Callable[[str], Program]


@pytest.fixture
def start(shared_radio: SharedRadio) -> Start:
    """Start an example by its name."""
    return lambda name: shared_radio.start(EXAMPLES / f"{name}.py")


@pytest.fixture
def pulse(start: Start) -> Program:
    """The heart-rate monitor, which advertises."""
    program = start("heart_rate_peripheral")
    program.says("^Advertising as Pulse$")
    return program


@pytest.fixture
def run(shared_radio: SharedRadio, tmp_path: Path) -> Run:
    """Run a command to its end."""

    def run_it(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*BLEIO, *words],
            env=shared_radio.environment("commands"),
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            stdin=subprocess.DEVNULL,
        )

    return run_it


@pytest.fixture
def on_terminal(shared_radio: SharedRadio, tmp_path: Path) -> OnTerminal:
    """Run a command on a terminal of its own."""

    def make(*words: str, **environment: str) -> Terminal:
        environment = {"TERM": "dumb", **environment}
        return Terminal(
            [*BLEIO, *words], tmp_path, **shared_radio.environment("commands", **environment)
        )

    return make
