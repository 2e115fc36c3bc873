"""What a machine shows of its Bluetooth, on folders that stand for the root of one."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from bleio.backends.os.bluez import troubles
from bleio.backends.os.finding.machine import MOST, Board, Controller, Dongle, Machine, look
from bleio.backends.os.finding.report import explanation

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="files as Linux has them")

REASON = "D-Bus cannot be reached."
NOTHING = Machine("unix:path=/var/run/dbus/system_bus_socket", False, "", "", False, (), (), ())


def write(root: Path, **files: str) -> None:
    """Write files by path, `__` for a slash; "-> X" makes a link to X."""
    for name, text in files.items():
        path = root / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        if text.startswith("-> "):
            path.symlink_to(text[3:])
        else:
            path.write_text(text)


def put(root: Path, path: str, text: str = "") -> None:
    write(root, **{path: text})


def put_dongle(root: Path, place: str, number: int, driver: str = "") -> None:
    device = f"sys/bus/usb/devices/{place}"
    for name, text in {
        "idVendor": "0a12",
        "idProduct": "0001",
        "product": "CSR8510 A10\n",
        "busnum": "1",
        "devnum": str(number),
        f"{place}:1.0/bInterfaceClass": "e0\n",
        f"{place}:1.0/bInterfaceSubClass": "01\n",
        f"{place}:1.0/bInterfaceProtocol": "01\n",
    }.items():
        put(root, f"{device}/{name}", text)
    if driver:
        put(root, f"{device}/{place}:1.0/driver", f"-> ../../drivers/{driver}")
        put(root, f"{device}/{place}:1.0/bluetooth/hci0/address")
    put(root, f"dev/bus/usb/001/{number:03}")


def test_an_empty_machine_has_nothing(tmp_path: Path) -> None:
    assert look(tmp_path, {}) == NOTHING


def test_a_machine_of_which_all_is_unreadable_has_nothing(tmp_path: Path) -> None:
    for path in ("sys/class/bluetooth", "sys/class/rfkill", "dev/serial/by-id", "proc/1/comm/x"):
        put(tmp_path, path)
    assert look(tmp_path, {}) == NOTHING


def test_a_raspberry_pi(tmp_path: Path) -> None:
    put(tmp_path, "var/run/dbus/system_bus_socket")
    put(tmp_path, "proc/1/comm", "systemd\n")
    put(tmp_path, "proc/714/comm", "bluetoothd\n")
    put(tmp_path, "usr/libexec/bluetooth/bluetoothd")
    put(tmp_path, "sys/class/bluetooth/hci0/device/subsystem", "-> ../../../bus/serial")
    put(tmp_path, "sys/class/bluetooth/hci0:64/uevent")
    for name, text in {
        "type": "bluetooth\n",
        "name": "hci0\n",
        "soft": "1\n",
        "hard": "0\n",
    }.items():
        put(tmp_path, f"sys/class/rfkill/rfkill1/{name}", text)
    found = look(tmp_path, {})
    assert (found.bus_is_there, found.daemon, found.container) == (True, "running", "")
    assert found.controllers == (Controller("hci0", "serial line", "by software"),)
    text = explanation(REASON, found)
    assert "\nhci0 is switched off: rfkill unblock bluetooth switches it on.\n" in text
    assert "\n  controllers of the kernel: hci0 (serial line), switched off by software\n" in text
    assert "\n  hci:hci-socket:0 " in text


def test_bluetoothd_that_does_not_run(tmp_path: Path) -> None:
    put(tmp_path, "usr/libexec/bluetooth/bluetoothd")
    assert look(tmp_path, {}).daemon == "installed"
    assert "bluetoothd: installed, not running" in explanation(REASON, look(tmp_path, {}))


def test_a_switch_of_the_computer(tmp_path: Path) -> None:
    put(tmp_path, "sys/class/bluetooth/hci0/uevent")
    for name, text in {"type": "bluetooth", "name": "hci0", "soft": "1", "hard": "1"}.items():
        put(tmp_path, f"sys/class/rfkill/rfkill0/{name}", text)
    put(tmp_path, "sys/class/rfkill/rfkill1/type", "wlan")
    found = look(tmp_path, {})
    assert found.controllers == (Controller("hci0", "virtual", "by a switch"),)
    assert "hci0 is switched off by a switch or a key" in explanation(REASON, found)


def test_dongles_in_the_order_of_their_places(tmp_path: Path) -> None:
    put_dongle(tmp_path, "1-2", 7, driver="btusb")
    put_dongle(tmp_path, "1-3", 8)
    put(tmp_path, "sys/bus/usb/devices/1-4/1-4:1.0/bInterfaceClass", "03")
    found = look(tmp_path, {})
    assert found.dongles == (
        Dongle("CSR8510 A10", "0a12:0001", "btusb", "hci0", "/dev/bus/usb/001/007", True),
        Dongle("CSR8510 A10", "0a12:0001", "", "", "/dev/bus/usb/001/008", True),
    )
    text = explanation(REASON, found)
    assert (
        "  USB dongles: CSR8510 A10 (0a12:0001), held by the kernel (btusb) as hci0;"
        " CSR8510 A10 (0a12:0001), held by nothing\n"
    ) in text
    first, second = (line for line in text.splitlines() if line.startswith("  hci:usb"))
    assert first.split(maxsplit=1) == [
        "hci:usb:0",
        "CSR8510 A10 without bluetoothd, taken from the kernel (btusb)",
    ]
    assert second.split(maxsplit=1) == ["hci:usb:1", "CSR8510 A10 without bluetoothd"]


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() == 0, reason="root may open all")
def test_what_this_user_may_not_open(tmp_path: Path) -> None:
    put_dongle(tmp_path, "1-2", 7)
    (tmp_path / "dev/bus/usb/001/007").chmod(0)
    assert not look(tmp_path, {}).dongles[0].usable


def test_the_rights_that_are_missing_are_named() -> None:
    dongle = Dongle("CSR", "0a12:0001", "btusb", "hci0", "/dev/bus/usb/001/007", False)
    board = Board("/dev/ttyACM0", "nRF52", False, "dialout")
    text = explanation(REASON, NOTHING._replace(dongles=(dongle,), boards=(board,)))
    assert "; this user may not open /dev/bus/usb/001/007\n" in text
    assert "; this user is not in the group dialout\n" in text
    assert "  hci:serial:/dev/ttyACM0,1000000  nRF52, if it has" in text


def test_a_serial_board(tmp_path: Path) -> None:
    put(tmp_path, "dev/ttyACM3")
    put(tmp_path, "dev/serial/by-id/usb-ZEPHYR_nRF52840_1234-if00", "-> ../../ttyACM3")
    (board,) = look(tmp_path, {}).boards
    assert board[:3] == ("/dev/ttyACM3", "ZEPHYR_nRF52840_1234", True)


def test_a_container_without_the_hosts_bus(tmp_path: Path) -> None:
    put(tmp_path, ".dockerenv")
    found = look(tmp_path, {})
    assert found.container == "Docker"
    text = explanation(REASON, found)
    assert (
        "This is a container (Docker) without the host's D-Bus: start it with -v /run/dbus" in text
    )
    assert "bluetoothd: not to be seen from within a container" in text
    put(tmp_path, "var/run/dbus/system_bus_socket")
    assert "-v /run/dbus" not in explanation(REASON, look(tmp_path, {}))


@pytest.mark.parametrize(
    ("mark", "text", "kind"),
    [("run/.containerenv", "", "Podman"), ("run/systemd/container", "lxc\n", "lxc")],
)
def test_other_containers(tmp_path: Path, mark: str, text: str, kind: str) -> None:
    put(tmp_path, mark, text)
    assert look(tmp_path, {}).container == kind


def test_linux_within_windows(tmp_path: Path) -> None:
    put(tmp_path, "proc/sys/kernel/osrelease", "5.15.90.1-microsoft-standard-WSL2\n")
    assert "Linux within Windows (WSL)" in explanation(REASON, look(tmp_path, {}))


@pytest.mark.parametrize(
    ("address", "there"),
    [
        ("unix:path=/tmp/bus", True),
        ("unix:path=/tmp/bus,guid=00", True),
        ("unix:path=/tmp/other", False),
        ("unix:path=/tmp/other;unix:path=/tmp/bus", True),
        ("tcp:host=127.0.0.1,port=1", None),
        ("unix:path=/tmp/other;tcp:host=127.0.0.1,port=1", None),
        ("nonsense", None),
    ],
)
def test_the_bus_that_the_environment_names(
    tmp_path: Path, address: str, there: bool | None
) -> None:
    put(tmp_path, "tmp/bus")
    found = look(tmp_path, {"DBUS_SYSTEM_BUS_ADDRESS": address})
    assert (found.bus, found.bus_is_there) == (address, there)


def test_there_is_a_bound_for_what_is_told(tmp_path: Path) -> None:
    for number in range(MOST + 5):
        put(tmp_path, f"sys/class/bluetooth/hci{number:02}/uevent")
        put(tmp_path, f"dev/serial/by-id/usb-board-{number:02}")
    found = look(tmp_path, {})
    assert len(found.controllers) == len(found.boards) == MOST


def test_names_of_devices_are_printed_as_one_short_line(tmp_path: Path) -> None:
    put_dongle(tmp_path, "1-2", 7)
    (tmp_path / "sys/bus/usb/devices/1-2/product").write_bytes(b"\x1b[31m\xffred\n" + b"x" * 999)
    (dongle,) = look(tmp_path, {}).dongles
    assert dongle.product.isprintable() and len(dongle.product) <= 120


def test_hints_do_not_say_again_what_the_reason_says() -> None:
    off = NOTHING._replace(controllers=(Controller("hci0", "USB", "by software"),))
    assert len(explanation(REASON, off).splitlines()) == 15
    assert len(explanation(str(troubles.powered_off("hci0", "soft")), off).splitlines()) == 14


def test_a_controller_that_bluetoothd_does_not_have() -> None:
    taken = NOTHING._replace(daemon="running", controllers=(Controller("hci0", "USB", ""),))
    text = explanation(str(troubles.no_adapter(None, [])), taken)
    assert "\nhci0 is there, but not bluetoothd's: another program may use it alone" in text
    assert "not bluetoothd's" not in explanation(REASON, taken)


def test_strings_that_can_be_typed_where_nothing_is_plugged_in() -> None:
    for machine in (NOTHING, None):
        text = explanation(REASON, machine)
        choices = [line.split()[0] for line in text.splitlines() if line.startswith("  ")]
        assert choices[-3:] == ["hci:usb:0", "hci:serial:/dev/ttyACM0,1000000", "virtual:desk"]


def test_the_whole_error() -> None:
    """As it is printed, so that its looks are judged when they change."""
    machine = NOTHING._replace(
        bus_is_there=True,
        daemon="installed",
        controllers=(Controller("hci0", "USB", ""),),
        dongles=(Dongle("CSR8510 A10", "0a12:0001", "btusb", "hci0", "/dev/x", True),),
    )
    assert explanation("bluetoothd is not running; start it.", machine).splitlines() == [
        "No adapter is chosen (BLEIO_ADAPTER), and the operating system's Bluetooth cannot be"
        " used.",
        "bluetoothd is not running; start it.",
        "Found on this machine:",
        "  D-Bus: unix:path=/var/run/dbus/system_bus_socket is there",
        "  bluetoothd: installed, not running",
        "  controllers of the kernel: hci0 (USB)",
        "  USB dongles: CSR8510 A10 (0a12:0001), held by the kernel (btusb) as hci0",
        "  serial boards: none",
        "Other adapters, as values of BLEIO_ADAPTER:",
        "  hci:usb:0                        CSR8510 A10 without bluetoothd, taken from the kernel"
        " (btusb)",
        "  hci:hci-socket:0                 hci0 without bluetoothd, for root or with"
        " CAP_NET_ADMIN, once it is down (hciconfig hci0 down)",
        "  hci:serial:/dev/ttyACM0,1000000  a board with a firmware that speaks HCI",
        "  virtual:desk                     a simulated radio, shared by all programs that use this"
        " name",
        "`bleio doctor` looks further, and has the commands that help.",
    ]
