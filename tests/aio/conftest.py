"""Two adapters, on the radio of this process and on one that processes share."""

from __future__ import annotations

import os

import pytest

from support.two_adapters import central, peripheral

__all__ = ["central", "peripheral"]


@pytest.fixture(params=["virtual", "shared"])
def radio(request: pytest.FixtureRequest) -> str:
    """The adapter string of both."""
    return request.param if request.param == "virtual" else f"virtual:aio-{os.getpid()}"
