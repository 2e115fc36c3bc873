"""Node's ble-host as central and as peripheral of our programs, pairing in all its ways.

It always offers LE Secure Connections, so LE legacy pairing cannot be had of it.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from support.processes import Program
from support.stacks import node
from support.stacks.bench import Bench

pytestmark = [
    pytest.mark.interop,
    pytest.mark.slow,
    pytest.mark.skipif(bool(node.missing()), reason=node.missing()),
]


@dataclass(frozen=True)
class Case:
    """How two devices pair: what each can show and ask, and what comes of it."""

    ours: str
    theirs: str
    method: str

    @property
    def authenticated(self) -> bool:
        return self.method != "Just Works"

    def of_node(self) -> tuple[str, ...]:
        """The arguments of Node's scripts."""
        return (self.theirs, "mitm") if self.authenticated else (self.theirs,)

    def take_place(self, ours: Program, theirs: Program) -> None:
        """Do what the users of both devices do, and see that both devices say the same."""
        ours.says(f"^pairs by {self.method}, LE Secure Connections$")
        if self.method == "numeric comparison":
            number = ours.wait_for(r"^asks about (\d{6})$")[1]
            theirs.says(f"^asks about {number}$")
            ours.type("yes\n")
            theirs.type("yes\n")
        elif self.method == "passkey entry":
            shows, types = (theirs, ours) if self.ours == "KEYBOARD_ONLY" else (ours, theirs)
            passkey = shows.wait_for(r"^shows (\d{6})$")[1]
            types.says("^asks for the passkey$")
            types.type(f"{passkey}\n")
        authentication = "authenticated" if self.authenticated else "not authenticated"
        theirs.says(f"^paired: LE Secure Connections, {authentication}, bonded$")


CASES = {
    "just works": Case("NO_INPUT_NO_OUTPUT", "NO_INPUT_NO_OUTPUT", "Just Works"),
    "compare": Case("DISPLAY_YES_NO", "DISPLAY_YES_NO", "numeric comparison"),
    "we type": Case("KEYBOARD_ONLY", "DISPLAY_ONLY", "passkey entry"),
    "they type": Case("DISPLAY_ONLY", "KEYBOARD_ONLY", "passkey entry"),
}


@pytest.mark.parametrize("name", CASES)
def test_node_as_central(bench: Bench, name: str) -> None:
    case = CASES[name]
    permission = "ENCRYPT_WITH_MITM" if case.authenticated else "ENCRYPT_NO_MITM"
    ours = bench.ours("peripheral", case.ours, permission)
    address = ours.wait_for("^advertising from (.+)$")[1]
    theirs = bench.node("central", *case.of_node())
    theirs.says(f"^found {address}$", "^first visit$", "^MTU 517$")
    theirs.says("^read without encryption: INSUFFICIENT_AUTHENTICATION$")
    case.take_place(ours, theirs)
    for visit in ("first", "second"):
        theirs.says("^read our secret$")
        for words, how in (("some words", "notified of"), ("more", "indicated")):
            ours.says(f"^written {visit}: {words}$")
            theirs.says(f"^{how} echo of {visit}: {words}$")
        theirs.says("^disconnected$")
        ours.says("^disconnected$", "^advertising")
        if visit == "first":
            theirs.says("^second visit$", "^encrypted with stored keys, status 0$")
    theirs.ends_well()


@pytest.mark.parametrize("name", CASES)
def test_node_as_peripheral(bench: Bench, name: str) -> None:
    case = CASES[name]
    theirs = bench.node("peripheral", *case.of_node())
    theirs.says("^advertising$")
    ours = bench.ours("central", case.ours)
    ours.says("^found ", "^first visit$", "^SecurityError: Insufficient authentication$")
    case.take_place(ours, theirs)
    for visit in ("first", "second"):
        ours.says("^paired True$", "^read Node's secret$", f"^notified of echo of {visit} words$")
        theirs.says(f"^written {visit} words$")
        ours.says("^disconnected$")
        theirs.says("^disconnected$", "^advertising$")
    ours.ends_well()
    assert not [line for line in ours.lines if line.startswith("lost")]
