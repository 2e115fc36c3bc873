"""The one discovery that a connection to D-Bus has at an adapter, for all that need it.

BlueZ refuses a second one, and whoever stops the first stops it for all. A program scans, and
meanwhile it connects to devices that have to be heard first; so each begins and ends its use, and
the discovery goes on as long as there is one.

What may surprise: `StopDiscovery` is answered with InProgress if the kernel has just ended its ten
seconds of scanning. bluetoothd then believes for ever that it scans, and later discoveries find
nothing. Beginning again without a change to the filter, and stopping once more, ends that belief.
(Mended in BlueZ 5.88.)
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from dbus_fast import Variant

from bleio.backends.os.bluez.bus import BusError
from bleio.backends.os.bluez.objects import ADAPTER, Objects

_log = logging.getLogger(__name__)

_FILTER = {"Transport": Variant("s", "le"), "DuplicateData": Variant("b", True)}
_IN_PROGRESS = "org.bluez.Error.InProgress"


class SharedDiscovery:
    """See the module. Args: `path`: the adapter's object."""

    def __init__(self, objects: Objects, path: str) -> None:
        self._objects, self._path = objects, path
        self._users: set[object] = set()
        self._is_on = False
        self._turn = asyncio.Lock()  # one change at a time

    async def begin(self, user: object) -> None:
        """Discover until `end`; if it was ended by the system meanwhile, begin anew.

        Raises: BusError; it is not used then.
        """
        async with self._turn:
            self._users.add(user)
            try:
                await self._start()
            except BaseException:
                self._users.discard(user)
                raise

    async def renew(self) -> None:
        """Stop, and begin anew for all that use it."""
        async with self._turn:
            await self._stop()
            if self._users:
                await self._start()

    async def end(self, user: object) -> None:
        """End one use. Does nothing if it is not used."""
        async with self._turn:
            self._users.discard(user)
            if not self._users:
                await self._stop()

    async def _start(self) -> None:
        adapter = self._objects.get(self._path, ADAPTER) or {}
        if self._is_on and adapter.get("Discovering"):
            return
        await self._call("SetDiscoveryFilter", "a{sv}", _FILTER)
        self._is_on = True  # also if this is cancelled: bluetoothd begins all the same
        try:
            await self._call("StartDiscovery")
        except BusError as error:
            if error.name != _IN_PROGRESS:  # that is: it has begun already
                self._is_on = False
                raise

    async def _stop(self) -> None:
        """What is gone already is no fault."""
        if not self._is_on:
            return
        self._is_on = False
        try:
            try:
                await self._call("StopDiscovery")
            except BusError as error:
                if error.name != _IN_PROGRESS:
                    raise
                await self._call("StartDiscovery")
                await self._call("StopDiscovery")
            await self._call("SetDiscoveryFilter", "a{sv}", {})
        except BusError as error:
            _log.debug("Discovery could not be stopped: %s", error)

    async def _call(self, member: str, signature: str = "", *body: Any) -> None:
        await self._objects.bus.call(self._path, ADAPTER, member, signature, *body)

    # AdapterWatcher

    def adapter_went(self, registrations_too: bool) -> None:
        """See `AdapterWatcher`. Discovery ends with power as well."""
        self._is_on = False

    def adapter_came(self) -> None:
        """Those that use it begin again."""
