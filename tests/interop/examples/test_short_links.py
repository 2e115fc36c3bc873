"""Peripherals that look now and then: a central that comes and goes between two looks."""

from __future__ import annotations

from pathlib import Path

import pytest

from bleio.cli import demonstration
from bleio.cli.cloning.record import Advertising, Record
from bleio.cli.cloning.writing import write
from bleio.testing import World

pytestmark = pytest.mark.interop

EXAMPLES = Path(__file__).parents[3] / "examples"
MONITOR = Path(demonstration.__file__).with_name("monitor.py.txt").read_text("utf-8")
PERIPHERALS = [
    "heart_rate_peripheral.py",
    "hid_keyboard.py",
    "long_values_peripheral.py",
    "pairing_lock.py",
    "raw_bleio_peripheral.py",
    "uart_echo_asyncio.py",
    "uart_echo_server.py",
]
TIMES = 5


def visitor() -> None:
    """Connect, and leave at once; as often as the peripheral is there again."""
    import _bleio

    for _ in range(TIMES):
        for found in _bleio.adapter.start_scan(timeout=20):
            if found.connectable:
                break
        else:
            return
        _bleio.adapter.stop_scan()
        _bleio.adapter.connect(found.address, timeout=5).disconnect()
        print("been there")


def check_it_is_there_again(world: World) -> None:
    came = world.add(visitor, name="visitor")
    world.run(until=lambda: not came.running, within_s=300)
    assert came.text.count("been there") == TIMES


@pytest.mark.parametrize("name", PERIPHERALS)
def test_an_example_is_there_again(ble_world: World, name: str) -> None:
    argv = ["just-works"] if name == "pairing_lock.py" else []
    ble_world.add(EXAMPLES / name, argv=argv)
    check_it_is_there_again(ble_world)


def test_no_peripheral_is_forgotten() -> None:
    waiting = (path for path in EXAMPLES.glob("*.py") if "while not " in path.read_text("utf-8"))
    assert sorted(path.name for path in waiting) == PERIPHERALS


def test_the_twin_of_a_device_is_there_again(ble_world: World) -> None:
    record = Record("Pulse", advertising=Advertising(b"\x02\x01\x06", b"", True, 100))
    ble_world.add(source=write(record), name="twin")
    check_it_is_there_again(ble_world)


def test_the_monitor_of_the_demo_is_there_for_its_reader(ble_world: World) -> None:
    """It ends with the first link that it sees; with one that was too short it does not."""
    monitor = ble_world.add(source=MONITOR, name="monitor")
    came = ble_world.add(visitor, name="visitor")
    ble_world.run(until=lambda: not came.running, within_s=300)
    assert came.text.count("been there") == TIMES or not monitor.running


def leaves_half_a_line() -> None:
    from adafruit_ble import BLERadio
    from adafruit_ble.advertising.standard import ProvideServicesAdvertisement
    from adafruit_ble.services.nordic import UARTService

    radio = BLERadio()
    for line in (b"half", b"whole\n"):
        found = next(iter(radio.start_scan(ProvideServicesAdvertisement)))
        radio.stop_scan()
        connection = radio.connect(found, timeout=5)
        uart = connection[UARTService]
        uart.write(line)
        if line.endswith(b"\n"):
            print(uart.readline())
        connection.disconnect()


@pytest.mark.parametrize("name", ["uart_echo_asyncio.py", "uart_echo_server.py"])
def test_a_client_gets_nothing_of_the_one_before(ble_world: World, name: str) -> None:
    ble_world.add(EXAMPLES / name)
    client = ble_world.add(leaves_half_a_line, name="client")
    ble_world.run(until=lambda: not client.running)
    assert client.text == "b'WHOLE\\n'\n"
