"""The radios on which every test of the suite runs."""

from __future__ import annotations

import importlib.util

import pytest

from support.hci.world import BumbleWorld, MakeWorld, VirtualWorld

WORLDS = {"bumble": BumbleWorld, "virtual": VirtualWorld}


@pytest.fixture(params=WORLDS)
def make_world(request: pytest.FixtureRequest) -> MakeWorld:
    if request.param == "virtual" and importlib.util.find_spec("bleio.radio.local") is None:
        pytest.skip("not there yet")
    return WORLDS[request.param]


@pytest.fixture
def faithful_world(make_world: MakeWorld) -> MakeWorld:
    """For what bumble's controllers do not have."""
    if make_world is BumbleWorld:
        pytest.skip("bumble's controllers do not do this as the specification says")
    return make_world
