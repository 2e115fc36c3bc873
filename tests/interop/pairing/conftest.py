"""Two adapters on the simulated radio of this process."""

from __future__ import annotations

from collections.abc import Iterator

import _bleio
import pytest

from support.pair import current
from support.pairing import serve_all_modes
from support.processes import shared_radio

__all__ = ["shared_radio"]


@pytest.fixture
def central() -> Iterator[_bleio.Adapter]:
    adapter = _bleio.Adapter("virtual")
    yield adapter
    adapter.enabled = False


@pytest.fixture
def peripheral() -> Iterator[_bleio.Adapter]:
    """An adapter that serves a value for each mode."""
    adapter = _bleio.Adapter("virtual")
    with current(adapter):
        serve_all_modes()
    yield adapter
    adapter.enabled = False
