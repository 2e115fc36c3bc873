"""Which adapters there are, who holds each, and what each still takes.

Views of the machine are made elsewhere (`backends.os.finding`, `radio.sharing.running`) and passed
in, so that each kind of computer can be played in tests. Here they become adapter strings, and the
commands that help.
"""

from __future__ import annotations

import getpass
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from bleio.backends.os.finding.machine import Board, Dongle, Machine
from bleio.backends.os.finding.report import hints
from bleio.cli.diagnosis.bounded import TimedOut, bounded
from bleio.cli.diagnosis.findings import (
    MAYBE,
    TIMED_OUT,
    UNUSABLE,
    USABLE,
    FoundAdapter,
)
from bleio.errors import ControllerLost
from bleio.radio.sharing.running import RunningRadio

if TYPE_CHECKING:
    from bleio.backends.hci.controller.dongles import UsbDongle

RULES = "/etc/udev/rules.d/70-bleio.rules"
LOOK_S = 10.0
_ESPHOME_PORT_S = 4.0
Holders = Callable[[str], Sequence[str]]


def of_the_system(machine: Machine | None) -> list[FoundAdapter]:
    """Return the operating system's adapters. Args: machine: None where it is not Linux."""
    if machine is None:
        return [_of_desktop(sys.platform)]
    try:
        found = bounded(LOOK_S, _ask_bluez)
    except TimedOut as error:
        text = f"BlueZ: {error}"
        return [FoundAdapter("os", TIMED_OUT, text, ["sudo systemctl restart bluetooth"])]
    except ControllerLost as error:
        reason = str(error)
        return [FoundAdapter("os", UNUSABLE, reason, list(hints(reason, machine)))]
    except OSError as error:
        return [FoundAdapter("os", UNUSABLE, f"D-Bus cannot be used: {error}")]
    return found


def _ask_bluez() -> list[FoundAdapter]:
    import asyncio

    from bleio.backends.os.finding.bluez import look_at_bluez

    return [
        FoundAdapter(
            f"os:{each.name}",
            UNUSABLE if each.trouble else USABLE,
            each.trouble or _described(each.version, each.discovering),
        )
        for each in asyncio.run(look_at_bluez())
    ]


def _described(version: tuple[int, int] | None, discovering: bool) -> str:
    name = "BlueZ" if version is None else "BlueZ {}.{}".format(*version)
    return f"{name}, powered{', a scan runs' if discovering else ''}; held by bluetoothd"


def _of_desktop(platform: str) -> FoundAdapter:
    """Say what can be said of systems that tell nothing before they are used."""
    if platform == "darwin":
        return FoundAdapter(
            "os",
            MAYBE,
            "macOS' Bluetooth, as central; whether programs may use it shows when it is tried",
            [
                "Allow it for the terminal or editor that runs the program: System Settings,"
                " Privacy & Security, Bluetooth; then start that app anew. Without it scans hear"
                " nothing.",
                "bleio doctor --adapter os tries it",
            ],
        )
    if platform == "win32":
        return FoundAdapter(
            "os",
            MAYBE,
            "Windows' Bluetooth, as central; whether it is on shows when it is tried",
            [
                "Switch it on: Settings, Bluetooth & devices.",
                "bleio doctor --adapter os tries it",
            ],
        )
    return FoundAdapter("os", UNUSABLE, f"bleio knows no Bluetooth of {platform}")


def of_the_kernel(machine: Machine) -> Iterator[FoundAdapter]:
    """Yield controllers of Linux that a program could take over."""
    for each in machine.controllers:
        number = each.name.removeprefix("hci")
        blocked = {
            "by software": "sudo rfkill unblock bluetooth",
            "by a switch": "Turn Bluetooth on with the computer's switch or key.",
        }.get(each.blocked)
        state = UNUSABLE if blocked else MAYBE
        off = f", switched off {each.blocked}" if blocked else ""
        yield FoundAdapter(
            f"hci:hci-socket:{number}",
            state,
            f"{each.name} ({each.kind}){off}, held by the kernel; without bluetoothd, for root or"
            " with CAP_NET_ADMIN",
            [blocked] if blocked else [f"sudo hciconfig {each.name} down, then run as root"],
        )


def order_of_libusb() -> list[UsbDongle]:
    """Return the dongles as libusb lists them; none where it cannot be asked."""
    from bleio.backends.hci.controller.dongles import usb_dongles

    try:
        return bounded(LOOK_S, usb_dongles)
    except Exception:  # what cannot be opened either; then they are numbered as they are found
        return []


def of_libusb(listed: Sequence[UsbDongle]) -> Iterator[FoundAdapter]:
    """Yield dongles of systems of which libusb alone tells."""
    for number, each in enumerate(listed):
        adapter = f"hci:usb:{number}"
        text = f"a USB dongle ({each.ids}); whether the system lets go of it shows a trial"
        yield FoundAdapter(adapter, MAYBE, text, [f"bleio doctor --adapter {adapter} tries it"])


def of_usb(
    machine: Machine, holders: Holders, listed: Sequence[UsbDongle] = ()
) -> Iterator[FoundAdapter]:
    """Yield dongles, with the driver or program that holds each.

    Args: listed: the same as libusb lists them, whose order numbers them.
    """
    order = [each.node for each in listed]
    dongles = sorted(machine.dongles, key=lambda each: _place(each.node, order))
    for number, each in enumerate(dongles):
        held = _holder(each, holders(each.node))
        to_do: list[str] = []
        if not each.usable:
            to_do = udev_commands(each)
        elif each.driver:
            to_do = [
                f"bleio doctor --adapter hci:usb:{number} takes it from the kernel and tries it"
            ]
        state = MAYBE if each.usable else UNUSABLE
        rights = "" if each.usable else f"; this user may not open {each.node}"
        yield FoundAdapter(
            f"hci:usb:{number}", state, f"{each.product} ({each.ids}), {held}{rights}", to_do
        )


def _place(node: str, order: Sequence[str]) -> int:
    return order.index(node) if node in order else len(order)


def _holder(dongle: Dongle, programs: Sequence[str]) -> str:
    parts = []
    if dongle.driver:
        known = f" as {dongle.controller}" if dongle.controller else ""
        parts.append(f"the kernel's driver {dongle.driver}{known}")
    parts += programs
    return f"held by {' and '.join(parts)}" if parts else "held by nothing"


def udev_commands(dongle: Dongle) -> list[str]:
    """Return the rule that lets whoever sits at the computer, and the group plugdev, open it."""
    vendor, _, product = dongle.ids.partition(":")
    rule = (
        f'SUBSYSTEM=="usb", ATTR{{idVendor}}=="{vendor}", ATTR{{idProduct}}=="{product}",'
        ' MODE="0660", GROUP="plugdev", TAG+="uaccess"'
    )
    return [
        f"echo '{rule}' | sudo tee -a {RULES}",
        "sudo udevadm control --reload && sudo udevadm trigger",
        "Plug it out and in again.",
    ]


def of_serial_lines(
    machine: Machine, holders: Holders, groups: Callable[[str], bool]
) -> Iterator[FoundAdapter]:
    """Yield boards. Args: groups: whether this user is in a group, also if this login is older."""
    for each in machine.boards:
        adapter = f"hci:serial:{each.path},1000000"
        text = f"{each.product}, if it has a firmware that speaks HCI"
        if programs := holders(each.path):
            yield FoundAdapter(
                adapter, UNUSABLE, f"{text}; held by {' and '.join(programs)}", ["Close that one."]
            )
        elif each.usable:
            yield FoundAdapter(adapter, MAYBE, text, [f"bleio doctor --adapter {adapter} tries it"])
        else:
            yield FoundAdapter(
                adapter, UNUSABLE, f"{text}; this user may not open it", _for_group(each, groups)
            )


def _for_group(board: Board, groups: Callable[[str], bool]) -> list[str]:
    if not board.group or board.group == "root":
        return [f"It belongs to root; a udev rule may give it a group: ls -l {board.path}"]
    if groups(board.group):
        return [f"This user is in the group {board.group} since a short while: log in again."]
    return [f"sudo usermod -aG {board.group} $USER", "Log in again."]


def is_in_group(name: str) -> bool:
    """Whether the list of groups has this user in one, also if this login is older."""
    try:
        import grp

        return getpass.getuser() in grp.getgrnam(name).gr_mem
    except (ImportError, KeyError, OSError):
        return False


def of_radios(radios: Sequence[RunningRadio]) -> Iterator[FoundAdapter]:
    """Yield the shared radios that run, without names of programs."""
    for each in radios:
        adapter = f"virtual:{each.name}"
        if each.status is None:
            yield FoundAdapter(
                adapter,
                UNUSABLE,
                f"a shared radio whose process {each.pid or 'unknown'} does not answer",
                ["End that process to free the name."],
            )
        else:
            count = int(each.status.get("hosts", 0))
            devices = f"{count} device{'s' * (count != 1)}"
            yield FoundAdapter(adapter, USABLE, f"a shared radio that runs, with {devices} on it")


def of_esphome(chosen: str) -> Iterator[FoundAdapter]:
    """Yield the proxies that a setting names. Args: chosen: an adapter string."""

    from bleio.backends.os.esphome.places import parse_places
    from bleio.errors import CallerError

    kind, _, fleet = chosen.partition(":")
    if kind != "esphome":
        return
    try:
        places = parse_places(fleet)
    except CallerError as error:
        yield FoundAdapter(chosen, UNUSABLE, str(error))
        return
    for place in places:
        try:
            bounded(_ESPHOME_PORT_S + 1, _reach, place.host, place.port)
        except (TimeoutError, TimedOut):
            yield FoundAdapter(
                f"esphome:{place}", TIMED_OUT, "no answer", ["See that it is on, in this network."]
            )
        except OSError as error:
            yield FoundAdapter(f"esphome:{place}", UNUSABLE, f"cannot be reached: {error}")
        else:
            yield FoundAdapter(
                f"esphome:{place}",
                MAYBE,
                "something answers at its port",
                [f"bleio doctor --adapter esphome:{place} tries it"],
            )


def _reach(host: str, port: int) -> None:
    import socket

    socket.create_connection((host, port), _ESPHOME_PORT_S).close()
