"""The backends and radios on which every test of the suite runs.

What a backend cannot do at all its `capabilities` say, and a test that needs it is marked with
`needs`; nothing else is skipped for a backend. Where a world's devices are unlike, that is what all
of them can do. One radio of other people does not do all that it
says: bumble's controllers, on which tests of `faithful_world` do not run.
"""

from __future__ import annotations

import asyncio
import functools

import pytest

from bleio.backends.capabilities import Capabilities
from support.hci.lines import SkewedWorld, StrayWorld, seeded
from support.hci.world import (
    BumbleWorld,
    LegacyWorld,
    ListenWorld,
    MakeWorld,
    SharedWorld,
    VirtualWorld,
)
from support.hci_recorder import record_hosts
from support.little.world import LittleWorld
from support.stacks import bluez_image
from support.stacks.world import OsSecondWorld, OsWorld

__all__ = ["record_hosts"]

WORLDS: dict[str, MakeWorld] = {
    "bumble": BumbleWorld,
    "virtual": VirtualWorld,
    "legacy": LegacyWorld,
    "listen": ListenWorld,
    "shared": SharedWorld,
    "little": LittleWorld,
    **seeded(SkewedWorld, "skewed"),
    **seeded(StrayWorld, "stray"),
    "os": OsWorld,
    "os second": OsSecondWorld,
}
# On the system's Bluetooth of an emulated machine.
_IN_A_MACHINE = (
    pytest.mark.slow,
    pytest.mark.interop,
    pytest.mark.machine,
    pytest.mark.skipif(bool(bluez_image.missing()), reason=bluez_image.missing()),
)
_PARAMETERS = [
    pytest.param(name, marks=_IN_A_MACHINE if issubclass(world, OsWorld) else ())
    for name, world in WORLDS.items()
]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "needs(*capabilities): what a backend must be able to do for this test"
    )


@pytest.fixture(autouse=True)
def capture_hci(request: pytest.FixtureRequest) -> None:
    """Let tshark judge all that is said over HCI.

    But for bumble's controllers, which answer some commands with octets too many or too few, and
    where events and data come out of order on purpose.
    """
    parameters = request.node.callspec.params if hasattr(request.node, "callspec") else {}
    if not parameters.get("make_world", "").startswith(("bumble", "skewed")):
        request.getfixturevalue("record_hosts")


@functools.cache
def capabilities_of(make_world: MakeWorld) -> Capabilities:
    """Return what an adapter of that world can do; some know it once they are open."""

    async def ask() -> Capabilities:
        async with make_world() as world:
            devices = [await world.device() for _ in range(world.kinds)]
            return frozenset.intersection(
                *(frozenset(device.backend.capabilities) for device in devices)
            )

    return asyncio.run(ask())


@pytest.fixture(params=_PARAMETERS)
def make_world(request: pytest.FixtureRequest) -> MakeWorld:
    make_world = WORLDS[request.param]
    needed = [each for mark in request.node.iter_markers("needs") for each in mark.args]
    missing = [each for each in needed if each not in capabilities_of(make_world)]
    if missing:
        pytest.skip(f"the adapter cannot {' and cannot '.join(each.value for each in missing)}")
    return make_world


@pytest.fixture
def faithful_world(make_world: MakeWorld) -> MakeWorld:
    """For what controllers say that they can do, and bumble's do not as the specification says."""
    if not make_world.faithful:
        pytest.skip("these controllers do not do this as the specification says")
    return make_world
