"""Hearing a device that BlueZ does not know, since it connects to none that it has not heard.

The adapter's discovery is used meanwhile, as a scan of the program uses it. One that has gone on
for long without hearing the device is begun anew, since bluetoothd may be wrong about the kernel's
scanning (`shared_discovery`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from bleio.backends.os.bluez.bus import BusError
from bleio.backends.os.bluez.objects import DEVICE, Objects
from bleio.backends.os.bluez.shared_discovery import SharedDiscovery

AGAIN_S = 1.0  # a discovery that another has ended is begun again after this
RENEW_S = 8.0  # one that has not heard a device is ended and begun again


class Hearing:
    """See the module."""

    def __init__(self, objects: Objects, discovery: SharedDiscovery) -> None:
        self._objects, self._discovery = objects, discovery
        self._waiting: dict[str, set[asyncio.Event]] = {}
        objects.listen(self)

    def close(self) -> None:
        """Listen no longer. Idempotent."""
        self._objects.unlisten(self)

    async def hear(self, device: str, not_yet: Callable[[float], None]) -> None:
        """Wait until BlueZ knows a device, for ever if it is not there.

        Args: not_yet: told now and then for how many seconds it was not heard; may raise.
        Raises: BusError.
        """
        if self._objects.get(device, DEVICE) is not None:
            return
        heard = asyncio.Event()
        self._waiting.setdefault(device, set()).add(heard)
        clock = asyncio.get_running_loop().time
        began_s = renewed_s = clock()
        try:
            while self._objects.get(device, DEVICE) is None:
                if clock() > renewed_s + RENEW_S:
                    renewed_s = clock()
                    await self._discovery.renew()
                await self._discovery.begin(heard)
                with suppress(asyncio.TimeoutError, TimeoutError):
                    await asyncio.wait_for(heard.wait(), AGAIN_S)
                    continue
                not_yet(clock() - began_s)
        finally:
            self._waiting[device].discard(heard)
            if not self._waiting[device]:
                del self._waiting[device]
            await asyncio.shield(self._discovery.end(heard))

    # ObjectListener

    def added(self, path: str, interface: str, properties: Mapping[str, Any]) -> None:
        if interface == DEVICE:
            for event in self._waiting.get(path, ()):
                event.set()

    def removed(self, path: str, interface: str) -> None:
        """It is heard again, or not."""

    def changed(self, path: str, interface: str, changed: Mapping[str, Any]) -> None:
        """Not of interest."""

    def daemon_went(self) -> None:
        """Those that wait find out when they begin again."""

    def daemon_came(self) -> None:
        """Those that wait begin again by themselves."""

    def disconnected(self, error: BusError) -> None:
        """Those that wait find out when they begin again."""
