"""A machine with Debian's kernel and bluetoothd, whose controller is one of ours."""

from __future__ import annotations

import os
import re
from pathlib import Path

from support.processes import Program
from support.stacks import PROGRAMS, bluez_image, cpio

LOG = "machine.log"  # in the machine's folder

_MEMORY_MB = 384
_ACCOUNTS = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\nmessagebus:x:100:100::/run/dbus:/bin/false\n",
    "etc/group": "root:x:0:\nmessagebus:x:100:\nbluetooth:x:101:\n",
    "etc/machine-id": "0123456789abcdef0123456789abcdef\n",
}
# Straight to the third serial port, so that bluetoothctl is alone on the first one.
_KERNEL_SETTINGS = "console=ttyS2 quiet panic=-1 mitigations=off cryptomgr.notests nokaslr audit=0"


def do(bluez: Program, command: str, outcome: str) -> re.Match[str]:
    """Run one or several commands of bluetoothctl and wait for a line of what comes of it."""
    bluez.type(f"{command}\n")
    return bluez.wait_for(outcome)


def start(controller: Path, folder: Path, agent: str, legacy: bool) -> Program:
    """Start a machine: bluetoothctl's standard input and output are the program's.

    Args: controller: the socket at which the radio listens. folder: for its files, such as
    `LOG` with what its kernel and bluetoothd say. agent: what bluetoothctl can show and
    ask, in its words. legacy: without LE Secure Connections.
    """
    image = bluez_image.image()
    system = folder / "system.cpio"
    system.write_bytes(image.system.read_bytes() + _ours(image))
    # The processor is emulated: a hardware's virtual one is not everywhere, and not needed.
    machine = ["-M", "q35", "-accel", "tcg", "-cpu", "max", "-smp", "2", "-m", str(_MEMORY_MB)]
    nothing_else = ["-nodefaults", "-no-user-config", "-no-reboot", "-display", "none"]
    settings = f"{_KERNEL_SETTINGS} agent={agent} legacy={'yes' if legacy else 'no'}"
    boot = ["-kernel", str(image.kernel), "-initrd", str(system), "-append", settings]
    ports = {
        "talk": "stdio,signal=on",
        "radio": f"socket,path={controller}",
        "log": f"file,path={folder / LOG}",
    }
    arguments = [*machine, *nothing_else, *boot]
    for name, port in ports.items():
        kind, _, options = port.partition(",")
        arguments += ["-chardev", f"{kind},id={name},{options}", "-serial", f"chardev:{name}"]
    return Program("BlueZ", arguments, dict(os.environ), folder, run_by=(bluez_image.EMULATOR,))


def _ours(image: bluez_image.Image) -> bytes:
    """What is not from packages: Linux unpacks one archive over the other."""
    entries = {path: cpio.file(text.encode()) for path, text in _ACCOUNTS.items()}
    entries["modules/order"] = cpio.file(image.modules.read_bytes())
    entries["init"] = cpio.file((PROGRAMS / "guest" / "init").read_bytes(), 0o755)
    return cpio.pack(entries)
