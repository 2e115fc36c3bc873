"""Devices on one radio of which one is on an operating system's Bluetooth, the others on HCI.

That system is Debian's, in a machine. Which of a test's devices is on it decides which role it has
there, since tests ask for them in an order; so there are two worlds, and between them everything
that the suite looks at is done by both sides.
"""

from __future__ import annotations

import asyncio
from typing import Any

from bleio.att.codec import DEFAULT_MTU
from bleio.backends.base import Backend, Link
from bleio.backends.hci import HciBackend
from bleio.backends.os.backend import OsBackend
from bleio.backends.os.links.link import OsLink
from bleio.backends.os.platforms import this_system
from support.hci.engine import until
from support.hci.world import Device, World
from support.stacks.kept import Kept, kept

_CONTROLLER = 0


class OsWorld(World):
    """The first device that a test asks for is on the system's Bluetooth."""

    system_is = 0  # in the order in which a test asks for devices
    kinds = 2
    mtu = 517  # which the system asks for
    confirms_last = False  # bluetoothd confirms and then signals, or calls
    cancels_links = False  # the kernel keeps it and tells nobody

    def mtu_of(self, link: Link) -> int:
        """Of links that others have made the system does not tell it."""
        knows = link.is_central or not isinstance(link, OsLink)
        return self.mtu if knows else DEFAULT_MTU

    async def __aenter__(self) -> World:
        self._kept: Kept = await asyncio.to_thread(kept)
        self._made = 0
        self._said = len(self._kept.machine.log)
        return self

    async def __aexit__(self, *args: Any) -> None:
        # bluetoothd takes two seconds to end a link, our host does it at once.
        self.devices.sort(key=lambda device: isinstance(device.backend, OsBackend))
        try:
            await super().__aexit__(*args)
        finally:
            print(self._kept.machine.log[self._said :])  # for a test that fails
            await self._kept.reset()

    def make_backend(self, **kwargs: Any) -> Backend:
        self._made += 1
        if self._made - 1 == self.system_is:
            return OsBackend(this_system(self._kept.adapter))
        return HciBackend(f"unix:{self._kept.socket}", **kwargs)

    async def settled(self, device: Device) -> None:
        if isinstance(device.backend, OsBackend):
            peripheral: Any = device.backend._system.peripheral
            await peripheral.settled()

    async def unplug(self, device: Device) -> None:
        """Take a controller away. The system's comes back once it has been given up."""
        if not isinstance(device.backend, OsBackend):
            device.backend._open.port._opened.sink.transport.abort()
            return
        machine = self._kept.machine
        await asyncio.to_thread(machine.detach, _CONTROLLER)
        await until(lambda: device.engine.error, "the end of the adapter")
        name = await asyncio.to_thread(machine.attach, _CONTROLLER)
        await asyncio.to_thread(machine.powered, name)

    def silence(self, link: Link) -> None:
        """See `World.silence`. The system's end is silent by standing still, until it is ended."""
        if hasattr(link, "bearer"):
            super().silence(link)
            return
        self._kept.machine.run("kill -STOP $(pidof bluetoothd)")
        end: Any = link
        end.disconnect = self._end_silence(link)

    def _end_silence(self, link: Link) -> Any:
        async def disconnect() -> None:
            kind = 2 if link.peer.random else 1  # as the kernel numbers addresses of LE
            index = self._kept.adapter.removeprefix("hci")
            script = (
                f"btmgmt --index {index} disconnect -t {kind} {link.peer.octets[::-1].hex(':')}"
            )
            await asyncio.to_thread(self._kept.machine.run, script)
            await asyncio.to_thread(self._kept.machine.run, "kill -CONT $(pidof bluetoothd)")

        return disconnect

    async def finish(self, device: Device) -> None:
        if isinstance(device.backend, OsBackend):
            await device.backend.close()
        else:
            await super().finish(device)


class OsSecondWorld(OsWorld):
    """The second device that a test asks for is on the system's Bluetooth."""

    system_is = 1
    mtu = 512  # which we ask for
    cancels_links = True
    longest_write = 509  # more is prepared, and bluetoothd 5.66 counts its headers, too
