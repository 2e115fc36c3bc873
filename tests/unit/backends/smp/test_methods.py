"""The pairing method for every pair of capabilities, by the specification's table 2.8."""

from __future__ import annotations

import pytest

from bleio.backends.hci.security.smp.methods import Choice, choose
from bleio.backends.hci.security.smp.pdu import AuthReq, Features
from bleio.core.pairing import IoCapability, PairingMethod

# Rows: peripheral; columns: central. `c`: the central shows the passkey, `p`: the peripheral,
# `2`: both type it, `n`: numeric comparison, `.`: Just Works; legacy/Secure Connections.
TABLE = """
                    DISPLAY_ONLY DISPLAY_YES_NO KEYBOARD_ONLY NO_INPUT_NO_OUTPUT KEYBOARD_DISPLAY
DISPLAY_ONLY        ./.          ./.            p/p           ./.                p/p
DISPLAY_YES_NO      ./.          ./n            p/p           ./.                p/n
KEYBOARD_ONLY       c/c          c/c            2/2           ./.                c/c
NO_INPUT_NO_OUTPUT  ./.          ./.            ./.           ./.                ./.
KEYBOARD_DISPLAY    c/c          c/n            p/p           ./.                c/n
"""
MEANING = {
    ".": Choice(PairingMethod.JUST_WORKS),
    "n": Choice(PairingMethod.NUMERIC_COMPARISON),
    "c": Choice(PairingMethod.PASSKEY_ENTRY, central_shows=True),
    "p": Choice(PairingMethod.PASSKEY_ENTRY, peripheral_shows=True),
    "2": Choice(PairingMethod.PASSKEY_ENTRY),
}
MITM, SC = AuthReq.MITM, AuthReq.SECURE_CONNECTIONS


def features(io: IoCapability, auth_req: int, oob: int = 0) -> Features:
    return Features(io, oob, auth_req, 16, 7, 7)


def cells() -> list[tuple[IoCapability, IoCapability, bool, str]]:
    columns, *rows = (line.split() for line in TABLE.strip().splitlines())
    return [
        (IoCapability[central], IoCapability[peripheral], bool(sc), cell.split("/")[sc])
        for peripheral, *cells in rows
        for central, cell in zip(columns, cells, strict=True)
        for sc in (0, 1)
    ]


@pytest.mark.parametrize(("central", "peripheral", "sc", "expected"), cells())
def test_capabilities_decide(
    central: IoCapability, peripheral: IoCapability, sc: bool, expected: str
) -> None:
    both = SC if sc else 0
    for asking, other in ((MITM, 0), (0, MITM), (MITM, MITM)):
        found = choose(features(central, both | asking), features(peripheral, both | other))
        assert found == MEANING[expected]
    unasked = choose(features(central, both), features(peripheral, both))
    assert unasked == MEANING["."]


def test_one_side_without_secure_connections_makes_it_legacy() -> None:
    yes_no = IoCapability.DISPLAY_YES_NO
    for one, other in ((SC, 0), (0, SC)):
        found = choose(features(yes_no, MITM | one), features(yes_no, MITM | other))
        assert found.method is PairingMethod.JUST_WORKS


@pytest.mark.parametrize(
    ("central", "peripheral", "sc", "expected"),
    [
        (1, 0, True, True),
        (0, 1, True, True),
        (1, 1, True, True),
        (0, 0, True, False),
        (1, 0, False, False),
        (0, 1, False, False),
        (1, 1, False, True),
    ],
)
def test_out_of_band_needs_both_sides_in_legacy_and_one_otherwise(
    central: int, peripheral: int, sc: bool, expected: bool
) -> None:
    none, both = IoCapability.NO_INPUT_NO_OUTPUT, SC if sc else 0
    found = choose(features(none, both, central), features(none, both, peripheral))
    assert (found.method is PairingMethod.OUT_OF_BAND) == expected
