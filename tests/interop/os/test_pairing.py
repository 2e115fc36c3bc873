"""Pairing by the system's Bluetooth and by ours, and what a bond brings back, in both roles."""

from __future__ import annotations

import pytest

from interop.os.conftest import Bench
from support.stacks import PROGRAMS, bluez_image

pytestmark = [
    pytest.mark.interop,
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.skipif(bool(bluez_image.missing()), reason=bluez_image.missing()),
]

CENTRAL, PERIPHERAL = (PROGRAMS / "programs" / f"{name}.py" for name in ("central", "peripheral"))


@pytest.mark.parametrize("system_is_central", [True, False], ids=["central", "peripheral"])
@pytest.mark.parametrize("by_passkey", [False, True], ids=["just works", "passkey"])
def test_pairing_and_a_bonded_reconnect(
    bench: Bench, by_passkey: bool, system_is_central: bool
) -> None:
    here, there = bench.on_system, bench.on_radio
    start_central, start_peripheral = (here, there) if system_is_central else (there, here)
    if by_passkey:
        shows = start_peripheral(PERIPHERAL, "DISPLAY_ONLY", "ENCRYPT_WITH_MITM")
        shows.says("^advertising")
        types = start_central(CENTRAL, "KEYBOARD_ONLY")
        types.says("^found", "^first visit")
        passkey = shows.wait_for(r"^shows (\d{6})$")[1]
        types.says("^asks for the passkey")
        types.type(f"{passkey}\n")
    else:
        shows = start_peripheral(PERIPHERAL, "NO_INPUT_NO_OUTPUT", "ENCRYPT_NO_MITM")
        shows.says("^advertising")
        types = start_central(CENTRAL, "NO_INPUT_NO_OUTPUT")
        types.says("^found", "^first visit")
    types.says("^paired True$", "^read our secret", "^notified of echo of first words")
    shows.says("^written first words", "^disconnected", "^advertising")
    types.says("^second visit", "^paired True$", "^read our secret")
    types.says("^notified of echo of second words", "^disconnected")
    types.ends_well()
    asked = [line for line in types.lines if line.startswith("asks for")]
    assert len(asked) == by_passkey  # in the first visit alone
