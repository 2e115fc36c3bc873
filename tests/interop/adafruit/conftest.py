"""Published examples, run as they are, against programs of ours or against each other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from support.processes import Program, SharedRadio, shared_radio
from support.sdists import examples_of

__all__ = ["shared_radio"]

HERE = Path(__file__).parent
ON_BOARD = {"PYTHONPATH": str(HERE / "stand_ins")}


@pytest.fixture
def examples(pytestconfig: pytest.Config) -> Callable[[str], Path]:
    """Give the folder of the examples of adafruit-circuitpython-`library`."""
    assert pytestconfig.cache is not None
    cache = pytestconfig.cache.mkdir("published-examples")
    return lambda library: examples_of(f"adafruit-circuitpython-{library}", cache)


@pytest.fixture
def example(shared_radio: SharedRadio, examples: Callable[[str], Path]) -> Callable[..., Program]:
    """Start an example of a library; on_board gives it what only a board would have."""

    def start(library: str, name: str, *, on_board: bool = False, **environment: str) -> Program:
        if on_board:
            environment |= ON_BOARD
        return shared_radio.start(examples(library) / name, **environment)

    return start


@pytest.fixture
def counterpart(shared_radio: SharedRadio) -> Callable[..., Program]:
    """Start a program of ours that plays the other device."""

    def start(name: str, *arguments: str, **environment: str) -> Program:
        program = HERE / "counterparts" / f"{name}.py"
        return shared_radio.start(program, *arguments, **environment)

    return start
