"""Every test here starts programs on a simulated radio of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from support.processes import Program, SharedRadio, shared_radio

__all__ = ["shared_radio"]

PROGRAMS = Path(__file__).parent / "programs"


@pytest.fixture
def start(shared_radio: SharedRadio) -> Callable[..., Program]:
    """Start one of our programs: its name, its arguments, and a tag if it runs twice."""

    def start(name: str, *arguments: str, tag: str | None = None) -> Program:
        return shared_radio.start(PROGRAMS / f"{name}.py", *arguments, tag=tag)

    return start
