"""Our examples do what they say, in pairs."""

from __future__ import annotations

import ast
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from support.patience import PATIENCE_S

pytestmark = pytest.mark.interop

EXAMPLES = Path(__file__).parents[3] / "examples"
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


@pytest.mark.parametrize(
    ("server", "client"),
    [
        ("uart_echo_server", "uart_echo_client"),
        ("uart_echo_asyncio", "uart_echo_client"),
        ("uart_echo_server", "uart_asker_asyncio"),
    ],
)
def test_uart_echo(start, server, client):
    server = start(server)
    client = start(client)
    client.says(
        r"^Received b'HELLO\\n'$",
        r"^Received b'HOW ARE YOU\?\\n'$",
        r"^Received b'A LINE THAT IS LONGER THAN ONE SMALL PACKET CAN BE\\n'$",
    )
    client.ends_well()
    server.says(r"^Received b'hello\\n'$", "^Client gone$", "^Waiting for a client$")


SLOW = """
import time
from adafruit_ble import BLERadio
from adafruit_ble.advertising.standard import ProvideServicesAdvertisement
from adafruit_ble.services.nordic import UARTService
radio, uart = BLERadio(), UARTService()
radio.start_advertising(ProvideServicesAdvertisement(uart))
while not radio.connected:
    time.sleep(0.01)
while radio.connected:
    if line := uart.readline():
        time.sleep(2.5)
        uart.write(line[:3].upper())
        time.sleep(1.5)
        uart.write(line[3:].upper())
"""


@pytest.mark.parametrize("name", ["uart_echo_client", "uart_asker_asyncio"])
def test_a_uart_that_takes_its_time(ble_world, name):
    ble_world.add(source=SLOW, name="server")
    client = ble_world.add(EXAMPLES / f"{name}.py", name="client")
    ble_world.run(until=lambda: not client.running, within_s=60)
    received = [line for line in client.text.splitlines() if line.startswith("Received")]
    assert received == [
        r"Received b'HELLO\n'",
        r"Received b'HOW ARE YOU?\n'",
        r"Received b'A LINE THAT IS LONGER THAN ONE SMALL PACKET CAN BE\n'",
    ]


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


def test_hid_keyboard(start):
    keyboard = start("hid_keyboard")
    host = start("hid_host")
    host.says("^Paired with <Address ", r"^Its reports are described in \d+ octets$")
    host.says("^Typed: Hello from Python!$")
    host.ends_well()
    keyboard.says("^Typing$", "^Disconnected$", "^Waiting for a computer$")


def test_hid_keyboard_and_a_computer_of_the_tests(start, shared_radio):
    keyboard = start("hid_keyboard")
    host = shared_radio.start(COUNTERPARTS / "keyboard_host.py")
    host.says("^keyboard has appearance 961$", "^paired True", "^subscribed$")
    host.wait_for(r"^typed 'Hello from Python!\\n'$")
    host.type("done\n")
    host.ends_well()
    keyboard.says("^Typing$", "^Disconnected$", "^Waiting for a computer$")


def test_long_values(start):
    peripheral = start("long_values_peripheral")
    central = start("long_values_central")
    central.says(
        "^Read: The notice board is empty.$",
        "^Wrote 512 octets, read 512 octets: the same$",
        "^One more is too many: ",
        "^Done$",
    )
    central.ends_well()
    peripheral.says("^Has 512 octets that end with b'", "^Disconnected$", "^Advertising from")


PULSE = [
    r"UUID\(0x180d\)",
    r"    UUID\(0x2a38\) read",
    r"        01",
    r"    UUID\(0x2a37\) notify",
    r"        UUID\(0x2902\) 00 00",
    r"UUID\(0x180f\)",
    r"    UUID\(0x2a19\) read, notify",
    r"        57",
]


@pytest.mark.parametrize("named", [True, False])
def test_explorer(start, shared_radio, named):
    pulse = start("heart_rate_peripheral")
    pulse.wait_for("^Advertising as Pulse$")
    arguments = ["Pulse"] if named else []
    explorer = shared_radio.start(EXAMPLES / "explorer.py", *arguments)
    explorer.says("^Connected to <Address ", *[f"^{line}$" for line in PULSE])
    explorer.ends_well()
    pulse.says("^Disconnected$")


def test_explorer_says_what_cannot_be_read(start):
    keyboard = start("hid_keyboard")
    keyboard.wait_for("^Waiting for a computer$")
    explorer = start("explorer")
    explorer.says(
        r"^    UUID\(0x2a4b\) read$", r"^        \(Insufficient (authentication|encryption)"
    )
    explorer.ends_well()


def test_explorer_looks_for_one_that_is_not_there(start, shared_radio):
    pulse = start("heart_rate_peripheral")
    pulse.wait_for("^Advertising as Pulse$")
    explorer = shared_radio.start(EXAMPLES / "explorer.py", "Nobody")
    explorer.says("^Heard no such device within 10 seconds$")
    assert explorer.wait() == 1


PAIRS = [
    ("heart_rate_peripheral", "heart_rate_central", "Disconnected"),
    ("uart_echo_server", "uart_echo_client", "HELLO"),
    ("uart_echo_asyncio", "uart_asker_asyncio", "HELLO"),
    ("beacon", "scanner", "colour"),
    ("raw_bleio_peripheral", "raw_bleio_central", "Done"),
    ("hid_keyboard", "hid_host", "Typed: Hello from Python!"),
    ("long_values_peripheral", "long_values_central", "the same"),
    ("heart_rate_peripheral", "explorer", "UUID(0x2a38) read"),
]


@pytest.mark.parametrize(("one", "other", "says"), PAIRS)
def test_pairs_are_devices_of_a_world_as_they_stand(ble_world, one, other, says):
    ble_world.add(EXAMPLES / f"{one}.py")
    second = ble_world.add(EXAMPLES / f"{other}.py", start_s=0.5)
    ble_world.run(until=lambda: not second.running, within_s=60)
    assert says in second.text


def test_the_index_has_every_example():
    index = (EXAMPLES / "README.md").read_text("utf-8")
    files = [path.relative_to(EXAMPLES).as_posix() for path in EXAMPLES.glob("**/*.py")]
    project = [name for name in files if name.startswith("project_with_tests/")]
    for name in set(files) - set(project):
        assert f"`{name}`" in index, name
    assert "(project_with_tests/README.md)" in index


def test_every_example_is_run_by_a_test():
    folders = (Path(__file__).parent, Path(__file__).parents[2] / "bleak")
    tests = "".join(path.read_text("utf-8") for each in folders for path in each.glob("*.py"))
    part_of_others = {"pairing_person"}
    for path in EXAMPLES.glob("*.py"):
        assert path.stem in tests or path.stem in part_of_others, path.name


def test_the_head_of_every_example_says_what_goes_with_it():
    for path in EXAMPLES.glob("*.py"):
        head = ast.get_docstring(ast.parse(path.read_text("utf-8"))) or ""
        others = {each.name for each in EXAMPLES.glob("*.py")} - {path.name}
        assert any(name in head for name in others) or "python " in head, path.name


def test_the_command_in_the_head_of_the_app_of_bleak_ends() -> None:
    head = ast.get_docstring(ast.parse((EXAMPLES / "bleak_app.py").read_text("utf-8"))) or ""
    (command,) = [line.strip() for line in head.splitlines() if "bleio sim" in line]
    done = subprocess.run(
        [sys.executable, "-m", *shlex.split(command)],
        cwd=EXAMPLES,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert done.returncode == 0, done.stderr
    assert "Heart rate" in done.stdout and "Echo" in done.stdout


def test_the_remote_control_says_what_it_wants() -> None:
    folder = EXAMPLES / "project_with_tests"
    for arguments in ([], ["20", "21"]):
        done = subprocess.run(
            [sys.executable, "remote.py", *arguments],
            cwd=folder,
            env=os.environ | {"BLEIO_ADAPTER": "virtual"},
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
        )
        assert done.returncode == 1
        assert done.stderr == "Say the target: python remote.py TARGET, such as 20\n"
