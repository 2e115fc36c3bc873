"""Published examples, run as they are, on the operating system's Bluetooth: in both roles.

One program of each pair has the Bluetooth of an emulated machine with Debian's kernel and
bluetoothd, the other one a controller of its own on the same radio. What they print is what the
tests of `interop/adafruit` expect of them without an operating system.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support.processes import Program, stop_all
from support.sdists import examples_of
from support.stacks import bluez_image
from support.stacks.machine import Machine

pytestmark = [
    pytest.mark.interop,
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(bool(bluez_image.missing()), reason=bluez_image.missing()),
]

ROOT = Path(__file__).parents[3]
ADAFRUIT = ROOT / "tests" / "interop" / "adafruit"
PATIENCE_S = 120.0  # of one step: bluetoothd runs on one emulated processor


class Desk:
    """A radio, a machine whose Bluetooth is this system's, and programs on both."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._socket = folder / "hci.sock"
        self._environment = {**os.environ, "XDG_RUNTIME_DIR": str(folder)}
        command = ["-m", "bleio", "radio", "desk", "--listen", f"unix:{self._socket}"]
        self._radio = Program("radio", command, self._environment, folder)
        self._radio.says("^Ready")
        (folder / "machine").mkdir()
        self.machine = Machine(folder / "machine", [self._socket])
        self.machine.powered(self.machine.attach(0))
        self._programs: list[Program] = []

    def on_system(self, path: Path, *arguments: str, **more: str) -> Program:
        """Start a program on the operating system's Bluetooth."""
        bus = {"DBUS_SYSTEM_BUS_ADDRESS": self.machine.bus_address, "BLEIO_ADAPTER": "os"}
        return self._start(f"os {path.stem}", path, *arguments, **bus, **more)

    def on_radio(self, path: Path, *arguments: str, **more: str) -> Program:
        """Start a program on a controller of its own."""
        return self._start(path.stem, path, *arguments, BLEIO_ADAPTER="virtual:desk", **more)

    def clear(self) -> None:
        """End all programs, and have bluetoothd forget what it has met."""
        programs, self._programs = self._programs, []
        try:
            stop_all(programs[::-1])
        finally:
            self.machine.restart_bluetoothd(forget=True)
            self.machine.powered()

    def close(self) -> None:
        self.machine.close()
        stop_all([self._radio])

    def _start(self, tag: str, path: Path, *arguments: str, **more: str) -> Program:
        folder = Path(tempfile.mkdtemp(dir=self._folder))
        environment = {**self._environment, "BLEIO_STATE_DIR": str(folder / "state"), **more}
        program = Program(tag[:12], [str(path), *arguments], environment, folder)
        self._programs.append(program)
        return program


@pytest.fixture(scope="module")
def _desk() -> Iterator[Desk]:
    folder = Path(tempfile.mkdtemp(prefix="bleio-"))  # sockets have short names
    desk = Desk(folder)
    try:
        yield desk
    finally:
        desk.close()
        shutil.rmtree(folder)


@pytest.fixture
def desk(_desk: Desk) -> Iterator[Desk]:
    yield _desk
    _desk.clear()


Start = Callable[..., Program]


@pytest.fixture(params=["peripheral", "central"])
def role(request: pytest.FixtureRequest) -> str:
    """The role that is on the operating system's Bluetooth."""
    role: str = request.param
    return role


@pytest.fixture
def peripheral(role: str, desk: Desk) -> Start:
    return desk.on_system if role == "peripheral" else desk.on_radio


@pytest.fixture
def central(role: str, desk: Desk) -> Start:
    return desk.on_system if role == "central" else desk.on_radio


@pytest.fixture
def example(pytestconfig: pytest.Config) -> Callable[[str, str], Path]:
    assert pytestconfig.cache is not None
    cache = pytestconfig.cache.mkdir("published-examples")
    return lambda library, name: examples_of(f"adafruit-circuitpython-{library}", cache) / name


def test_uart_echo(peripheral: Start, central: Start, example: Callable[[str, str], Path]) -> None:
    server = peripheral(example("ble", "ble_uart_echo_test.py"))
    client = central(example("ble", "ble_uart_echo_client.py"))
    for line in ("^connected$", "^echo$", "^b'echo'$", "^b'echo'$"):
        client.wait_for(line, PATIENCE_S)
    for letter in "echo":
        server.wait_for(f"^b'{letter}'$", PATIENCE_S)
    client.interrupt()
    client.wait()
    again = central(example("ble", "ble_uart_echo_client.py"))
    for line in ("^connected$", "^b'echo'$"):
        again.wait_for(line, PATIENCE_S)


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
        reader.wait_for(line, PATIENCE_S)
    monitor.interrupt()
    monitor.wait()
    reader.wait_for("^Scanning", PATIENCE_S)


def test_hid_keyboard(
    role: str, desk: Desk, peripheral: Start, central: Start,
    example: Callable[[str, str], Path], tmp_path: Path,
) -> None:  # fmt: skip
    if role == "central":  # else bluetoothd takes keyboards for itself, as the computer's own
        desk.machine.restart_bluetoothd("--noplugin=hog")
        desk.machine.powered()
    # All that it needs of a board; what a board says of its system would not be true here.
    for name in ("microcontroller.py", "usb_hid.py"):
        shutil.copy(ADAFRUIT / "stand_ins" / name, tmp_path)
    keyboard = peripheral(example("ble", "ble_hid_periph.py"), PYTHONPATH=str(tmp_path))
    keyboard.wait_for("^advertising$", PATIENCE_S)
    host = central(ADAFRUIT / "counterparts" / "keyboard_host.py")
    for line in (
        "^keyboard has appearance 961$",
        # The system pairs by itself when a value asks for it, so a central on it reads at once.
        "^unexpectedly readable: " if role == "central" else "^before pairing: Insufficient encr",
        "^paired True report map of",
        "^subscribed$",
    ):
        host.wait_for(line, PATIENCE_S)
    keyboard.type("Hi All 1\n")
    host.wait_for(r"^typed 'Hi All 1\\n'$", PATIENCE_S)
    host.type("done\n")
    host.ends_well()
