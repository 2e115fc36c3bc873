"""The radios on which every test of the suite runs."""

from __future__ import annotations

import pytest

from support.hci.world import (
    BumbleWorld,
    LegacyWorld,
    ListenWorld,
    MakeWorld,
    SharedWorld,
    VirtualWorld,
)

WORLDS: dict[str, MakeWorld] = {
    "bumble": BumbleWorld,
    "virtual": VirtualWorld,
    "legacy": LegacyWorld,
    "listen": ListenWorld,
    "shared": SharedWorld,
}


@pytest.fixture(params=WORLDS)
def make_world(request: pytest.FixtureRequest) -> MakeWorld:
    return WORLDS[request.param]


@pytest.fixture
def faithful_world(make_world: MakeWorld) -> MakeWorld:
    """For what bumble's controllers do not have."""
    if make_world is BumbleWorld:
        pytest.skip("bumble's controllers do not do this as the specification says")
    return make_world


@pytest.fixture
def extended_world(faithful_world: MakeWorld) -> MakeWorld:
    """For what needs extended advertising."""
    if faithful_world is LegacyWorld:
        pytest.skip("these controllers have legacy advertising only")
    return faithful_world
