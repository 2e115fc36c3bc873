"""A machine with Debian's kernel and bluetoothd, whose controller is one of ours.

The machine's processor is emulated, so booting costs most of a test's time. It is done once: the
machine is saved when it has booted, before it has looked at a controller, and each test starts from
there. The saved machine lies beside the system it runs, under a name made of all that went into it.
"""

from __future__ import annotations

import functools
import hashlib
import os
import re
import socket
import subprocess
import tempfile
from collections.abc import Iterable
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
# A hardware's virtual processor is not everywhere, and not needed.
_MACHINE = ("-M", "q35", "-accel", "tcg", "-cpu", "max", "-smp", "1", "-m", str(_MEMORY_MB))
_NOTHING_ELSE = ("-nodefaults", "-no-user-config", "-no-reboot", "-display", "none")
# Straight to the third serial port, so that bluetoothctl is alone on the first one.
_KERNEL_SETTINGS = "console=ttyS2 quiet panic=-1 mitigations=off cryptomgr.notests nokaslr audit=0"


def do(bluez: Program, command: str, outcome: str) -> re.Match[str]:
    """Run one or several commands of bluetoothctl and wait for a line of what comes of it."""
    bluez.type(f"{command}\n")
    return bluez.wait_for(outcome)


def start(controller: Path, folder: Path) -> Program:
    """Start a machine: bluetoothctl's standard input and output are the program's.

    Args: controller: the socket at which the radio listens. folder: for its files, such as
    `LOG` with what its kernel and bluetoothd say.
    """
    incoming = ("-incoming", f"exec:cat '{_booted()}'")
    return _run(f"socket,path={controller}", folder, incoming)


def set_up(bluez: Program, agent: str, *, legacy: bool) -> None:
    """Have a machine look at its controller, and wait for bluetoothctl.

    Args: agent: what it can show and ask, in its words. legacy: without LE Secure Connections.
    """
    bluez.wait_for("^booted")
    bluez.type(f"{agent} {'legacy' if legacy else 'secure'}\n")
    bluez.wait_for("Agent registered")


def _run(radio: str, folder: Path, how: Iterable[str]) -> Program:
    """Run a machine with a radio at its second serial port."""
    ports = {"talk": "stdio,signal=on", "radio": radio, "log": f"file,path={folder / LOG}"}
    arguments = [*_MACHINE, *_NOTHING_ELSE, *how]
    for name, port in ports.items():
        kind, _, options = port.partition(",")
        chardev = ",".join(filter(None, (kind, f"id={name}", options)))
        arguments += ["-chardev", chardev, "-serial", f"chardev:{name}"]
    return Program("BlueZ", arguments, dict(os.environ), folder, run_by=(bluez_image.EMULATOR,))


@functools.cache
def _booted() -> Path:
    """Return the saved machine; make it if there is none. Processes that both make one are fine."""
    image = bluez_image.image()
    ours = _ours(image)
    emulator = subprocess.run(
        [bluez_image.EMULATOR, "--version"], check=True, capture_output=True
    ).stdout
    recipe = hashlib.sha256(ours + emulator + repr((_MACHINE, _KERNEL_SETTINGS)).encode())
    saved = image.folder / f"booted-{recipe.hexdigest()[:12]}"
    if not saved.exists():
        for former in image.folder.glob("booted-*"):
            former.unlink(missing_ok=True)
        with tempfile.TemporaryDirectory(dir=image.folder) as name:
            _save(image, ours, Path(name))
            os.rename(Path(name) / "saved", saved)  # so that it is there whole or not at all
    return saved


def _save(image: bluez_image.Image, ours: bytes, folder: Path) -> None:
    """Boot a machine and save it in `folder`."""
    system = folder / "system.cpio"
    system.write_bytes(image.system.read_bytes() + ours)
    boot = ("-kernel", str(image.kernel), "-initrd", str(system), "-append", _KERNEL_SETTINGS)
    monitor = folder / "monitor"
    control = ("-monitor", f"unix:{monitor},server=on,wait=off")
    machine = _run("null", folder, (*boot, *control))
    machine.wait_for("^booted")
    with socket.socket(socket.AF_UNIX) as asked:
        asked.connect(str(monitor))
        asked.sendall(f"migrate \"exec:cat > '{folder / 'saved'}'\"\nquit\n".encode())
        while asked.recv(4096):
            pass
    machine.ends_well()


def _ours(image: bluez_image.Image) -> bytes:
    """What is not from packages: Linux unpacks one archive over the other."""
    entries = {path: cpio.file(text.encode()) for path, text in _ACCOUNTS.items()}
    entries["modules/order"] = cpio.file(image.modules.read_bytes())
    entries["init"] = cpio.file((PROGRAMS / "guest" / "init").read_bytes(), 0o755)
    return cpio.pack(entries)
