"""Two adapters, on the radio of this process and on one that processes share."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from _bleio import Adapter

from support.pair import current


@pytest.fixture(params=["virtual", "shared"])
def radio(request: pytest.FixtureRequest) -> str:
    """The adapter string of both."""
    return request.param if request.param == "virtual" else f"virtual:aio-{os.getpid()}"


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
