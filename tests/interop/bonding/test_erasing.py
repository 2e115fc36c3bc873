"""Bonds erased on one side and then on the other: what either sees, and how they bond again."""

from __future__ import annotations

import pytest

from .conftest import Side, bond_anew, until
from .test_restart import start

pytestmark = pytest.mark.interop

KEYS_LOST = "SecurityError: The keys of the bond are missing on one of the devices"
PASSKEY = {"BLEIO_PAIRING": "passkey:012345"}


@pytest.fixture
def bonded(peripheral: Side, central: Side) -> None:
    """Both know each other, and have just been started again."""
    start(peripheral, central)
    central.do("pair")
    until(lambda: peripheral.bonds)
    for side in (central, peripheral):
        side.end()


def erase(side: Side) -> None:
    """Erase while the other one is not there."""
    side.start()
    side.do("erase")
    assert side.bonds == []
    side.end()


@pytest.mark.usefixtures("bonded")
def test_erased_on_the_peripheral_the_central_pairs_anew_when_it_is_asked_to(
    peripheral: Side, central: Side
) -> None:
    old = central.key
    erase(peripheral)
    start(peripheral, central)
    assert central.do("read").startswith("SecurityError: Insufficient")
    assert central.do("paired") == "False"
    assert central.key == old  # nothing is thrown away before there is something better
    assert central.do("pair", "read") == "b'first'"
    bond_anew(peripheral, central, old)


@pytest.mark.usefixtures("bonded")
def test_erased_on_the_peripheral_its_own_request_fails_distinctly(
    peripheral: Side, central: Side
) -> None:
    old = central.key
    erase(peripheral)
    start(peripheral, central)
    assert peripheral.do("pair").startswith(KEYS_LOST)
    assert central.do("paired") == "False"
    assert central.key == old
    assert peripheral.bonds == []
    central.do("erase")
    assert peripheral.do("pair", "paired") == "True"
    bond_anew(peripheral, central, old)


@pytest.mark.parametrize("asking", ["central", "peripheral"])
@pytest.mark.usefixtures("bonded")
def test_erased_on_the_central_either_can_pair_anew(
    peripheral: Side, central: Side, asking: str
) -> None:
    old = peripheral.key
    erase(central)
    start(peripheral, central)
    assert central.do("read").startswith("SecurityError: Insufficient")
    assert peripheral.do("paired") == "False"
    assert peripheral.key == old
    (central if asking == "central" else peripheral).do("pair")
    assert central.do("read") == "b'first'"
    bond_anew(peripheral, central, old)


@pytest.mark.parametrize("first", ["central", "peripheral"])
@pytest.mark.usefixtures("bonded")
def test_erased_on_both_sides_they_are_strangers(
    peripheral: Side, central: Side, first: str
) -> None:
    old = central.key
    for side in (central, peripheral) if first == "central" else (peripheral, central):
        erase(side)
    start(peripheral, central)
    assert central.do("read") == "SecurityError: Insufficient authentication"
    assert central.do("pair", "read") == "b'first'"
    bond_anew(peripheral, central, old)


def test_erasing_unpairs_live_links(peripheral: Side, central: Side) -> None:
    start(peripheral, central)
    central.do("pair")
    until(lambda: peripheral.bonds)
    peripheral.do("erase")
    assert peripheral.do("paired") == "False"
    assert central.do("read").startswith("SecurityError: Insufficient")
    central.do("erase")
    assert central.do("paired") == "False"
    assert central.do("pair", "read") == "b'first'"


@pytest.mark.parametrize("lost", ["central", "peripheral"])
def test_an_authenticated_bond_is_not_replaced_by_just_works(
    peripheral: Side, central: Side, lost: str
) -> None:
    peripheral.start(**PASSKEY)
    peripheral.do("advertise")
    central.start(**PASSKEY)
    central.do("connect", "pair")
    until(lambda: peripheral.bonds)
    for side in (central, peripheral):
        side.end()
    loser, keeper = (central, peripheral) if lost == "central" else (peripheral, central)
    old = keeper.bonds
    assert old[0]["authenticated"]
    erase(loser)
    for side in (peripheral, central):
        side.start(**({} if side is loser else PASSKEY))
    peripheral.do("advertise")
    central.do("connect")
    said = central.do("pair")
    assert said.startswith(KEYS_LOST if keeper is central else "SecurityError: ")
    assert central.do("paired") == "False"
    assert peripheral.do("paired") == "False"
    assert [{**bond, "client": 0} for bond in keeper.bonds] == [{**old[0], "client": 0}]
    assert loser.bonds == []
    # Paired as strongly, it is replaced.
    for side in (central, peripheral):
        side.end()
        side.start(**PASSKEY)
    peripheral.do("advertise")
    central.do("connect", "pair")
    bond_anew(peripheral, central, old[0]["ltk"])
