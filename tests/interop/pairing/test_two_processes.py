"""Unmodified programs in two processes that authenticate each other, by settings alone."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from support.processes import Program, SharedRadio

pytestmark = pytest.mark.interop

PROGRAMS = Path(__file__).parent / "programs"


@pytest.fixture
def start(shared_radio: SharedRadio) -> Callable[..., tuple[Program, Program]]:
    """Start peripheral and central, each with settings of its own."""

    def start(peripheral: dict[str, str], central: dict[str, str]) -> tuple[Program, Program]:
        locked = shared_radio.start(PROGRAMS / "locked_peripheral.py", **peripheral)
        locked.wait_for("^advertising")
        return locked, shared_radio.start(PROGRAMS / "unlocking_central.py", **central)

    return start


STRICT = {"BLEIO_SECURITY": "secure-connections-only, method=passkey-entry"}


def test_a_fixed_passkey_by_the_environment(start: Callable[..., tuple[Program, Program]]) -> None:
    both = {"BLEIO_PAIRING": "passkey:012345", **STRICT}
    peripheral, central = start(both, both)
    central.says(
        "^first Insufficient authentication$",
        "^paired True$",
        "^second the secret$",
        "^paired True$",
    )
    peripheral.says("^paired True$", "^disconnected$")
    central.ends_well()
    peripheral.ends_well()


def test_two_passkeys_that_differ(start: Callable[..., tuple[Program, Program]]) -> None:
    peripheral, central = start(
        {"BLEIO_PAIRING": "passkey:012345"}, {"BLEIO_PAIRING": "passkey:012346"}
    )
    central.says(
        "^first Insufficient authentication$",
        "^refused: Unspecified issue",
        "^paired False$",
        "^second Insufficient authentication$",
    )
    central.ends_well()
    peripheral.says("^paired False$", "^disconnected$")
    peripheral.ends_well()


def test_a_pinned_method_refuses_a_peer_that_can_do_less(
    start: Callable[..., tuple[Program, Program]],
) -> None:
    _, central = start({"BLEIO_PAIRING": "passkey:012345", **STRICT}, {})
    central.says("^first Insufficient authentication$", "^refused: ", "^paired False$")
    central.ends_well()


def test_the_terminal_asks_both_users(start: Callable[..., tuple[Program, Program]]) -> None:
    both = {"BLEIO_PAIRING": "terminal"}
    peripheral, central = start(both, both)
    central.type("y\n")
    peripheral.type("y\n")
    question = r"by numeric comparison \(LE Secure Connections\)\. Does it show (\d{6})\?"
    numbers = [program.wait_for(question)[1] for program in (central, peripheral)]
    assert numbers[0] == numbers[1]
    central.says("^second the secret$")
    central.ends_well()
    peripheral.ends_well()


def test_the_terminal_shows_what_the_other_program_is_asked_for(
    start: Callable[..., tuple[Program, Program]], shared_radio: SharedRadio
) -> None:
    locked = shared_radio.start(PROGRAMS / "locked_peripheral.py", BLEIO_PAIRING="terminal")
    locked.wait_for("^advertising")
    central = shared_radio.start(PROGRAMS / "unlocking_central.py", BLEIO_PAIRING="passkey:000000")
    # One in a million is the passkey that this program types.
    locked.wait_for(r"by passkey entry \(LE Secure Connections\): type \d{6} on it\.$")
    central.wait_for("^refused: Unspecified issue")
    locked.wait_for(r"^Pairing with .* by passkey entry \(LE Secure Connections\): (?!done)")
    central.ends_well()
    locked.ends_well()


@pytest.mark.parametrize(("shows", "asks"), [(0, 1), (1, 0)])
def test_the_passkey_of_one_terminal_is_typed_at_the_other(
    start: Callable[..., tuple[Program, Program]], shows: int, asks: int
) -> None:
    settings: list[dict[str, str]] = [{}, {}]
    settings[shows] = {"BLEIO_PAIRING": "terminal:display", **STRICT}
    settings[asks] = {"BLEIO_PAIRING": "terminal:keyboard", **STRICT}
    programs = start(*settings)
    shown = programs[shows].wait_for(r"by passkey entry .*: type (\d{6}) on it\.$")
    programs[asks].type(f"{shown[1]}\n")
    programs[1].says("^paired True$", "^second the secret$")
    for program in programs:
        program.ends_well()


def test_a_pinned_method_has_two_terminals_that_can_do_all_come_to_it(
    start: Callable[..., tuple[Program, Program]],
) -> None:
    """Without, they compare numbers: each says less of itself than there is."""
    both = {"BLEIO_PAIRING": "terminal", **STRICT}
    peripheral, central = start(both, both)
    shown = peripheral.wait_for(r"by passkey entry .*: type (\d{6}) on it\.$")
    central.type(f"{shown[1]}\n")
    central.says("^paired True$", "^second the secret$")
    central.ends_well()
    peripheral.ends_well()


def test_just_works_can_be_pinned(start: Callable[..., tuple[Program, Program]]) -> None:
    pinned = {"BLEIO_PAIRING": "terminal", "BLEIO_SECURITY": "method=just-works"}
    programs = start(pinned, pinned)
    for program in programs:
        program.type("y\n")
    for program in programs:
        program.says(r"by Just Works .*: done\.$")
    for program in programs:
        program.ends_well()


def test_a_passkey_is_not_passed_over(start: Callable[..., tuple[Program, Program]]) -> None:
    """A peer that can neither show nor ask would make Just Works of it."""
    _, central = start({}, {"BLEIO_PAIRING": "passkey:012345"})
    central.says("by Just Works .*: refused, as --pairing", "^refused: ", "^paired False$")
    central.ends_well()


def test_a_bond_in_place_of_a_pairing_is_said(
    start: Callable[..., tuple[Program, Program]],
) -> None:
    both = {"BLEIO_PAIRING": "passkey:012345"}
    for round_ in range(2):
        for program in start(both, both):
            program.ends_well()
            said = [line for line in program.lines if "is bonded already" in line]
            assert len(said) == round_
            if round_:
                assert re.fullmatch(
                    r"([0-9a-f:]{17}) is bonded already \(authenticated\), so nobody was asked\."
                    r" To pair anew:  bleio bonds forget \1",
                    said[0],
                )
