"""The system's Bluetooth in both roles, with our own HCI host at the other end."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from interop.os.conftest import Bench
from support.processes import Program
from support.stacks import bluez_image

pytestmark = [
    pytest.mark.interop,
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.skipif(bool(bluez_image.missing()), reason=bluez_image.missing()),
]

Start = Callable[..., Program]


@pytest.fixture(params=["system is central", "system is peripheral"])
def roles(request: pytest.FixtureRequest, bench: Bench) -> tuple[Start, Start]:
    """What starts a central, and what starts a peripheral."""
    if request.param == "system is central":
        return bench.on_system, bench.on_radio
    return bench.on_radio, bench.on_system


def test_every_operation(roles: tuple[Start, Start]) -> None:
    central, peripheral = roles
    offers = peripheral("peripheral", "Offers")
    offers.says("^advertising")
    uses = central("central", "all", "Offers")
    uses.says("^found Offers", "^connected", "^read b'at first'", "^500 octets", "^descriptor")
    uses.says("^indicated b'hello'", "^done")
    uses.ends_well()
    offers.says("^connections 1", *(f"command b'command {number}'" for number in range(5)))
    offers.says("^confirmed hello", "^value 500 note b'another note'", "^connections 0")
    offers.says("^advertising")


def test_ten_thousand_notifications(roles: tuple[Start, Start]) -> None:
    central, peripheral = roles
    offers = peripheral("peripheral", "Counts")
    offers.says("^advertising")
    uses = central("central", "count 10000", "Counts")
    uses.says("^counted 10000", "^done")
    uses.ends_well()


def test_several_links(roles: tuple[Start, Start]) -> None:
    central, peripheral = roles
    names = ("One", "Two", "Three")
    if central.__name__ == "on_system":
        for name in names:
            peripheral("peripheral", name).says("^advertising")
        uses = central("central", "each", *names)
        uses.says("^links 3")
        uses.type("\n")
        uses.ends_well()
        return
    offers = peripheral("peripheral", "Many", "3")
    offers.says("^advertising")
    clients = []
    for number in range(1, 4):
        clients.append(central("central", "each", "Many"))
        clients[-1].says("^links 1")
        offers.says(f"^connections {number}")
    for client in clients:
        client.type("\n")
        client.ends_well()
    offers.says("^connections 0")
