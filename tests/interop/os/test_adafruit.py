"""Published examples, run as they are, on the operating system's Bluetooth: in both roles.

One program of each pair has the Bluetooth of an emulated machine with Debian's kernel and
bluetoothd, the other one a controller of its own on the same radio. What they print is what the
tests of `interop/adafruit` expect of them without an operating system.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from interop.os.conftest import Bench
from support.processes import Program
from support.sdists import examples_of
from support.stacks import bluez_image

pytestmark = [
    pytest.mark.interop,
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(bool(bluez_image.missing()), reason=bluez_image.missing()),
]

ROOT = Path(__file__).parents[3]
ADAFRUIT = ROOT / "tests" / "interop" / "adafruit"


Start = Callable[..., Program]


@pytest.fixture(params=["peripheral", "central"])
def role(request: pytest.FixtureRequest) -> str:
    """The role that is on the operating system's Bluetooth."""
    role: str = request.param
    return role


@pytest.fixture
def peripheral(role: str, bench: Bench) -> Start:
    return bench.on_system if role == "peripheral" else bench.on_radio


@pytest.fixture
def central(role: str, bench: Bench) -> Start:
    return bench.on_system if role == "central" else bench.on_radio


@pytest.fixture
def example(pytestconfig: pytest.Config) -> Callable[[str, str], Path]:
    assert pytestconfig.cache is not None
    cache = pytestconfig.cache.mkdir("published-examples")
    return lambda library, name: examples_of(f"adafruit-circuitpython-{library}", cache) / name


def test_uart_echo(peripheral: Start, central: Start, example: Callable[[str, str], Path]) -> None:
    server = peripheral(example("ble", "ble_uart_echo_test.py"))
    client = central(example("ble", "ble_uart_echo_client.py"))
    for line in ("^connected$", "^echo$", "^b'echo'$", "^b'echo'$"):
        client.wait_for(line)
    for letter in "echo":
        server.wait_for(f"^b'{letter}'$")
    client.interrupt()
    client.wait()
    again = central(example("ble", "ble_uart_echo_client.py"))
    for line in ("^connected$", "^b'echo'$"):
        again.wait_for(line)


def test_heart_rate(
    role: str, peripheral: Start, central: Start, example: Callable[[str, str], Path]
) -> None:
    # bluetoothd has a Device Information service of its own, which clients find first.
    device = "Example Labs Pulse 1" if role == "central" else ".Manufacturer Not specified."
    monitor = peripheral(ROOT / "examples" / "heart_rate_peripheral.py")
    reader = central(example("ble-heart-rate", "ble_heart_rate_simpletest.py"))
    for line in (
        "^found a HeartRateService advertisement$",
        "^Connected$",
        f"^Device: {device}",
        "^Location: Chest$",
        r"^HeartRateMeasurementValues\(heart_rate=\d+, contact=None, ",
        r"^HeartRateMeasurementValues\(heart_rate=\d+, contact=None, ",
    ):
        reader.wait_for(line)
    monitor.interrupt()
    monitor.wait()
    reader.wait_for("^Scanning")


def test_hid_keyboard(
    role: str, bench: Bench, peripheral: Start, central: Start,
    example: Callable[[str, str], Path], tmp_path: Path,
) -> None:  # fmt: skip
    if role == "central":  # else bluetoothd takes keyboards for itself, as the computer's own
        bench.kept.restart_bluetoothd("--noplugin=hog")
    # All that it needs of a board; what a board says of its system would not be true here.
    for name in ("microcontroller.py", "usb_hid.py"):
        shutil.copy(ADAFRUIT / "stand_ins" / name, tmp_path)
    keyboard = peripheral(example("ble", "ble_hid_periph.py"), PYTHONPATH=str(tmp_path))
    keyboard.wait_for("^advertising$")
    host = central(ADAFRUIT / "counterparts" / "keyboard_host.py")
    for line in (
        "^keyboard has appearance 961$",
        # The system pairs by itself when a value asks for it, so a central on it reads at once.
        "^unexpectedly readable: " if role == "central" else "^before pairing: Insufficient encr",
        "^paired True report map of",
        "^subscribed$",
    ):
        host.wait_for(line)
    keyboard.type("Hi All 1\n")
    host.wait_for(r"^typed 'Hi All 1\\n'$")
    host.type("done\n")
    host.ends_well()
