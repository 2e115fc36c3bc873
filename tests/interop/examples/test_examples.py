"""Our examples do what they say, in pairs."""

from __future__ import annotations

from pathlib import Path

import pytest

pytestmark = pytest.mark.interop

COUNTERPARTS = Path(__file__).parents[1] / "adafruit" / "counterparts"


def test_heart_rate(start):
    peripheral = start("heart_rate_peripheral")
    central = start("heart_rate_central")
    central.says("^Found <Address ", "^Connected$", "^Device information: Example Labs Pulse 1$")
    central.says("^Battery: 87 %$", "^Heart rate sensor on: Chest$")
    first = central.wait_for(r"^Reading: (\d+) bpm$")[1]
    peripheral.says("^Connected$", f"^Pulse {first}$")
    central.says(*[r"^Reading: \d+ bpm$"] * 4, "^Disconnected$")
    central.ends_well()
    peripheral.says("^Disconnected$", "^Advertising as Pulse$")


@pytest.mark.parametrize("name", ["uart_echo_server", "uart_echo_asyncio"])
def test_uart_echo(start, name):
    server = start(name)
    client = start("uart_echo_client")
    client.says(
        r"^Received b'HELLO\\n'$",
        r"^Received b'HOW ARE YOU\?\\n'$",
        r"^Received b'A LINE THAT IS LONGER THAN ONE SMALL PACKET CAN BE\\n'$",
    )
    client.ends_well()
    server.says(r"^Received b'hello\\n'$", "^Client gone$", "^Waiting for a client$")


def test_uart_asked_by_tasks(start):
    server = start("uart_echo_server")
    client = start("uart_asker_asyncio")
    client.says(
        r"^Received b'HELLO\\n'$",
        r"^Received b'HOW ARE YOU\?\\n'$",
        r"^Received b'A LINE THAT IS LONGER THAN ONE SMALL PACKET CAN BE\\n'$",
    )
    client.ends_well()
    server.says(r"^Received b'hello\\n'$", "^Client gone$", "^Waiting for a client$")


def test_beacon_and_scanner(start):
    beacon = start("beacon")
    pulse = start("heart_rate_peripheral")
    beacon.wait_for("^Broadcasting #ff0000$")
    pulse.wait_for("^Advertising")
    scanner = start("scanner")
    scanner.wait_for("^Saw 2 devices$")
    scanner.ends_well()
    seen = "\n".join(scanner.lines)
    assert all(f"dBm: colour #{colour}" in seen for colour in ("ff0000", "00ff00", "0000ff"))
    assert "dBm: Pulse" in seen


def test_raw_bleio(start):
    peripheral = start("raw_bleio_peripheral")
    central = start("raw_bleio_central")
    central.says(
        r"^Descriptor\(UUID\(0x2902\)\) b'\\x00\\x00'$|^Descriptor\(UUID\(0x2901\)\)",
        r"^Reads \d+\.\d\d C$",
        "^Heater on$",
        *[r"^Notified \d+\.\d\d C$"] * 4,
        "^Done$",
    )
    assert any("hundredths of a degree Celsius" in line for line in central.lines)
    central.ends_well()
    peripheral.says("heater on$", "^Disconnected$", "^Advertising from")


def test_hid_keyboard(start, shared_radio):
    keyboard = start("hid_keyboard")
    host = shared_radio.start(COUNTERPARTS / "keyboard_host.py")
    host.says("^keyboard has appearance 961$", "^paired True", "^subscribed$")
    host.wait_for(r"^typed 'Hello from Python!\\n'$")
    host.type("done\n")
    host.ends_well()
    keyboard.says("^Typing$", "^Disconnected$", "^Waiting for a computer$")
