"""The emulated machine itself: its devices, and its saved state.

The machine's processor is emulated, so booting costs most of a test's time. It is done once: the
machine is saved when it has booted, before it has looked at a controller, and each test starts from
there. The saved machine lies beside the system it runs, under a name made of all that went into it.

A saved machine only goes on with the devices that it was saved with. So it has all that any test
wants: a port to type at, one for what it says, serial ports for controllers, at each of which a
radio may be connected or nothing, a network that reaches its host alone, and folders of this system
that it may mount.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import re
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TextIO

from support.processes import Program
from support.stacks import PROGRAMS, bluez_image, cpio

LOG = "machine.log"  # in the machine's folder
MONITOR = "monitor"  # the emulator's own socket, there too
SHELL_PORT, BUS_PORT = 1001, 1002  # the machine's, see its `init`

# The serial ports of the machine's controllers. A fourth one of this kind has the log, and a
# first one is typed at; the last of these is a card of its own.
CONTROLLER_PORTS = ("ttyS1", "ttyS3", "ttyS4")
FOLDERS = ("python", "tested")  # tags of the folders that it may mount

_MEMORY_MB = 512
_ACCOUNTS = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\nmessagebus:x:100:100::/run/dbus:/bin/false\n",
    "etc/group": "root:x:0:\nmessagebus:x:100:\nbluetooth:x:101:\n",
    "etc/machine-id": "0123456789abcdef0123456789abcdef\n",
}
# A hardware's virtual processor is not everywhere, and not needed.
_MACHINE = ("-M", "q35", "-accel", "tcg", "-cpu", "max", "-smp", "1", "-m", str(_MEMORY_MB))
_NOTHING_ELSE = ("-nodefaults", "-no-user-config", "-no-reboot", "-display", "none")
_DEVICES = (
    *("-serial", "chardev:talk", "-serial", "chardev:ttyS1"),
    *("-serial", "chardev:log", "-serial", "chardev:ttyS3"),
    *("-device", "pci-serial,chardev=ttyS4"),
    *("-device", "virtio-net-pci,netdev=net,romfile="),
    *("-device", "virtio-9p-pci,fsdev=python,mount_tag=python"),
    *("-device", "virtio-9p-pci,fsdev=tested,mount_tag=tested"),
)
# Straight to the third serial port, so that the first one is free for other things.
_KERNEL_SETTINGS = (
    "console=ttyS2 8250.nr_uarts=5 quiet panic=-1 mitigations=off cryptomgr.notests nokaslr audit=0"
)


def resume(
    folder: Path,
    controllers: Sequence[Path],
    *,
    talk: str = "stdio,signal=on",
    folders: Mapping[str, Path] | None = None,
) -> Program:
    """Let the saved machine go on.

    Args: folder: for its files. controllers: sockets at which a radio listens, for as many of
        `CONTROLLER_PORTS`. talk: what is at its first serial port, as a character device of the
        emulator. folders: what it may mount, by the names of `FOLDERS`.
    """
    incoming = ("-incoming", f"exec:cat '{_booted()}'")
    return _run(folder, controllers, talk, [*_mountable(folder, folders or {}), *incoming])


def command(folder: Path, *lines: str) -> str:
    """Have the emulator's monitor do something, and return what it says."""
    with socket.socket(socket.AF_UNIX) as asked:
        asked.connect(str(folder / MONITOR))
        with asked.makefile("rw", encoding="utf-8") as stream:
            stream.readline()  # its greeting
            _ask(stream, "qmp_capabilities")
            asking = "human-monitor-command"
            return "".join(_ask(stream, asking, **{"command-line": line}) for line in lines)


def _ask(stream: TextIO, command: str, **arguments: str) -> str:
    """Have one command executed; what happens meanwhile is told on other lines."""
    stream.write(json.dumps({"execute": command, "arguments": arguments}))
    stream.flush()
    for line in stream:
        answer = json.loads(line)
        if "return" in answer:
            return str(answer["return"] or "")
        if "error" in answer:
            raise AssertionError(f"{command} {arguments}: {answer['error']['desc']}")
    return ""  # it has ended, as it was told to


def forwarded(folder: Path) -> dict[int, int]:
    """Return through which ports of this system the machine's are reached."""
    shown = command(folder, "info usernet")
    found = re.findall(r"HOST_FORWARD\S*\s+\d+\s+\S+\s+(\d+)\s+\S+\s+(\d+)", shown)
    return {int(there): int(here) for here, there in found}


def _run(
    folder: Path,
    controllers: Sequence[Path],
    talk: str,
    how: Iterable[str],
) -> Program:
    ports = dict.fromkeys(CONTROLLER_PORTS, "null")
    ports.update(zip(CONTROLLER_PORTS, map(connected, controllers), strict=False))
    ports.update(talk=talk, log=f"file,path={folder / LOG}")
    arguments = [*_MACHINE, *_NOTHING_ELSE, *how]
    for name, port in ports.items():
        kind, _, options = port.partition(",")
        arguments += ["-chardev", ",".join(filter(None, (kind, f"id={name}", options)))]
    forwards = "".join(
        f",hostfwd=tcp:127.0.0.1:0-10.0.2.15:{port}" for port in (SHELL_PORT, BUS_PORT)
    )
    arguments += ["-netdev", f"user,id=net,restrict=on{forwards}", *_DEVICES]
    arguments += ["-qmp", f"unix:{folder / MONITOR},server=on,wait=off"]
    return Program("BlueZ", arguments, dict(os.environ), folder, run_by=(bluez_image.EMULATOR,))


def _mountable(folder: Path, folders: Mapping[str, Path]) -> Iterator[str]:
    """Go through the settings of what it may mount: of each, the machine's own files by default."""
    for name in FOLDERS:
        path = folders.get(name, folder)
        yield from ("-fsdev", f"local,id={name},path={path},security_model=none,readonly=on")


def connected(controller: Path) -> str:
    """Return the character device that is a client of a radio's socket."""
    return f"socket,path={controller}"


@functools.cache
def _booted() -> Path:
    """Return the saved machine; make it if there is none. Processes that both make one are fine."""
    image = bluez_image.image()
    ours = _ours(image)
    emulator = subprocess.run(
        [bluez_image.EMULATOR, "--version"], check=True, capture_output=True
    ).stdout
    recipe = hashlib.sha256(ours + emulator + repr((_MACHINE, _DEVICES, _KERNEL_SETTINGS)).encode())
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
    machine = _run(folder, (), "stdio,signal=on", [*_mountable(folder, {}), *boot])
    machine.wait_for("^booted")
    command(folder, f"migrate -d \"exec:cat > '{folder / 'saved'}'\"")
    while "completed" not in (state := command(folder, "info migrate")):
        assert "failed" not in state, state
        time.sleep(0.05)
    command(folder, "quit")
    machine.ends_well()


def _ours(image: bluez_image.Image) -> bytes:
    """What is not from packages: Linux unpacks one archive over the other."""
    entries = {path: cpio.file(text.encode()) for path, text in _ACCOUNTS.items()}
    entries["modules/order"] = cpio.file(image.modules.read_bytes())
    entries["init"] = cpio.file((PROGRAMS / "guest" / "init").read_bytes(), 0o755)
    return cpio.pack(entries)
