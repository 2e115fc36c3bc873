"""What the doctor says of adapters, of kinds of computers that are played."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from bleio.backends.os.finding import bluez
from bleio.backends.os.finding.holders import holders
from bleio.backends.os.finding.machine import Board, Controller, Dongle, Machine, look
from bleio.cli.diagnosis import adapters, computer
from bleio.cli.diagnosis.findings import MAYBE, TIMED_OUT, UNUSABLE, USABLE
from bleio.errors import ControllerLost
from bleio.radio.sharing.running import RunningRadio

BARE = Machine("unix:path=/var/run/dbus/system_bus_socket", True, "running", "", False, (), (), ())
CSR = Dongle("CSR8510 A10", "0a12:0001", "btusb", "hci0", "/dev/bus/usb/001/007", True)
NRF = Board("/dev/ttyACM0", "ZEPHYR_USB-DEV", False, "dialout")


def nobody(node: str) -> Sequence[str]:
    return ()


def test_a_dongle_of_the_kernel_and_one_without_permission() -> None:
    machine = BARE._replace(dongles=(CSR, CSR._replace(driver="", usable=False)))
    first, second = adapters.of_usb(machine, nobody)
    assert (first.adapter, first.state) == ("hci:usb:0", MAYBE)
    assert first.text == "CSR8510 A10 (0a12:0001), held by the kernel's driver btusb as hci0"
    assert first.to_do == ["bleio doctor --adapter hci:usb:0 takes it from the kernel and tries it"]
    assert (second.adapter, second.state) == ("hci:usb:1", UNUSABLE)
    assert "held by nothing; this user may not open /dev/bus/usb/001/007" in second.text
    rule, reload, _ = second.to_do
    assert rule == (
        """echo 'SUBSYSTEM=="usb", ATTR{idVendor}=="0a12", ATTR{idProduct}=="0001", MODE="0660","""
        """ GROUP="plugdev", TAG+="uaccess"' | sudo tee -a /etc/udev/rules.d/70-bleio.rules"""
    )
    assert reload == "sudo udevadm control --reload && sudo udevadm trigger"


def test_a_dongle_that_a_program_holds() -> None:
    machine = BARE._replace(dongles=(CSR._replace(driver="usbfs", controller=""),))
    (found,) = adapters.of_usb(machine, lambda node: ["python3 (1234)"])
    assert "held by the kernel's driver usbfs and python3 (1234)" in found.text


def test_a_board_whose_group_this_user_is_not_in() -> None:
    machine = BARE._replace(boards=(NRF, NRF._replace(usable=True), NRF._replace(group="root")))
    out, allowed, of_root = adapters.of_serial_lines(machine, nobody, lambda group: False)
    assert (out.adapter, out.state) == ("hci:serial:/dev/ttyACM0,1000000", UNUSABLE)
    assert out.to_do == ["sudo usermod -aG dialout $USER", "Log in again."]
    assert allowed.state == MAYBE
    assert of_root.state == UNUSABLE and "usermod" not in "".join(of_root.to_do)
    (since_now, *_) = adapters.of_serial_lines(machine, nobody, lambda group: True)
    assert since_now.to_do == [
        "This user is in the group dialout since a short while: log in again."
    ]
    (held, *_) = adapters.of_serial_lines(machine, lambda node: ["minicom (7)"], lambda _: False)
    assert held.state == UNUSABLE and "held by minicom (7)" in held.text


def test_controllers_of_the_kernel() -> None:
    machine = BARE._replace(
        controllers=(Controller("hci0", "USB", ""), Controller("hci1", "USB", "by software"))
    )
    first, second = adapters.of_the_kernel(machine)
    assert (first.adapter, first.state) == ("hci:hci-socket:0", MAYBE)
    assert first.to_do == ["sudo hciconfig hci0 down, then run as root"]
    assert (second.adapter, second.state) == ("hci:hci-socket:1", UNUSABLE)
    assert second.to_do == ["sudo rfkill unblock bluetooth"]


def test_radios_without_the_names_of_programs() -> None:
    status = {"hosts": 1, "devices": [{"program": "secret.py"}]}
    runs, hangs = adapters.of_radios([RunningRadio("a", 1, status), RunningRadio("b", 2, None)])
    assert (runs.adapter, runs.state) == ("virtual:a", USABLE)
    assert runs.text == "a shared radio that runs, with 1 device on it"
    assert (hangs.state, hangs.to_do) == (UNUSABLE, ["End that process to free the name."])


KINDS = {
    "container": (BARE._replace(container="Docker"), "linux", "This is a container (Docker)"),
    "WSL": (BARE._replace(wsl=True), "linux", "usbipd attach --wsl"),
    "Pi": (BARE._replace(model="Raspberry Pi 4 Model B Rev 1.5"), "linux", "hciuart"),
    "macOS": (None, "darwin", "macOS keeps its own controller for itself"),
    "Windows": (None, "win32", "WinUSB"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_kinds_of_computers(kind: str) -> None:
    machine, platform, words = KINDS[kind]
    (found,) = computer.of_this_kind_of_computer(machine, platform)
    assert words in " ".join((found.text, *found.to_do))


def test_a_pi_whose_controller_works_and_a_plain_computer() -> None:
    pi = BARE._replace(model="Raspberry Pi 5", controllers=(Controller("hci0", "serial line", ""),))
    (found,) = computer.of_this_kind_of_computer(pi, "linux")
    assert not found.to_do
    assert list(computer.of_this_kind_of_computer(BARE, "linux")) == []


@pytest.mark.parametrize(("platform", "words"), [("darwin", "Privacy"), ("win32", "Settings")])
def test_systems_that_tell_nothing_before_they_are_used(
    platform: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapters.sys, "platform", platform)  # type: ignore[attr-defined]
    (found,) = adapters.of_the_system(None)
    assert (found.adapter, found.state) == ("os", MAYBE)
    assert words in " ".join(found.to_do)


# BlueZ


def test_bluez_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    async def hang() -> Any:
        await asyncio.sleep(60)

    monkeypatch.setattr(adapters, "LOOK_S", 0.05)
    monkeypatch.setattr(bluez, "look_at_bluez", hang)
    began = time.monotonic()
    (found,) = adapters.of_the_system(BARE)
    assert time.monotonic() - began < 20
    assert found.state == TIMED_OUT


def test_why_bluez_cannot_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse() -> Any:
        raise ControllerLost("bluetoothd does not run: start it.")

    monkeypatch.setattr(bluez, "look_at_bluez", refuse)
    container = BARE._replace(container="Podman", bus_is_there=False)
    (found,) = adapters.of_the_system(container)
    assert (found.state, found.text) == (UNUSABLE, "bluetoothd does not run: start it.")
    assert "-v /run/dbus:/run/dbus" in found.to_do[0]


def test_adapters_of_bluez(monkeypatch: pytest.MonkeyPatch) -> None:
    async def two() -> Any:
        return (
            bluez.BluezAdapter("hci0", (5, 66), True, ""),
            bluez.BluezAdapter("hci1", None, False, "Opened the adapter hci1, but rfkill ..."),
        )

    monkeypatch.setattr(bluez, "look_at_bluez", two)
    first, second = adapters.of_the_system(BARE)
    assert (first.adapter, first.state) == ("os:hci0", USABLE)
    assert first.text == "BlueZ 5.66, powered, a scan runs; held by bluetoothd"
    assert (second.adapter, second.state) == ("os:hci1", UNUSABLE)


# Views of a machine


@pytest.mark.skipif(sys.platform == "win32", reason="files as Linux has them")
def test_who_holds_a_file(tmp_path: Path) -> None:
    for pid, target in (("12", "/dev/ttyACM0"), ("13", "/dev/null")):
        (tmp_path / f"proc/{pid}/fd").mkdir(parents=True)
        (tmp_path / f"proc/{pid}/comm").write_text("mini\x1bcom\n")
        (tmp_path / f"proc/{pid}/fd/3").symlink_to(target)
    (tmp_path / "proc/self").mkdir()
    assert holders("/dev/ttyACM0", tmp_path) == ["mini?com (12)"]
    assert holders("/dev/ttyACM1", tmp_path) == []
    assert holders("/dev/ttyACM0", tmp_path / "nothing") == []


@pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")
def test_who_holds_a_real_file(tmp_path: Path) -> None:
    file = tmp_path / "device"
    with file.open("w"):
        (found,) = holders(str(file))
    assert found.endswith(f"({os.getpid()})")


@pytest.mark.skipif(sys.platform == "win32", reason="files as Linux has them")
def test_boards_without_udev_and_the_model_of_a_board(tmp_path: Path) -> None:
    (tmp_path / "dev").mkdir()
    for name in ("ttyACM0", "ttyUSB1", "ttyS0"):
        (tmp_path / "dev" / name).touch()
    (tmp_path / "proc/device-tree").mkdir(parents=True)
    (tmp_path / "proc/device-tree/model").write_text("Raspberry Pi 4 Model B\0")
    found = look(tmp_path, {})
    assert [each.path for each in found.boards] == ["/dev/ttyACM0", "/dev/ttyUSB1"]
    assert found.model == "Raspberry Pi 4 Model B"


@pytest.mark.skipif(sys.platform == "win32", reason="files as Linux has them")
def test_a_board_with_a_name_is_there_once(tmp_path: Path) -> None:
    (tmp_path / "dev/serial/by-id").mkdir(parents=True)
    (tmp_path / "dev/ttyACM0").touch()
    (tmp_path / "dev/serial/by-id/usb-ZEPHYR-if00").symlink_to("../../ttyACM0")
    (found,) = look(tmp_path, {}).boards
    assert (found.path, found.product) == ("/dev/ttyACM0", "ZEPHYR")


def test_proxies_that_a_setting_names() -> None:
    assert list(adapters.of_esphome("auto")) == []
    (wrong,) = adapters.of_esphome("esphome:a b")
    assert wrong.state == UNUSABLE
    (refused,) = adapters.of_esphome("esphome:127.0.0.1:9")
    assert refused.adapter == "esphome:127.0.0.1:9"
    assert refused.state in (UNUSABLE, TIMED_OUT)


# libusb


class FakeUsb:
    """A device as Python's libusb has it. `kinds`: of the device, and of its interfaces."""

    def __init__(self, number: int, *kinds: tuple[int, int, int]) -> None:
        self._number = number
        self._kind, *self._interfaces = kinds

    def __getattr__(self, name: str) -> Any:
        values = {
            "getVendorID": 0x0A12,
            "getProductID": self._number,
            "getBusNumber": 1,
            "getDeviceAddress": self._number,
        }
        for place, part in enumerate(("Class", "SubClass", "Protocol")):
            values[f"getDevice{part}"] = values[f"get{part}"] = self._kind[place]
        return lambda: values[name]

    def __iter__(self) -> Any:
        settings = [FakeUsb(0, each) for each in self._interfaces]
        return iter([[[each] for each in settings]])


BLUETOOTH = (0xE0, 1, 1)


def test_dongles_as_libusb_lists_them(monkeypatch: pytest.MonkeyPatch) -> None:
    from bleio.backends.hci.controller.dongles import UsbDongle, usb_dongles

    class Context:
        def __enter__(self) -> Context:
            return self

        def __exit__(self, *exc: Any) -> None: ...

        def getDeviceIterator(self, skip_on_error: bool) -> list[FakeUsb]:
            hub, keyboard = FakeUsb(1, (9, 0, 0)), FakeUsb(2, (0, 0, 0), (3, 1, 1))
            composite = FakeUsb(4, (0xEF, 2, 1), (3, 1, 1), BLUETOOTH)
            return [hub, keyboard, FakeUsb(7, BLUETOOTH), composite]

    monkeypatch.setattr("usb1.USBContext", Context)
    monkeypatch.setattr("bumble.transport.usb.load_libusb", lambda: None)
    listed = usb_dongles()
    assert listed == [
        UsbDongle("0a12:0007", "/dev/bus/usb/001/007"),
        UsbDongle("0a12:0004", "/dev/bus/usb/001/004"),
    ]
    found = list(adapters.of_libusb(listed))
    assert [each.adapter for each in found] == ["hci:usb:0", "hci:usb:1"]
    machine = BARE._replace(
        dongles=(CSR._replace(node="/dev/bus/usb/001/004", ids="0a12:0004"), CSR)
    )
    first, second = adapters.of_usb(machine, nobody, listed)
    assert (first.adapter, "0a12:0001" in first.text) == ("hci:usb:0", True)
    assert (second.adapter, "0a12:0004" in second.text) == ("hci:usb:1", True)


def test_no_libusb(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "usb1", None)
    assert adapters.order_of_libusb() == []
