"""A radio and a machine with bluetoothd on it, for people: `python -m support.stacks.lab`.

Run it in the folder `tests`. It prints the environment of programs that use the machine's
Bluetooth, as the operating system's, and of programs on the radio itself. Then it runs what is
typed, line by line, as root in the machine. Lines that begin with a dot are calls of `Machine`,
such as `.detach 0`, `.block True` or `.restart_bluetoothd "--experimental"`. Ctrl-C ends it.

    python -m support.stacks.lab [--controllers N] [--experimental] [--name RADIO]
    python -m support.stacks.lab --shell PORT 'COMMAND'     runs a command in a machine that runs
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import os
import shlex
import shutil
import sys
import tempfile
import threading
from pathlib import Path

from support.processes import Program, stop_all
from support.stacks import bluez_image
from support.stacks.machine import Machine, shell


def main() -> None:
    arguments = _arguments()
    if arguments.shell:
        status, said = shell(arguments.shell, f"{arguments.command}\n", 600)
        print(said, end="")
        sys.exit(status)
    if reason := bluez_image.missing():
        sys.exit(reason)
    folder = Path(tempfile.mkdtemp(prefix="bleio-"))
    try:
        _run(folder, arguments)
    finally:
        shutil.rmtree(folder)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--name", default="lab", help="the radio's name")
    parser.add_argument("--controllers", type=int, default=1, help="how many the machine has")
    parser.add_argument("--experimental", action="store_true", help="an option of bluetoothd")
    parser.add_argument("--shell", type=int, metavar="PORT", help="of a machine that runs")
    parser.add_argument("command", nargs="?", default="true", help="for --shell")
    return parser.parse_args()


def _run(folder: Path, arguments: argparse.Namespace) -> None:
    socket = folder / "hci.sock"
    command = ["-m", "bleio", "radio", arguments.name, "--listen", f"unix:{socket}"]
    radio = Program("radio", command, {**os.environ, "XDG_RUNTIME_DIR": str(folder)}, folder)
    try:
        radio.says("^Ready")
        (folder / "machine").mkdir()
        with Machine(folder / "machine", [socket] * arguments.controllers) as machine:
            if arguments.experimental:
                machine.restart_bluetoothd("--experimental")
            for controller in range(arguments.controllers):
                machine.powered(machine.attach(controller))
            _say(folder, arguments.name, machine)
            with contextlib.suppress(KeyboardInterrupt):
                _do_what_is_typed(machine)
    finally:
        stop_all([radio])


def _say(folder: Path, name: str, machine: Machine) -> None:
    print("\n# for programs on the machine's Bluetooth")
    print(f"export DBUS_SYSTEM_BUS_ADDRESS={machine.bus_address}")
    print("# for programs on the radio itself")
    print(f"export XDG_RUNTIME_DIR={folder} BLEIO_ADAPTER=virtual:{name}")
    print("# what kernel and bluetoothd say; and a shell in the machine:")
    print(f"#   {machine.folder}/machine.log")
    print(f"#   python -m support.stacks.lab --shell {machine.shell_port} 'COMMAND'")
    print("Ready; Ctrl-C ends it.", flush=True)


def _do_what_is_typed(machine: Machine) -> None:
    for line in sys.stdin:
        try:
            if line.startswith("."):
                name, *words = shlex.split(line[1:])
                print(getattr(machine, name)(*map(_value, words)))
            else:
                print(machine.run(line, check=False), end="", flush=True)
        except (AssertionError, TypeError, AttributeError, KeyError) as error:
            print(f"{type(error).__name__}: {error}")
    threading.Event().wait()


def _value(word: str) -> object:
    try:
        return ast.literal_eval(word)
    except (ValueError, SyntaxError):
        return word


if __name__ == "__main__":
    main()
