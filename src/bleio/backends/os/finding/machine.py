"""What a Linux machine shows of its Bluetooth to whoever looks, without opening anything.

A program that finds no adapter is told why, and the reasons are in many places: D-Bus may not be
mounted into a container, bluetoothd may not be installed or not run, rfkill may have switched the
controller off, the kernel may hold the dongle that `hci:usb:0` would open, a board may belong to a
group that its user is not in. Asking any of these services needs a connection, rights, or time; but
the kernel shows most of it as files that every user may read, so only those are looked at.

Nothing here raises: what cannot be read is not there. `Machine` is made of what was found, and
`report` makes sentences of it. Both are tested on folders that stand for the root of a machine.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import NamedTuple

MOST = 16  # of each kind; what has more is no desk
_USB_BLUETOOTH = ("e0", "01", "01")  # wireless controller, RF, Bluetooth; Assigned Numbers of USB
_BUS = "unix:path=/var/run/dbus/system_bus_socket"  # as D-Bus and its libraries have it
_DAEMONS = (
    "usr/libexec/bluetooth/bluetoothd",
    "usr/lib/bluetooth/bluetoothd",
    "usr/sbin/bluetoothd",
)
_SERIAL = ("ttyACM", "ttyUSB")
_CONTAINER_MARKS = {".dockerenv": "Docker", "run/.containerenv": "Podman"}


class Controller(NamedTuple):
    """One that the kernel drives. `kind`: `USB`, `serial line` and so on; `blocked`: by rfkill,
    "" or `by software` or `by a switch`."""

    name: str
    kind: str
    blocked: str


class Dongle(NamedTuple):
    """A USB device that says that it is a Bluetooth controller.

    `ids`: vendor and product, such as `0a12:0001`. `driver`: the kernel's that holds it, or "";
    `controller`: as what, such as `hci0`, or "". `node`: its file; `usable`: by this user.
    """

    product: str
    ids: str
    driver: str
    controller: str
    node: str
    usable: bool


class Board(NamedTuple):
    """A serial device on USB, which may have a firmware that speaks HCI.

    `usable`: whether this user may open it; `group`: which group may.
    """

    path: str
    product: str
    usable: bool
    group: str


class Machine(NamedTuple):
    """What was found. `bus`: the address of the system's D-Bus.

    `bus_is_there`: whether it has a socket there; None for an address that is no file's. `daemon`:
    bluetoothd is `running`, `installed` or, "", not there. `container`: of which kind this is one,
    "" if it is none. `wsl`: this is Linux within Windows.
    """

    bus: str
    bus_is_there: bool | None
    daemon: str
    container: str
    wsl: bool
    controllers: tuple[Controller, ...]
    dongles: tuple[Dongle, ...]
    boards: tuple[Board, ...]
    model: str = ""  # of the computer, where it says it as boards do


def look(root: Path = Path("/"), environment: Mapping[str, str] = os.environ) -> Machine:
    """Look at this machine. Args: `root`: the folder where it begins."""
    bus = environment.get("DBUS_SYSTEM_BUS_ADDRESS") or _BUS
    return Machine(
        bus=bus,
        bus_is_there=_is_there(root, bus),
        daemon=_daemon(root),
        container=_container(root),
        wsl="microsoft" in _text(root / "proc/sys/kernel/osrelease").lower(),
        controllers=tuple(islice(_controllers(root), MOST)),
        dongles=tuple(islice(_dongles(root), MOST)),
        boards=tuple(islice(_boards(root), MOST)),
        model=_text(root / "proc/device-tree/model").rstrip(" \0"),
    )


def _is_there(root: Path, bus: str) -> bool | None:
    paths = re.findall(r"(?:^|;)unix:(?:[^;]*,)?path=([^,;]+)", bus)
    if len(paths) < len(bus.split(";")):
        return None
    return any((root / path.lstrip("/")).exists() for path in paths)


def _daemon(root: Path) -> str:
    if any(_text(path) == "bluetoothd" for path in root.glob("proc/[0-9]*/comm")):
        return "running"
    return "installed" if any((root / each).exists() for each in _DAEMONS) else ""


def _container(root: Path) -> str:
    for mark, kind in _CONTAINER_MARKS.items():
        if (root / mark).exists():
            return kind
    return _text(root / "run/systemd/container")


def _controllers(root: Path) -> Iterator[Controller]:
    blocked = dict(_blocks(root))
    for path in _entries(root / "sys/class/bluetooth"):
        if re.fullmatch(r"hci\d+", path.name):  # and no link of one, such as hci0:64
            yield Controller(path.name, _kind(path), blocked.get(path.name, ""))


def _kind(controller: Path) -> str:
    subsystem = _target(controller / "device" / "subsystem")
    return {"usb": "USB", "serial": "serial line", "tty": "serial line"}.get(
        subsystem, subsystem or "virtual"
    )


def _blocks(root: Path) -> Iterator[tuple[str, str]]:
    """Yield the controllers that rfkill has switched off, and how."""
    for path in _entries(root / "sys/class/rfkill"):
        if _text(path / "type") == "bluetooth":
            if _text(path / "hard") == "1":
                yield _text(path / "name"), "by a switch"
            elif _text(path / "soft") == "1":
                yield _text(path / "name"), "by software"


def _dongles(root: Path) -> Iterator[Dongle]:
    for path in _entries(root / "sys/bus/usb/devices"):
        interfaces = [each for each in _entries(path) if each.name.startswith(f"{path.name}:")]
        if not any(_is_bluetooth(each, "bInterface") for each in interfaces):
            continue
        numbers = (_text(path / "busnum"), _text(path / "devnum"))
        node = "dev/bus/usb/{:0>3}/{:0>3}".format(*numbers)
        yield Dongle(
            product=_text(path / "product") or "Bluetooth dongle",
            ids=f"{_text(path / 'idVendor')}:{_text(path / 'idProduct')}",
            driver=next(filter(None, (_target(each / "driver") for each in interfaces)), ""),
            controller=next((each.name for each in _held_as(interfaces)), ""),
            node=f"/{node}",
            usable=os.access(root / node, os.R_OK | os.W_OK),
        )


def _held_as(interfaces: list[Path]) -> Iterator[Path]:
    for interface in interfaces:
        yield from _entries(interface / "bluetooth")


def _is_bluetooth(path: Path, prefix: str) -> bool:
    parts = ("Class", "SubClass", "Protocol")
    return tuple(_text(path / f"{prefix}{part}") for part in parts) == _USB_BLUETOOTH


def _boards(root: Path) -> Iterator[Board]:
    named = {path.resolve(): path.name for path in _entries(root / "dev/serial/by-id")}
    # Where udev does not run, as in containers, they have no names.
    plain = [each for each in _entries(root / "dev") if each.name.startswith(_SERIAL)]
    for device in [*named, *(each for each in plain if each.resolve() not in named)]:
        yield Board(
            path=f"/dev/{device.name}",
            product=re.sub(r"^usb-|-if\d+.*$", "", named.get(device, "serial device")),
            usable=os.access(device, os.R_OK | os.W_OK),
            group=_group(device),
        )


def _group(path: Path) -> str:
    try:
        return path.group()
    except (KeyError, OSError, NotImplementedError):  # a group without a name; Windows
        return ""


def _entries(folder: Path) -> list[Path]:
    """Return what is in a folder, in order; nothing if there is no such folder."""
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _target(link: Path) -> str:
    """Return the last name of what a symbolic link leads to."""
    try:
        return os.path.basename(os.readlink(link))
    except OSError:
        return ""


def _text(path: Path) -> str:
    """Return what a file of the kernel's says, on one line and not at length."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return "".join(each if each.isprintable() else " " for each in file.read(120)).strip()
    except OSError:
        return ""
