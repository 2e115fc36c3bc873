"""Two adapters on a simulated radio, in simulated time."""

from __future__ import annotations

from collections.abc import Iterator
from zlib import crc32

import _bleio
import pytest

from bleio.runtime.engine import use_portal
from bleio.testing import World
from support.pair import current
from support.pairing import serve_all_modes
from support.processes import shared_radio

__all__ = ["shared_radio"]


@pytest.fixture
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    """A world whose only program is the test, with keys of its own; adapters are what it makes."""
    with World(crc32(request.node.nodeid.encode())) as world, use_portal(world.portal):
        yield world


@pytest.fixture
def central(world: World) -> Iterator[_bleio.Adapter]:
    adapter = _bleio.Adapter("virtual")
    yield adapter
    adapter.enabled = False


@pytest.fixture
def peripheral(world: World) -> Iterator[_bleio.Adapter]:
    """An adapter that serves a value for each mode."""
    adapter = _bleio.Adapter("virtual")
    with current(adapter):
        serve_all_modes()
    yield adapter
    adapter.enabled = False
