"""A machine with Debian's kernel and bluetoothd in which bluetoothctl does what a user does."""

from __future__ import annotations

import re
from pathlib import Path

from support.processes import Program
from support.stacks import emulator


def do(bluez: Program, command: str, outcome: str) -> re.Match[str]:
    """Run one or several commands of bluetoothctl and wait for a line of what comes of it."""
    bluez.type(f"{command}\n")
    return bluez.wait_for(outcome)


def start(controller: Path, folder: Path) -> Program:
    """Start a machine: bluetoothctl's standard input and output are the program's.

    Args: controller: the socket at which the radio listens. folder: for its files, such as
    `emulator.LOG` with what its kernel and bluetoothd say.
    """
    return emulator.resume(folder, [controller])


def set_up(bluez: Program, agent: str, *, legacy: bool) -> None:
    """Have a machine look at its controller, and wait for bluetoothctl.

    Args: agent: what it can show and ask, in its words. legacy: without LE Secure Connections.
    """
    bluez.wait_for("^booted")
    bluez.type(f"{agent} {'legacy' if legacy else 'secure'}\n")
    bluez.wait_for("Agent registered")
