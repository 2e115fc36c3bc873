"""Adapters that cannot be: one sentence of what was tried, what is wrong and what to do."""

from __future__ import annotations

import os
import socket
import sys

import pytest

from bleio.runtime.selection import CHOICES
from support.processes import Program
from support.radio_processes import Radios

pytestmark = pytest.mark.interop

# Adapter string: the sentence that tells why not
LOOK = "; `bleio doctor` shows what there is, and BLEIO_ADAPTER chooses another."
REFUSED = {
    "": f"There is no adapter '': choose {CHOICES}; BLEIO_ADAPTER holds the choice",
    "bogus": f"There is no adapter 'bogus': choose {CHOICES};"
    ' did you mean "virtual:bogus" (BLEIO_ADAPTER=virtual:bogus)?',
    "hci": f"There is no adapter 'hci': choose {CHOICES};"
    ' did you mean "hci:usb:0" (BLEIO_ADAPTER=hci:usb:0)?',
    "hci:": f"There is no adapter 'hci:': choose {CHOICES};"
    ' did you mean "hci:usb:0" (BLEIO_ADAPTER=hci:usb:0)?',
    "virtual:": f"There is no adapter 'virtual:': choose {CHOICES};"
    ' did you mean "virtual:desk" or "virtual" (BLEIO_ADAPTER=virtual:desk)?',
    "os:0": f"There is no adapter 'os:0': choose {CHOICES};"
    ' did you mean "os:hci0" (BLEIO_ADAPTER=os:hci0)?',
    "hci:bogus:": "Cannot open the adapter 'hci:bogus:': 'bogus' is no transport; use for example"
    " hci:usb:0, hci:serial:/dev/ttyACM0,1000000, hci:hci-socket:0, hci:tcp-client:HOST:PORT or"
    f" hci:unix:PATH{LOOK}",
    "hci:serial:/no/such/port": "Cannot open the adapter 'hci:serial:/no/such/port':"
    f" there is no such device; plug it in or correct the name{LOOK}",
    "hci:tcp-client:127.0.0.1": "Cannot open the adapter 'hci:tcp-client:127.0.0.1': the part after"
    " 'tcp-client' is incomplete or wrong; write hci:tcp-client:HOST:PORT, such as"
    f" hci:tcp-client:127.0.0.1:6402{LOOK}",
    "hci:unix:/no/such/socket": "Cannot open the adapter 'hci:unix:/no/such/socket':"
    f" there is no such device; plug it in or correct the name{LOOK}",
}
NAMES = (
    "is no name for a radio; use 1 to 64 letters, digits, '.', '_' or '-', and no '.' in front,"
    " as in BLEIO_ADAPTER=virtual:desk"
)
for _name in ("a/b", "..", " a", "a b", "ä", "x" * 65):
    REFUSED[f"virtual:{_name}"] = f"{_name!r} {NAMES}"

TRY_ALL = """
import asyncio, logging, sys, warnings
import _bleio
for name in sys.argv[1:]:
    for _ in range(2):  # trying again is trying anew
        try:
            _bleio.Adapter(name).start_scan()
        except _bleio.BluetoothError as error:
            print(type(error).__name__, error)
"""


def test_every_bad_string_is_one_sentence_and_nothing_else(radios: Radios) -> None:
    program = radios.start("program", "-W", "error", "-c", TRY_ALL, *REFUSED)
    program.ends_well()
    expected = [f"BluetoothError {sentence}" for sentence in REFUSED.values() for _ in range(2)]
    assert program.lines == expected


def test_a_refused_connection(radios: Radios) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and nobody listens
        name = f"tcp-client:127.0.0.1:{taken.getsockname()[1]}"
        program = radios.start("program", "-c", TRY_ALL, f"hci:{name}")
        program.ends_well()
    assert set(program.lines) == {
        f"BluetoothError Cannot open the adapter 'hci:{name}': nothing answers there; "
        f"start the controller or correct the address{LOOK}"
    }


USE = "import _bleio\n_bleio.adapter.start_advertising(b'')\nprint('advertising')\n"


def use(radios: Radios, monkeypatch: pytest.MonkeyPatch, **environment: str) -> Program:
    """Run a program that uses the adapter that the environment chooses."""
    for name in ("BLEIO_ADAPTER", "BLEIO_ADDRESS", "BLEIO_STATE_DIR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    program = radios.start("program", "-c", USE)
    program.wait()
    return program


def complaint(program: Program) -> str:
    """The error that ended the program; there is one traceback, and nothing after it."""
    assert program.process.returncode == 1
    assert program.lines[0] == "Traceback (most recent call last):"
    assert sum("Traceback" in line for line in program.lines) == 1
    return program.lines[-1]


@pytest.mark.skipif(sys.platform != "linux", reason="no system bus elsewhere")
@pytest.mark.parametrize("adapter", [None, "", "auto"])
def test_no_adapter_is_chosen(
    radios: Radios, monkeypatch: pytest.MonkeyPatch, adapter: str | None
) -> None:
    """Where the operating system's Bluetooth is not there, one error tells all."""
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/no/such/bus")
    program = use(radios, monkeypatch, **({} if adapter is None else {"BLEIO_ADAPTER": adapter}))
    assert program.process.returncode == 1
    assert sum("Traceback" in line for line in program.lines) == 1
    begin = program.lines.index(
        "_bleio.BluetoothError: No adapter is chosen (BLEIO_ADAPTER), and the operating system's"
        " Bluetooth cannot be used."
    )
    reason, *rest = program.lines[begin + 1 :]
    assert "/no/such/bus" in reason
    assert "  D-Bus: unix:path=/no/such/bus is not there" in rest
    assert rest[-2].startswith("  virtual:desk ")


@pytest.mark.skipif(sys.platform != "linux", reason="no system bus elsewhere")
def test_the_operating_systems_bluetooth_is_not_there(
    radios: Radios, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/no/such/bus")
    sentence = complaint(use(radios, monkeypatch, BLEIO_ADAPTER="os"))
    assert sentence.startswith("_bleio.BluetoothError: ") and "/no/such/bus" in sentence


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("junk", "'junk' is not a device address such as C0:11:22:33:44:55"),
        (
            "11:22:33:44:55:66",
            "11:22:33:44:55:66 is not a random static address,"
            " which begins with a digit pair from C0 to FF",
        ),
    ],
)
def test_an_address_that_cannot_be(
    radios: Radios, monkeypatch: pytest.MonkeyPatch, address: str, why: str
) -> None:
    program = use(radios, monkeypatch, BLEIO_ADAPTER="virtual", BLEIO_ADDRESS=address)
    assert complaint(program) == f"_bleio.BluetoothError: BLEIO_ADDRESS: {why}"


TAKE_TWICE = """
import _bleio
adapters = [_bleio.Adapter("virtual:desk") for _ in range(2)]
for adapter in adapters:
    try:
        print(adapter.address)
    except _bleio.BluetoothError as error:
        print(error)
"""


def test_an_address_that_is_taken(radios: Radios, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BLEIO_ADDRESS", "C6:05:04:03:02:01")
    program = radios.start("program", "-c", TAKE_TWICE)
    program.ends_well()
    assert program.lines == [
        "<Address c6:05:04:03:02:01>",
        "Another program on the radio 'virtual:desk' has the address c6:05:04:03:02:01;"
        " choose another one.",
    ]


# The first attempt imports all that is needed, which the other user may not be able to read.
AS_NOBODY = f"""
import os, sys
import _bleio
try:
    _bleio.Adapter(sys.argv[1] + "-not").address
except _bleio.BluetoothError:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
{TRY_ALL}
"""


@pytest.mark.skipif(sys.platform != "linux" or os.getuid() != 0, reason="changes its user")
@pytest.mark.parametrize("kind", ["unix", "serial"])
def test_no_permission(radios: Radios, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        ours, theirs = os.openpty()
        path = str(radios.folder / "socket") if kind == "unix" else os.ttyname(theirs)
        if kind == "unix":
            listening.bind(path)
            listening.listen()
        os.chmod(path, 0o600)
        os.chmod(radios.folder, 0o755)
        program = radios.start("program", "-c", AS_NOBODY, f"hci:{kind}:{path}")
        program.ends_well()
        os.close(ours)
        os.close(theirs)
    assert set(program.lines) == {
        f"BluetoothError Cannot open the adapter 'hci:{kind}:{path}': this user may not use it;"
        f" ask for permission on the device or run as another user{LOOK}"
    }


def test_a_state_folder_that_is_none_does_not_matter(
    radios: Radios, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = radios.folder / "file"
    file.touch()
    program = use(radios, monkeypatch, BLEIO_ADAPTER="virtual", BLEIO_STATE_DIR=str(file))
    assert program.lines == ["advertising"]
