"""What becomes of programs when bluetoothd dies, a controller goes, or another program comes."""

from __future__ import annotations

import pytest

from interop.os.conftest import Bench
from support.stacks import bluez_image

pytestmark = [
    pytest.mark.interop,
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.skipif(bool(bluez_image.missing()), reason=bluez_image.missing()),
]


def test_a_central_comes_back_after_bluetoothd_was_killed(bench: Bench) -> None:
    bench.on_radio("peripheral", "Stays").says("^advertising")
    central = bench.on_system("central", "stay", "Stays")
    central.says("^found", "^connected")
    bench.machine.stop_bluetoothd("KILL")
    central.says(r"^\w+Error: ")
    bench.machine.start_bluetoothd()
    central.says("^found", "^connected")


def test_a_peripheral_serves_again_after_bluetoothd_was_killed(bench: Bench) -> None:
    peripheral = bench.on_system("peripheral", "Serves")
    peripheral.says("^advertising")
    central = bench.on_radio("central", "stay", "Serves")
    central.says("^found", "^connected")
    peripheral.says("^connections 1")
    bench.machine.stop_bluetoothd("KILL")
    peripheral.says("^connections 0")
    bench.machine.start_bluetoothd()
    central.says("Error: ", "^found", "^connected")
    peripheral.says("^connections 1")


def test_a_peripheral_advertises_again_after_bluetoothd_was_killed(bench: Bench) -> None:
    peripheral = bench.on_system("peripheral", "Serves")
    peripheral.says("^advertising")
    bench.machine.stop_bluetoothd("KILL")
    bench.machine.start_bluetoothd()
    bench.on_radio("central", "all", "Serves").says("^found", "^connected", "^done")
    peripheral.says("^connections 1")


def test_a_controller_that_is_unplugged_and_plugged_in(bench: Bench) -> None:
    bench.on_radio("peripheral", "Waits").says("^advertising")
    central = bench.on_system("central", "stay", "Waits")
    central.says("^found", "^connected")
    bench.machine.cut(0)
    bench.machine.detach(0)
    central.says(r"^\w+Error: ")
    bench.machine.join(0)
    bench.machine.powered(bench.machine.attach(0))
    central.says("^found", "^connected")


def test_two_programs_on_one_adapter(bench: Bench) -> None:
    """One serves while the other one uses another device. BlueZ does not tell who made a link, so
    the first one takes the second one's for a visitor's, and has room for another."""
    bench.on_radio("peripheral", "Elsewhere").says("^advertising")
    serves = bench.on_system("peripheral", "Here", "3")
    serves.says("^advertising")
    uses = bench.on_system("central", "each", "Elsewhere")
    uses.says("^links 1")
    visitor = bench.on_radio("central", "all", "Here")
    visitor.says("^indicated", "^done")
    visitor.ends_well()
    serves.says("^confirmed hello")
    uses.type("\n")
    uses.ends_well()
    serves.says("^connections 0")
