"""What the computer is, and what is to be known of its kind: containers, WSL, Raspberry Pis, ..."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

from bleio.backends.os.finding.machine import Machine, look
from bleio.cli.diagnosis.findings import NOTE, Finding

_OF_WSL = Finding(
    NOTE,
    "This is Linux within Windows (WSL), which has no part in Windows' Bluetooth.",
    [
        "Run the program with Windows' own Python, or pass a dongle on, in an"
        " administrator's PowerShell: usbipd list, usbipd bind --busid ID,"
        " usbipd attach --wsl --busid ID",
    ],
)


def of_this_kind_of_computer(machine: Machine | None, platform: str) -> Iterator[Finding]:
    """Yield what is to be known of containers, WSL, Raspberry Pis, macOS and Windows."""
    if machine is None:
        yield from _of_platform(platform)
        return
    if machine.container:
        yield _of_container(machine.container)
    if machine.wsl:
        yield _OF_WSL
    if machine.model.startswith("Raspberry Pi"):
        yield _of_raspberry_pi(machine)


def _of_container(kind: str) -> Finding:
    return Finding(
        NOTE,
        f"This is a container ({kind}): it sees of the host's Bluetooth what it is given.",
        [
            "For the host's adapter (os): -v /run/dbus:/run/dbus",
            "For a dongle (hci:usb:0): --device=/dev/bus/usb, and for a board:"
            " --device=/dev/ttyACM0",
        ],
    )


def _of_raspberry_pi(machine: Machine) -> Finding:
    own = f"{machine.model}: its own controller is on a serial line"
    if any(each.kind == "serial line" for each in machine.controllers):
        return Finding(NOTE, f"{own}.")
    return Finding(
        NOTE,
        f"{own}, and the kernel does not have it.",
        [
            "See `systemctl status hciuart` (older systems) and `dmesg | grep -i hci`.",
            "A line dtoverlay=disable-bt in /boot/firmware/config.txt switches it off.",
        ],
    )


def _of_platform(platform: str) -> Iterator[Finding]:
    if platform == "darwin":
        yield Finding(
            NOTE,
            "macOS keeps its own controller for itself; hci:usb:0 needs a dongle that macOS does"
            " not take.",
        )
    elif platform == "win32":
        yield Finding(
            NOTE,
            "Windows gives programs a dongle (hci:usb:0) only with the driver WinUSB, in place of"
            " its own.",
            ["Install WinUSB for that dongle with Zadig; Windows then does not use it any more."],
        )


def machine_here(environment_root: str = "/") -> Machine | None:
    """Return this machine's view; None where there is none of that kind."""
    if sys.platform != "linux":
        return None
    return look(Path(environment_root), os.environ)
