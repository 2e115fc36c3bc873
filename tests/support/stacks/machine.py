"""A machine with Debian's kernel and bluetoothd, whose system bus programs of this system use.

The controllers are a radio's, the D-Bus clients run here at native speed, and what a user of that
machine does with root's rights its shell does: start, stop or kill bluetoothd, block or unplug a
controller, forget all devices. What is done here is done in the machine when the call returns.

    with Machine(folder, [radio_socket, radio_socket]) as machine:
        machine.attach(0)
        os.environ["DBUS_SYSTEM_BUS_ADDRESS"] = machine.bus_address
"""

from __future__ import annotations

import contextlib
import re
import socket
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from support.processes import DEADLINE_S
from support.stacks import emulator
from support.stacks.emulator import CONTROLLER_PORTS

_BLUETOOTHD = "/usr/libexec/bluetooth/bluetoothd --nodetach"
# Prints the number of its process; fails if there is none, or one that has died just now.
RUNS = "ps | awk '/[b]luetoothd --nodetach/ {print $1; n = 1} END {exit !n}'"
# Linux asks for 30 ms, and a test's hundreds of requests would wait for that most of the time.
_INTERVAL = 6  # in 1.25 ms
_STATUS = "status of the command:"
_READY = "ready to read"
_ENDED = re.compile(rf"\n{_STATUS} (\d+)\n".encode())


def shell(port: int, script: str, timeout_s: float, typed: bytes = b"") -> tuple[int, str]:
    """Run commands in a shell of a machine, and return their status and all that they say.

    The emulator's network may not tell that a connection has ended; so the shell says it.

    Args: script: whole lines. typed: what they read once they have said `_READY`, as the shell
        reads ahead. Raises: AssertionError.
    """
    said = b""
    whole = f"exec 2>&1\n{script}status=$?; echo; echo {_STATUS} $status; exit\n"
    with socket.create_connection(("127.0.0.1", port), timeout=timeout_s) as connection:
        connection.sendall(whole.encode())
        while not (ended := _ENDED.search(said)):
            more = connection.recv(65536)
            assert more, f"the machine's shell has ended in {script!r}: {said!r}"
            said += more
            if typed and f"{_READY}\n".encode() in said:
                connection.sendall(typed)
                typed = b""
    return int(ended[1]), said[: ended.start()].decode(errors="replace")


class Machine:
    """A machine that has been saved when it had booted, and goes on from there."""

    def __init__(
        self, folder: Path, radios: Sequence[Path], folders: Mapping[str, Path] | None = None
    ) -> None:
        """Let it go on; it has no controller until `attach`.

        Args: folder: for its files. radios: for each of its controllers, at most three, the socket
            at which a radio listens. folders: what it may mount, see `inside`.
        """
        self.folder = folder
        self._radios = list(radios)
        self._attached: dict[int, int] = {}  # a controller of ours, and the machine's hciN
        self._unplugged: set[int] = set()
        self._program = emulator.resume(folder, radios, talk="null", folders=folders)
        self._ports = self._reached()
        self.run("true")

    @property
    def bus_address(self) -> str:
        """What DBUS_SYSTEM_BUS_ADDRESS has to be. No file descriptors pass there."""
        return f"tcp:host=127.0.0.1,port={self._ports[emulator.BUS_PORT]}"

    @property
    def shell_port(self) -> int:
        """Where each connection is to a shell of root's."""
        return self._ports[emulator.SHELL_PORT]

    @property
    def log(self) -> str:
        """What the machine's kernel and bluetoothd have said."""
        return (self.folder / emulator.LOG).read_text(errors="replace")

    def run(self, script: str, timeout_s: float = DEADLINE_S, check: bool = True) -> str:
        """Run a shell's commands as root, and return what they say, errors included.

        Raises: AssertionError if the last one fails and that is to be checked.
        """
        status, said = shell(self.shell_port, f"(\n{script}\n)\n", timeout_s)
        assert not check or status == 0, f"{script!r} failed with {status}: {said}"
        return said

    def unpack(self, archive: bytes, folder: str = "/") -> None:
        """Unpack a tar archive into a folder of the machine."""
        script = f"mkdir -p {folder}; echo {_READY}; head -c {len(archive)} | tar -x -C {folder}\n"
        status, said = shell(self.shell_port, script, 4 * DEADLINE_S, archive)
        assert status == 0, f"cannot unpack to {folder}: {said}"

    # Controllers

    def attach(self, controller: int) -> str:
        """Have the kernel use a controller; return its name, such as hci0."""
        port = CONTROLLER_PORTS[controller]
        if controller in self._unplugged:
            self.join(controller)
        known = set(self.controllers())
        self.run(
            f"btattach -B /dev/{port} -P h4 -S 3000000 -N </dev/null >/tmp/{port} 2>&1 &\n"
            f"echo $! >/tmp/{port}.process"
        )
        (name,) = self._until(lambda: set(self.controllers()) - known, f"{port} has come")
        self._attached[controller] = int(name.removeprefix("hci"))
        setting = f"/sys/kernel/debug/bluetooth/{name}/conn_min_interval"
        self.run(f"until [ -e {setting} ]; do sleep 0.02; done; echo {_INTERVAL} >{setting}")
        return str(name)

    def detach(self, controller: int) -> None:
        """Take a controller away as by unplugging it; its adapter is gone when this returns.

        It has no power then. Were it still there, what is attached next would begin in the midst of
        a packet, and the kernel would give it up.
        """
        port = CONTROLLER_PORTS[controller]
        name = f"hci{self._attached.pop(controller)}"
        self.run(f"kill $(cat /tmp/{port}.process)")
        self._until(lambda: name not in self.controllers(), f"{name} has gone")
        self.cut(controller)

    def cut(self, controller: int) -> None:
        """Close a controller's connection to the radio: it answers nothing from now on."""
        self._unplugged.add(controller)
        emulator.command(self.folder, f"chardev-change {CONTROLLER_PORTS[controller]} null")

    def join(self, controller: int) -> None:
        """Undo `cut`; the radio takes it for a new device, so it has to be attached anew."""
        self._unplugged.discard(controller)
        device = emulator.connected(self._radios[controller])
        emulator.command(self.folder, f"chardev-change {CONTROLLER_PORTS[controller]} {device}")

    def rewire(self, controller: int, radio: Path) -> Path:
        """Have a controller that is cut off be another radio's when it is joined again.

        Args: radio: the socket at which it listens. Returns: the former one.
        """
        assert controller in self._unplugged
        former, self._radios[controller] = self._radios[controller], radio
        return former

    def controllers(self) -> list[str]:
        """Return the kernel's controllers, such as hci0."""
        # Without a look at each, as one may go just now. A link is there as hci0:64, or the like.
        found = self.run("cd /sys/class/bluetooth; echo *").split()
        return [each for each in found if re.fullmatch(r"hci\d+", each)]

    def block(self, blocked: bool) -> None:
        """Block all Bluetooth softly, as `rfkill block bluetooth` does, or unblock it."""
        self.run(f"for each in /sys/class/rfkill/*/soft; do echo {int(blocked)} >$each; done")

    def links(self) -> list[str]:
        """Return the kernel's links, and those that it is making: a line of hcitool for each."""
        return self.run("hcitool con").splitlines()[1:]

    def power(self, controller: int, on: bool) -> None:
        """Switch a controller on or off, as its user does; returns when it is."""
        name = f"hci{self._attached[controller]}"
        self.run(f"btmgmt --index {name[3:]} power {'on' if on else 'off'}")
        self.powered(name, on)

    def powered(self, name: str = "hci0", on: bool = True) -> None:
        """Wait until bluetoothd says that an adapter is on, or off."""
        wanted = f"boolean {'true' if on else 'false'}"
        self._until(lambda: wanted in self._property(name, "Powered"), f"{name} is {wanted}")

    # bluetoothd

    def start_bluetoothd(self, *options: str) -> None:
        """Start bluetoothd, such as with `--experimental`; returns when it is on the bus.

        With `--debug` it tells all that it does, which takes it most of its time here.
        """
        self.run(f"{_BLUETOOTHD} {' '.join(options)} </dev/null >/dev/ttyS2 2>&1 &")
        self._until(lambda: "boolean true" in self._owner(), "bluetoothd is on the bus")

    def stop_bluetoothd(self, signal: str = "TERM") -> None:
        """Stop bluetoothd, or with KILL have no time to say goodbye; returns when it has ended.

        It may have ended just before, by a fault of its own.
        """
        ended = f"while {RUNS}; do sleep 0.05; done"
        self.run(f"for each in $({RUNS}); do kill -{signal} $each; done; {ended}")

    def restart_bluetoothd(self, *options: str, forget: bool = False) -> None:
        """Stop and start bluetoothd, with nothing left of all devices if it is to forget."""
        self.stop_bluetoothd()
        if forget:
            self.run("rm -rf /var/lib/bluetooth/*")
        self.start_bluetoothd(*options)

    def __enter__(self) -> Machine:
        return self

    def __exit__(self, *args: object) -> None:
        self.close()

    def close(self) -> None:
        """Switch it off, as by pulling the plug."""
        if self._program.process.poll() is None:
            emulator.command(self.folder, "quit")
            self._program.ends_well()

    def _property(self, name: str, what: str) -> str:
        return self.run(
            "dbus-send --system --print-reply --dest=org.bluez "
            f"/org/bluez/{name} org.freedesktop.DBus.Properties.Get "
            f"string:org.bluez.Adapter1 string:{what}",
            check=False,
        )

    def _owner(self) -> str:
        return self.run(
            "dbus-send --system --print-reply --dest=org.freedesktop.DBus / "
            "org.freedesktop.DBus.NameHasOwner string:org.bluez"
        )

    def _reached(self) -> dict[int, int]:
        """Wait until the machine goes on; return by which ports its own are reached.

        A connection that comes before is lost with the network's state that is replaced.
        """

        def goes_on() -> bool:
            with contextlib.suppress(FileNotFoundError, ConnectionRefusedError):
                return "running" in emulator.command(self.folder, "info status")
            return False

        self._until(goes_on, "the machine goes on")
        return emulator.forwarded(self.folder)

    def _until(self, condition: Any, what: str, timeout_s: float = DEADLINE_S) -> Any:
        """Wait for something that is true, and return it. Raises: AssertionError."""
        deadline = time.monotonic() + timeout_s
        while not (found := condition()):
            assert self._program.process.poll() is None, f"the machine has ended before {what}"
            assert time.monotonic() < deadline, f"not within {timeout_s} s: {what}"
            time.sleep(0.02)
        return found
