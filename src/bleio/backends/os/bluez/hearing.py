"""Hearing a device that BlueZ does not know, since it connects to none that it has not heard.

BlueZ has one discovery for each connection to D-Bus, and refuses a second. Ours is shared by all
that wait at the same time, and ends with the last of them. If the program scans meanwhile on the
same connection, its discovery serves as well.

BlueZ before 5.88 may believe that the kernel scans when it does not, after a `StopDiscovery` that
it has refused as in progress. All later discoveries hear nothing then. Beginning and ending one
more sets that right, so it is done at once, and a discovery that has gone on for long without
hearing the device is begun anew.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from dbus_fast import Variant

from bleio.backends.os.bluez.bus import BusError
from bleio.backends.os.bluez.objects import ADAPTER, DEVICE, Objects

_FILTER = {"Transport": Variant("s", "le"), "DuplicateData": Variant("b", True)}

AGAIN_S = 1.0  # a discovery that another has ended is begun again after this
RENEW_S = 8.0  # one that has not heard a device is ended and begun again


class Hearing:
    """See the module. Args: `path`: the adapter's object."""

    def __init__(self, objects: Objects, path: str) -> None:
        self._objects, self._path = objects, path
        self._waiting: dict[str, set[asyncio.Event]] = {}
        self._users = 0
        self._is_on = False
        self._turn = asyncio.Lock()
        objects.listen(self)

    def close(self) -> None:
        """Listen no longer. Idempotent."""
        self._objects.unlisten(self)

    async def hear(self, device: str) -> None:
        """Wait until BlueZ knows a device, for ever if it is not there. Raises: BusError."""
        if self._objects.get(device, DEVICE) is not None:
            return
        heard = asyncio.Event()
        self._waiting.setdefault(device, set()).add(heard)
        self._users += 1
        clock = asyncio.get_running_loop().time
        renewed_s = clock()
        try:
            while self._objects.get(device, DEVICE) is None:
                if clock() > renewed_s + RENEW_S:
                    renewed_s = clock()
                    await self._stop()
                await self._begin()
                with suppress(asyncio.TimeoutError, TimeoutError):
                    await asyncio.wait_for(heard.wait(), AGAIN_S)
        finally:
            self._users -= 1
            self._waiting[device].discard(heard)
            if not self._waiting[device]:
                del self._waiting[device]
            await asyncio.shield(self._end())

    async def _begin(self) -> None:
        async with self._turn:
            adapter = self._objects.get(self._path, ADAPTER) or {}
            if self._is_on and adapter.get("Discovering"):
                return
            with suppress(BusError):  # the same as a scan of the program has, which may be on
                await self._call("SetDiscoveryFilter", "a{sv}", _FILTER)
            try:
                await self._call("StartDiscovery")
            except BusError as error:
                if not error.name.endswith("InProgress"):
                    raise
            else:
                self._is_on = True

    async def _end(self) -> None:
        if not self._users:
            await self._stop()

    async def _stop(self) -> None:
        async with self._turn:
            if not self._is_on:
                return
            self._is_on = False
            try:
                await self._call("StopDiscovery")
            except BusError as error:
                if error.name.endswith("InProgress"):
                    with suppress(BusError):
                        await self._call("StartDiscovery")
                        await self._call("StopDiscovery")

    async def _call(self, member: str, signature: str = "", *body: Any) -> None:
        await self._objects.bus.call(self._path, ADAPTER, member, signature, *body)

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
        self._is_on = False

    def daemon_came(self) -> None:
        """Those that wait begin again by themselves."""

    def disconnected(self, error: BusError) -> None:
        self._is_on = False
