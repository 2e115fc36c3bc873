"""What bluetoothd has at the moment: adapters, devices, managers, with their properties.

A table of object paths, kept by `ObjectManager` and `PropertiesChanged`. bleak has one of its own;
this one hears of the end and the return of bluetoothd, and of nothing that is costly: values of
GATT characteristics, of which a peer may send thousands a second, are not asked for.

While bluetoothd is away the table is empty. When it is back, the table is filled first, then
`daemon_came` is told, and interfaces that were there all along are not told one by one.

Bounds. Devices are what is on the air, so their number is for others to choose: at most
`MOST_OBJECTS` are kept, and what is beyond is counted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Protocol

from bleio.backends.os.bluez.bus import BLUEZ, Bus, BusError

ADAPTER = "org.bluez.Adapter1"
DEVICE = "org.bluez.Device1"
ADVERTISING_MANAGER = "org.bluez.LEAdvertisingManager1"
GATT_MANAGER = "org.bluez.GattManager1"
AGENT_MANAGER = "org.bluez.AgentManager1"
MONITOR_MANAGER = "org.bluez.AdvertisementMonitorManager1"
KEPT = frozenset(
    {ADAPTER, DEVICE, ADVERTISING_MANAGER, GATT_MANAGER, AGENT_MANAGER, MONITOR_MANAGER}
)
_WITH_CHANGES = (ADAPTER, DEVICE, ADVERTISING_MANAGER)

PROPERTIES = "org.freedesktop.DBus.Properties"
OBJECT_MANAGER = "org.freedesktop.DBus.ObjectManager"
MOST_OBJECTS = 4096
MOST_PROPERTIES = 128  # of one interface

Properties = dict[str, Any]


class ObjectListener(Protocol):
    """Hears what happens to bluetoothd's objects, in order; must not block or raise."""

    def added(self, path: str, interface: str, properties: Mapping[str, Any]) -> None:
        """An object has an interface of `KEPT` now."""

    def removed(self, path: str, interface: str) -> None:
        """An object has an interface no longer."""

    def changed(self, path: str, interface: str, changed: Mapping[str, Any]) -> None:
        """Properties have these values now; the table has them already."""

    def daemon_went(self) -> None:
        """bluetoothd has ended; the table is empty, and all that was registered is gone."""

    def daemon_came(self) -> None:
        """bluetoothd is back, and the table is filled."""

    def disconnected(self, error: BusError) -> None:
        """The connection to D-Bus is gone, for good."""


class Objects:
    """The table, and the bus from which it comes."""

    def __init__(self) -> None:
        self.bus = Bus(self)
        self._table: dict[str, dict[str, Properties]] = {}
        self._listeners: list[ObjectListener] = []
        self._filling: asyncio.Task[None] | None = None
        self._is_filled = False

    async def open(self) -> None:
        """Connect, and fill the table. Raises: BusUnavailable; BusError if bluetoothd is not
        there and D-Bus cannot start it."""
        await self.bus.open()
        sender = f"type='signal',sender='{BLUEZ}'"
        await self.bus.match(f"{sender},interface='{OBJECT_MANAGER}'")
        for interface in _WITH_CHANGES:
            rule = f"{sender},interface='{PROPERTIES}',member='PropertiesChanged'"
            await self.bus.match(f"{rule},arg0='{interface}'")
        await self.fill()

    async def close(self) -> None:
        """Disconnect; listeners hear nothing more. Idempotent."""
        self._listeners.clear()
        if self._filling is not None:
            self._filling.cancel()
        self._table.clear()
        self._is_filled = False
        await self.bus.close()

    def listen(self, listener: ObjectListener) -> None:
        """Tell a listener from now on, after those that were there before it."""
        self._listeners.append(listener)

    def unlisten(self, listener: ObjectListener) -> None:
        """Tell it nothing more; does nothing if it does not listen."""
        with suppress(ValueError):
            self._listeners.remove(listener)

    # What there is

    @property
    def is_running(self) -> bool:
        """Whether bluetoothd runs and the table is filled."""
        return self._is_filled

    def get(self, path: str, interface: str) -> Properties | None:
        """Return the live properties, None if the object has no such interface."""
        return self._table.get(path, {}).get(interface)

    def paths(self, interface: str) -> list[str]:
        """Return the paths of all objects with an interface, sorted."""
        return sorted(path for path, found in self._table.items() if interface in found)

    async def mtu_of(self, device: str) -> int:
        """Return the ATT_MTU of the link to a device, 0 if it is not known. Raises: BusError.

        BlueZ has it at the device's characteristics, which are not in the table.
        """
        (objects,) = await self.bus.call("/", OBJECT_MANAGER, "GetManagedObjects")
        for path, interfaces in objects.items():
            if path.startswith(f"{device}/"):
                found = interfaces.get("org.bluez.GattCharacteristic1", {}).get("MTU")
                if isinstance(found, int):
                    return found
        return 0

    # What comes; BusOwner

    def signalled(self, path: str, interface: str, member: str, body: Sequence[Any]) -> None:
        """Take a signal of bluetoothd; one of another form than it should have is counted."""
        try:
            match interface, member:
                case "org.freedesktop.DBus.Properties", "PropertiesChanged":
                    self._changed(path, str(body[0]), dict(body[1]), list(body[2]))
                case "org.freedesktop.DBus.ObjectManager", "InterfacesAdded":
                    self._added(str(body[0]), dict(body[1]))
                case "org.freedesktop.DBus.ObjectManager", "InterfacesRemoved":
                    self._removed(str(body[0]), list(body[1]))
        except (IndexError, TypeError, ValueError):
            self.bus.counts["bluez.malformed"] += 1

    def daemon_changed(self) -> None:
        """See `BusOwner`. A new one that follows at once is told as gone and back, too."""
        if self._filling is not None:
            self._filling.cancel()
            self._filling = None
        if self._is_filled:
            self._is_filled = False
            self._table.clear()
            for listener in list(self._listeners):
                listener.daemon_went()
        if self.bus.daemon:
            self._filling = asyncio.create_task(self._fill_again())

    def disconnected(self, error: BusError) -> None:
        """See `BusOwner`."""
        self.daemon_changed()
        for listener in list(self._listeners):
            listener.disconnected(error)

    async def fill(self) -> None:
        """Fill the table, once. Raises: BusError."""
        await self.bus.snapshot("/", OBJECT_MANAGER, "GetManagedObjects", self._filled)

    async def _fill_again(self) -> None:
        try:
            await self.fill()
        except BusError:  # gone again, which is told as a change of its own
            return
        for listener in list(self._listeners):
            listener.daemon_came()

    def _filled(self, body: Sequence[Any]) -> None:
        self._table.clear()
        try:
            for path, interfaces in body[0].items():
                for interface, properties in interfaces.items():
                    self._put(path, interface, properties)
        except (AttributeError, IndexError, TypeError):
            self.bus.counts["bluez.malformed"] += 1
        self._is_filled = True

    def _put(self, path: str, interface: str, properties: Properties) -> bool:
        """Returns: whether it is kept."""
        if interface not in KEPT:
            return False
        if path not in self._table and len(self._table) >= MOST_OBJECTS:
            self.bus.counts["bluez.dropped_objects"] += 1
            return False
        if len(properties) > MOST_PROPERTIES:
            self.bus.counts["bluez.malformed"] += 1
            return False
        self._table.setdefault(path, {})[interface] = properties
        return True

    def _added(self, path: str, interfaces: Mapping[str, Properties]) -> None:
        for interface, properties in interfaces.items():
            if self._put(path, interface, properties) and self._is_filled:
                for listener in list(self._listeners):
                    listener.added(path, interface, properties)

    def _removed(self, path: str, interfaces: Sequence[str]) -> None:
        found = self._table.get(path, {})
        for interface in interfaces:
            if found.pop(interface, None) is not None and self._is_filled:
                for listener in list(self._listeners):
                    listener.removed(path, interface)
        if not found:
            self._table.pop(path, None)

    def _changed(
        self, path: str, interface: str, changed: Properties, invalidated: Sequence[str]
    ) -> None:
        properties = self.get(path, interface)
        if properties is None:
            return
        for name in invalidated:
            properties.pop(name, None)
        if len(properties.keys() | changed.keys()) > MOST_PROPERTIES:
            self.bus.counts["bluez.malformed"] += 1
            return
        properties.update(changed)
        if self._is_filled:
            for listener in list(self._listeners):
                listener.changed(path, interface, changed)
