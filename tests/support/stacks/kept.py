"""A radio and a machine with bluetoothd that are kept over the tests of one process.

Starting both takes seconds, so tests share them and leave the machine as they found it: `reset`
has bluetoothd forget all devices, and starts it again if a test has stopped it. A test that
detaches a controller or switches it off undoes that; if it fails before, the next test gets another
machine. The first test that runs a program inside has it mount what that takes.
"""

from __future__ import annotations

import asyncio
import atexit
import functools
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from dbus_fast import BusType, Message, MessageType
from dbus_fast.aio import MessageBus

from support.processes import Program
from support.stacks import inside
from support.stacks.machine import RUNS, Machine

_ANSWER_S = 20.0


class Kept:
    """A radio in a process of its own, and a machine with one controller of it."""

    machine: Machine
    adapter: str  # such as hci0

    def __init__(self) -> None:
        # Socket paths are short, hence not below pytest's folder.
        self.folder = Path(tempfile.mkdtemp(prefix="bleio-"))
        self.socket = self.folder / "hci.sock"
        self.environment = {**os.environ, "XDG_RUNTIME_DIR": str(self.folder)}
        listen = ["-m", "bleio", "radio", "kept", "--listen", f"unix:{self.socket}"]
        self.radio = Program("radio", listen, self.environment, self.folder)
        self.radio.says("^Ready")
        self._tested = self.folder / "tested"
        self._tested.mkdir()
        # With what is still experimental; tests that want it as Debian starts it start it so.
        self.options: tuple[str, ...] = ("--experimental",)
        self._start_machine()

    def _start_machine(self) -> None:
        folder = Path(tempfile.mkdtemp(prefix="machine-", dir=self.folder))
        folders = inside.folders(self._tested)
        self.machine = Machine(folder, [self.socket, self.socket], folders)
        self._has_mounted = False
        self.machine.restart_bluetoothd(*self.options)
        self.adapter = self.machine.attach(0)
        self.machine.powered(self.adapter)
        self.environment["DBUS_SYSTEM_BUS_ADDRESS"] = self.machine.bus_address
        os.environ["DBUS_SYSTEM_BUS_ADDRESS"] = self.machine.bus_address

    def restart_bluetoothd(self, *options: str) -> None:
        """Start bluetoothd anew, and with these options from now on."""
        self.options = options
        self.machine.restart_bluetoothd(*options, forget=True)
        self.machine.powered(self.adapter)

    def renew(self) -> None:
        """Start another machine in place of this one, from which the test before is gone."""
        self.machine.close()
        self._start_machine()

    @property
    def tested(self) -> Path:
        """What programs inside the machine have as `inside.ENVIRONMENT`; made at the first time."""
        if not any(self._tested.iterdir()):
            inside.fill(self._tested)
        if not self._has_mounted:
            inside.set_up(self.machine)
            self._has_mounted = True
        return self._tested

    def close(self) -> None:
        """End both; what is wrong with them by now concerns no test."""
        self.machine.close()
        self.radio.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    async def reset(self) -> None:
        """Have bluetoothd forget all devices; first start it if it has ended.

        A test may have stopped it, and 5.66 has faults by which it ends, such as when a program
        goes whose answer a client waits for. Linux 6.1 may keep a link that it was just making when
        it was told to give up, and makes no other until the adapter has been off. What is not as it
        should be then, after a test that failed, is exchanged as a whole.
        """
        try:
            await self._mend()
        except (AssertionError, OSError, asyncio.TimeoutError, BluetoothdEnded) as reason:
            print("the machine is exchanged:", reason)
            await asyncio.to_thread(self.renew)

    async def _mend(self) -> None:
        # Names stay there after a device has been removed.
        forget = f"rm -rf /var/lib/bluetooth/*/cache; {RUNS}"
        if not await asyncio.to_thread(self.machine.run, forget, check=False):
            print("bluetoothd has ended:", self.machine.run("dmesg | tail -n 2"))
            await asyncio.to_thread(self.machine.start_bluetoothd, *self.options)
            await asyncio.to_thread(self.machine.powered, self.adapter)
        await self._remove_devices()
        if links := await asyncio.to_thread(self.machine.links):
            print("the kernel keeps links:", *links)
            for on in (False, True):
                await asyncio.to_thread(self.machine.power, 0, on)

    async def _remove_devices(self) -> None:
        """Raises: BluetoothdEnded."""
        bus = await MessageBus(
            bus_type=BusType.SYSTEM, bus_address=self.machine.bus_address
        ).connect()
        try:
            (objects,) = await _call(bus, "/", _OBJECTS, "GetManagedObjects")
            ours = objects.get(f"/org/bluez/{self.adapter}", {}).get(_ADAPTER, {})
            assert "Powered" in ours and ours["Powered"].value, f"{self.adapter} is away or off"
            for path, interfaces in objects.items():
                if "org.bluez.Device1" in interfaces:
                    adapter = path.rpartition("/")[0]
                    await _call(bus, adapter, _ADAPTER, "RemoveDevice", "o", path)
        finally:
            bus.disconnect()
            await bus.wait_for_disconnect()


class BluetoothdEnded(Exception):
    """It is not on the bus."""


_ADAPTER = "org.bluez.Adapter1"
_OBJECTS = "org.freedesktop.DBus.ObjectManager"


async def _call(
    bus: MessageBus, path: str, interface: str, member: str, signature: str = "", *body: Any
) -> Any:
    message = Message(
        destination="org.bluez",
        path=path,
        interface=interface,
        member=member,
        signature=signature,
        body=list(body),
    )
    reply = await asyncio.wait_for(bus.call(message), _ANSWER_S)
    assert reply is not None
    if str(reply.error_name).startswith("org.freedesktop.DBus.Error."):
        raise BluetoothdEnded(reply.body)
    gone = reply.error_name == "org.bluez.Error.DoesNotExist"  # by itself, meanwhile
    assert gone or reply.message_type is MessageType.METHOD_RETURN, reply.body
    return reply.body


@functools.cache
def kept() -> Kept:
    """Return the ones of this process; they end with it."""
    made = Kept()
    atexit.register(made.close)
    return made
