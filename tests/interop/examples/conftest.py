"""Our own examples, each as its own process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from support.processes import Program, SharedRadio, shared_radio

__all__ = ["shared_radio"]

EXAMPLES = Path(__file__).parents[3] / "examples"


@pytest.fixture
def start(shared_radio: SharedRadio) -> Callable[..., Program]:
    """Start an example by its name."""
    return lambda name: shared_radio.start(EXAMPLES / f"{name}.py")
