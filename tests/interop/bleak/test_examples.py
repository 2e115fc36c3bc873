"""bleak's own examples, unmodified: in a world, and as processes on a shared radio."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bleio.testing import World
from support.processes import SharedRadio, shared_radio
from support.stacks import bleak_examples

__all__ = ["shared_radio"]

pytestmark = pytest.mark.interop
OURS = Path(__file__).parents[3] / "examples"
STRAP, ECHO = OURS / "heart_rate_peripheral.py", OURS / "uart_echo_server.py"
NOTIFIER = Path(__file__).parent / "devices" / "notifier.py"
BOTH = """import asyncio, two_devices
async def main():
    await two_devices.main({})
asyncio.run(main())
"""


@pytest.fixture(scope="module")
def theirs() -> Path:
    """The folder of bleak's examples."""
    if reason := bleak_examples.missing():
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return bleak_examples.FOLDER


def shown(world: World, program: Path, *arguments: str) -> str:
    """Run an example to its end. Returns: what it printed and logged."""
    device = world.add(program, argv=arguments)
    world.run(until=lambda: not device.running)
    text: str = device.text
    return text


def test_discover(ble_world: World, theirs: Path) -> None:
    ble_world.add(STRAP)
    ble_world.add(ECHO)
    text = shown(ble_world, theirs / "discover.py")
    assert "Pulse" in text
    assert "6e400001-b5a3-f393-e0a9-e50e24dcca9e" in text


def test_service_explorer(ble_world: World, theirs: Path) -> None:
    ble_world.add(STRAP)
    text = shown(ble_world, theirs / "service_explorer.py", "--name", "Pulse")
    assert "Body Sensor Location (read), Value: bytearray(b'\\x01')" in text
    assert "Manufacturer Name String (read), Value: bytearray(b'Example Labs')" in text
    assert "[Descriptor] 00002902-0000-1000-8000-00805f9b34fb" in text
    assert "Error" not in text
    assert text.rstrip().endswith("disconnected")


def test_enable_notifications(ble_world: World, theirs: Path) -> None:
    ble_world.add(STRAP)
    text = shown(ble_world, theirs / "enable_notifications.py", "--name", "Pulse", "2a37")
    assert 4 <= text.count("Heart Rate Measurement: bytearray(b'\\x00") <= 5


def test_two_devices(ble_world: World, theirs: Path, tmp_path: Path) -> None:
    """Its addresses are in its text, so it is called with those of devices that there are; and its
    last lines pass to `asyncio.run` what no Python takes there."""
    addresses = []
    for name in ("one", "two"):
        address = ble_world.add(NOTIFIER, name=name).adapter.address
        addresses.append(bytes(address.address_bytes)[::-1].hex(":").upper())
    (tmp_path / "two_devices.py").symlink_to(theirs / "two_devices.py")
    (tmp_path / "both.py").write_text(BOTH.format(addresses))
    both = ble_world.add(tmp_path / "both.py")
    ble_world.run(until=lambda: not both.running)
    lines = both.text.splitlines()
    assert sorted(lines[:2]) == sorted(f"starting {each} loop" for each in addresses)
    assert sorted(lines[-2:]) == sorted(f"disconnect from {each}" for each in addresses)
    told = [line for line in lines if "0000ffe1-" in line]
    assert all("bytearray(b'line" in line for line in told)
    assert 2 * 17 <= len(told) <= 2 * 21  # 10 s each


def test_uart_service(shared_radio: SharedRadio, theirs: Path) -> None:
    """With what is typed; as a program of its own, which has a terminal."""
    server = shared_radio.start(ECHO)
    server.says("^Waiting")
    client = shared_radio.start(theirs / "uart_service.py", BLEIO_BLEAK="1")
    client.says("^Connected, start typing")
    client.type("hello\n")
    client.says(r"^received: bytearray\(b'HELLO\\n'\)")
    client.type("and more\n")
    client.says(r"^received: bytearray\(b'AND MORE\\n'\)")
    server.kill()
    client.says("^Device was disconnected, goodbye")
    client.type("\n")  # its thread waits for a line
    client.ends_well()


def test_bleio_run_gives_it_too(shared_radio: SharedRadio, theirs: Path) -> None:
    shared_radio.start(STRAP).says("^Waiting|^Advertising|.")
    program = Path(__file__).parent / "run_bleak.py"
    found = shared_radio.start(program, str(theirs / "discover.py"))
    found.says("Pulse")
    found.ends_well()
