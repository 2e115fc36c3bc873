"""The first evening when something goes wrong: each command, each mishap, on a terminal."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterator

import pytest

from support.evening import Evening
from support.terminal import Terminal

pytestmark = pytest.mark.interop
STRAP = "python examples/heart_rate_peripheral.py"
NOTIFY = "notify Pulse heart_rate_measurement"
# What talks to a device: the command, and what it shows when it is in the middle of it.
TALKING = [
    ("explore Pulse", "Pulse> "),
    (NOTIFY, "heart rate"),
    ("clone Pulse -o twin.py --record 60", "Recording"),
]
ANY = [
    "scan --duration 2s",
    "explore Pulse --tree",
    "read Pulse battery_level",
    NOTIFY,
    "clone Pulse",
]
_WITHOUT_RIGHTS = """
import ctypes, os, sys
for capability in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH: what lets root open any file
    ctypes.CDLL(None).prctl(24, capability, 0, 0, 0)  # PR_CAPBSET_DROP
os.execvp(sys.argv[1], sys.argv[1:])
"""


@pytest.fixture
def evening() -> Iterator[Evening]:
    with Evening() as evening:
        yield evening


@pytest.fixture
def strap(evening: Evening) -> Terminal:
    return evening.start(STRAP, "Advertising as Pulse")


@pytest.fixture(scope="module")
def with_strap() -> Iterator[Evening]:
    """An evening with a strap that stays, for what asks it something and lets go of it."""
    with Evening() as evening:
        evening.start(STRAP, "Advertising as Pulse")
        yield evening


@pytest.mark.parametrize("command", ANY)
def test_no_adapter(evening: Evening, command: str) -> None:
    typed = evening.type(f"bleio {command} --adapter hci:serial:/dev/ttyUSB9,1000000")
    assert typed.code == 4
    assert "Cannot open the adapter 'hci:serial:/dev/ttyUSB9,1000000'" in typed.shown
    assert "Traceback" not in typed.shown


@pytest.mark.parametrize("command", ANY)
def test_no_permission_for_the_device_file(evening: Evening, command: str) -> None:
    file = evening.folder / "ttyACM0"
    file.touch(mode=0)
    words = shlex.split(f"bleio {command} --adapter hci:serial:{file},1000000")
    if os.geteuid() == 0:
        words = [sys.executable, "-c", _WITHOUT_RIGHTS, *words]
    typed = evening.type(shlex.join(words))
    assert typed.code == 4
    assert "permission" in typed.shown.lower()
    assert "Traceback" not in typed.shown


@pytest.mark.parametrize("command", ANY[1:])
def test_a_wrong_name_and_a_wrong_address(with_strap: Evening, command: str) -> None:
    for wrong in ("Puls3", "c0:11:22:33:44:56"):
        typed = with_strap.type(f"bleio {command.replace('Pulse', wrong)} --timeout 2")
        assert typed.code == 3
        right = command.replace("Pulse", "c0:11:22:33:44:55")
        assert f'  bleio {right} --timeout 2  # "Pulse", -60 dBm' in typed.shown


@pytest.mark.parametrize("command", ["read Pulse battery_levle", "notify Pulse battery_levle"])
def test_no_such_characteristic(with_strap: Evening, command: str) -> None:
    typed = with_strap.type(f"bleio {command}")
    assert typed.code == 3
    right = command.replace("battery_levle", "battery_level")
    assert f"bleio {right}  # Battery Level of Battery Service: read, notify" in typed.shown


@pytest.mark.parametrize(("command", "until"), TALKING)
def test_a_device_that_goes(evening: Evening, strap: Terminal, command: str, until: str) -> None:
    with evening.typing(f"bleio {command}", until) as it:
        strap.process.kill()
        strap.process.wait()
        assert it.end() == 5
        assert 'Error: "Pulse" (c0:11:22:33:44:55) is gone: the link ended' in it.shown
        assert it.is_sane()
    assert (evening.folder / "twin.py").exists() == ("clone" in command)


def test_a_device_that_goes_while_it_is_scanned(evening: Evening, strap: Terminal) -> None:
    with evening.typing("bleio scan --lines", '"Pulse"') as it:
        strap.process.kill()
        strap.process.wait()
        it.expect("- c0:11:22:33:44:55")
        it.press_ctrl_c()
        assert it.end() == 130
        assert "1 device, " in it.shown


@pytest.mark.parametrize(
    ("command", "until"),
    [*TALKING, ("scan --lines", '"Pulse"'), ("capture x.pcapng", "Recording")],
)
def test_ctrl_c(with_strap: Evening, command: str, until: str) -> None:
    with with_strap.typing(f"bleio {command}", until) as it:
        it.press_ctrl_c()
        assert it.end() == 130
        assert "Traceback" not in it.shown
        assert "Aborted" not in it.shown
        assert it.is_sane()
    assert not (with_strap.folder / "twin.py").exists()
    freed = with_strap.type("bleio read Pulse battery_level")
    assert freed.shown == "87 %  (57)\n"


def test_a_device_that_refuses(evening: Evening) -> None:
    evening.start("python examples/hid_keyboard.py", "Waiting for a computer")
    command = "bleio read 'Bluetooth keyboard' hid_information"
    typed = evening.type(command)
    assert typed.code == 6
    assert f"  {command} --pair" in typed.shown
    typed = evening.type("bleio clone 'Bluetooth keyboard' --record 0 -o keyboard.py")
    assert typed.code == 0
    assert "could not be read without more security; --pair may help" in typed.shown
    typed = evening.type("bleio clone 'Bluetooth keyboard' --record 0 -o keyboard.py --pair")
    assert typed.code == 0
    assert "Pairing with" in typed.shown
    assert "could not be read" not in typed.shown
    assert "read_perm=ENCRYPTED" in (evening.folder / "keyboard.py").read_text("utf-8")


def test_the_twin_takes_the_place_of_the_original(evening: Evening, strap: Terminal) -> None:
    assert evening.type("bleio clone Pulse -o twin.py --record 1").code == 0
    twin = evening.start("bleio run twin.py", "Advertising as 'Pulse'")
    beside = evening.type("bleio read Pulse battery_level")
    assert beside.code == 3
    assert "2 devices that virtual:desk hears fit 'Pulse'; take one of them" in beside.shown
    evening.stop(strap)
    assert evening.type("bleio read Pulse battery_level").shown == "87 %  (57)\n"
    evening.stop(twin)
