"""Fixtures: two adapters on one radio, that of this process unless a folder has another `radio`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from _bleio import Adapter

from support.pair import current


@pytest.fixture
def radio() -> str:
    """The adapter string of both."""
    return "virtual"


@pytest.fixture
def central(radio: str) -> Iterator[Adapter]:
    adapter = Adapter(radio)
    yield adapter
    adapter.enabled = False


@pytest.fixture
def peripheral(radio: str) -> Iterator[Adapter]:
    """The one that serves; the current one for the test."""
    adapter = Adapter(radio)
    with current(adapter):
        yield adapter
    adapter.enabled = False
