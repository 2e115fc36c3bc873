"""Which Bluetooth a computer has, and what is said where it has none."""

from __future__ import annotations

import asyncio
import logging
import sys
from types import SimpleNamespace
from typing import Any, ClassVar

import bleak
import pytest
from bleak.exc import (
    BleakBluetoothNotAvailableError as NotAvailable,
    BleakBluetoothNotAvailableReason as Reason,
    BleakError,
)

from bleio.api import Adapter
from bleio.backends.capabilities import MACOS, WINDOWS, Capability
from bleio.backends.os import automatic, platforms
from bleio.backends.os.automatic import AutomaticBackend
from bleio.backends.os.backend import OsBackend
from bleio.backends.os.finding.machine import Machine
from bleio.backends.os.platforms import Desktop, this_system
from bleio.errors import CallerError, ControllerLost
from bleio.gatt.server import LocalServer
from bleio.runtime import selection


class Ignoring:
    """Events that nobody waits for."""

    def __getattr__(self, name: str) -> Any:
        return lambda *told: None


class FakeScanner:
    """bleak's, on a system whose Bluetooth is as a test wants it."""

    answer: ClassVar[BaseException | None] = None
    log: ClassVar[list[str]]

    def __init__(self, *, backend: type) -> None:
        """Take the platform's class, which Linux tells of any."""

    async def start(self) -> None:
        self.log.append("start")
        if isinstance(self.answer, asyncio.TimeoutError):
            await asyncio.sleep(3600)
        if self.answer is not None:
            raise self.answer

    async def stop(self) -> None:
        self.log.append("stop")


@pytest.fixture
def scanner(monkeypatch: pytest.MonkeyPatch) -> type[FakeScanner]:
    class Scanner(FakeScanner):
        log: ClassVar[list[str]] = []

    monkeypatch.setattr(bleak, "BleakScanner", Scanner)
    return Scanner


def opened(backend: OsBackend) -> OsBackend:
    asyncio.run(backend.open(LocalServer(), "CIRCUITPY", Ignoring()))  # type: ignore[arg-type]
    return backend


@pytest.mark.parametrize(("platform", "claims"), [("win32", WINDOWS), ("darwin", MACOS)])
def test_windows_and_macos(
    platform: str, claims: Any, monkeypatch: pytest.MonkeyPatch, scanner: type[FakeScanner]
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    backend = opened(OsBackend(this_system()))
    assert scanner.log == ["start", "stop"]
    assert (backend.name, backend.platform) == ("os", claims.name)
    assert backend.capabilities == claims.can
    assert not any(backend.address.octets)


@pytest.mark.parametrize(("platform", "name"), [("win32", "Windows"), ("darwin", "macOS")])
def test_no_peripheral_on_windows_and_macos(
    platform: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    system = this_system()
    assert system.peripheral is None
    assert Capability.PERIPHERAL not in system.capabilities
    assert Capability.PERIPHERAL.refusal(system.platform) == (
        f'{name} cannot advertise and serve clients; "hci:usb:0" can, with a Bluetooth dongle'
        ' (BLEIO_ADAPTER=hci:usb:0), and so can "os" on Linux'
    )


SAID = [
    (
        NotAvailable("Bluetooth device is turned off", Reason.POWERED_OFF),
        "macOS's Bluetooth cannot be used: Bluetooth device is turned off; switch Bluetooth on.",
    ),
    (
        NotAvailable("Bluetooth access is denied by the user.", Reason.DENIED_BY_USER),
        "macOS's Bluetooth cannot be used: Bluetooth access is denied by the user; allow it in the"
        " system's privacy settings, for the terminal or editor that runs the program.",
    ),
    (
        NotAvailable("No Bluetooth adapter found", Reason.NO_BLUETOOTH),
        "macOS's Bluetooth cannot be used: No Bluetooth adapter found; plug a Bluetooth dongle in.",
    ),
    (
        BleakError("odd"),
        "macOS's Bluetooth cannot be used: odd; look into the system's Bluetooth settings.",
    ),
    (
        asyncio.TimeoutError(),
        "macOS did not answer in 0 s whether this program may use Bluetooth; see whether it asks"
        " its user.",
    ),
]


@pytest.mark.parametrize(("answer", "sentence"), SAID, ids=str)
def test_what_bleak_says_with_what_to_do(
    answer: BaseException,
    sentence: str,
    monkeypatch: pytest.MonkeyPatch,
    scanner: type[FakeScanner],
) -> None:
    monkeypatch.setattr(platforms, "_OPEN_S", 0.01)
    scanner.answer = answer
    with pytest.raises(ControllerLost) as caught:
        opened(OsBackend(Desktop(MACOS)))
    assert str(caught.value) == sentence


@pytest.mark.parametrize(("platform", "name"), [("win32", "Windows"), ("darwin", "macOS")])
def test_adapters_cannot_be_chosen_there(
    platform: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    with pytest.raises(CallerError, match=f"^There is no adapter 'os:hci1': {name} shows"):
        selection.backend_for("os:hci1")(None)


def test_other_operating_systems(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "freebsd14")
    with pytest.raises(ControllerLost, match=r"cannot be used on freebsd14.*hci:usb:0"):
        selection.backend_for("os")(None)
    with pytest.raises(ControllerLost, match=r"(?s)^No adapter is chosen.*freebsd14.*virtual:desk"):
        selection.backend_for("auto")(None)


def test_auto_says_which_one_it_took(
    monkeypatch: pytest.MonkeyPatch,
    scanner: type[FakeScanner],
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    backend = selection.backend_for("auto")(None)
    assert isinstance(backend, AutomaticBackend)
    with caplog.at_level(logging.INFO, "bleio"):
        opened(backend)
    assert caplog.messages == ["No adapter is chosen (BLEIO_ADAPTER); took os (Windows)"]


def test_auto_explains_itself(monkeypatch: pytest.MonkeyPatch, scanner: type[FakeScanner]) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    scanner.answer = SAID[0][0]
    backend = selection.backend_for("auto")(None)
    assert isinstance(backend, OsBackend)
    with pytest.raises(ControllerLost) as caught:
        opened(backend)
    lines = str(caught.value).splitlines()
    assert lines[0].startswith("No adapter is chosen (BLEIO_ADAPTER)")
    assert lines[1] == SAID[0][1]
    assert lines[2] == "Other adapters, as values of BLEIO_ADAPTER:"
    assert [line.split()[0] for line in lines[3:-1]] == [
        *("hci:usb:0", "hci:serial:/dev/ttyACM0,1000000", "virtual:desk")
    ]
    assert lines[-1].startswith("`bleio doctor` ")


@pytest.mark.skipif(sys.platform != "linux", reason="looks at files of Linux")
def test_who_chose_it_is_told_what_is_behind_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    container = Machine("unix:path=/bus", False, "", "Docker", False, (), (), ())
    monkeypatch.setattr(automatic, "look", lambda: container)
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/no/such/bus")
    backend = selection.backend_for("os")(None)
    assert isinstance(backend, OsBackend)
    with pytest.raises(ControllerLost) as caught:
        opened(backend)
    assert str(caught.value).startswith("Looked for BlueZ on D-Bus, but the system bus cannot be")
    assert " This is a container (Docker) without the host's D-Bus: " in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("platform", "name"), [("win32", "Windows"), ("darwin", "macOS")])
def test_a_program_that_advertises_there_is_told_what_can(
    platform: str, name: str, monkeypatch: pytest.MonkeyPatch, scanner: type[FakeScanner]
) -> None:
    monkeypatch.setattr(platforms, "sys", SimpleNamespace(platform=platform))
    adapter = Adapter("os")
    with pytest.raises(NotImplementedError) as caught:
        adapter.start_advertising(b"\x02\x01\x06")
    with pytest.raises(NotImplementedError, match=f"^{name} cannot tell its own address; "):
        assert adapter.address
    adapter.enabled = False
    assert str(caught.value) == (
        f'{name} cannot advertise and serve clients; "hci:usb:0" can, with a Bluetooth dongle'
        ' (BLEIO_ADAPTER=hci:usb:0), and so can "os" on Linux'
    )
