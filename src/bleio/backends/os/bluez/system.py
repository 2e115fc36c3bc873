"""BlueZ as a System: one adapter of it, and what it can do with this bluetoothd."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from bleio.backends.capabilities import BLUEZ, Capability
from bleio.backends.os.bluez import troubles
from bleio.backends.os.bluez.bus import BusError
from bleio.backends.os.bluez.connection import BusUnavailable
from bleio.backends.os.bluez.objects import (
    ADAPTER,
    ADVERTISING_MANAGER,
    DEVICE,
    GATT_MANAGER,
    Objects,
)
from bleio.backends.os.bluez.presence import Presence
from bleio.backends.os.system import System, SystemOwner
from bleio.core.address import DeviceAddress, parse_address
from bleio.errors import ControllerLost

OLDEST_WITH_CLIENTS = (5, 69)  # has one descriptor for each client that is notified

_FOR_PERIPHERAL = frozenset({GATT_MANAGER, ADVERTISING_MANAGER})
_MODALIAS = re.compile(r"usb:v1D6Bp0246d([0-9A-F]{2})([0-9A-F]{2})")


class BlueZ(System):
    """See `System`. Args: `adapter`: `hci0` and the like; None: the first that is powered."""

    def __init__(self, adapter: str | None = None) -> None:
        self.adapter = self._wanted = adapter
        self.path = ""  # the adapter's object, after open
        self.version: tuple[int, int] | None = None
        self.objects = Objects()
        self.capabilities = BLUEZ.can
        self._presence: Presence | None = None
        self._counts: dict[str, int] = {}

    @property
    def name(self) -> str:  # type: ignore[override]
        return "os" if self.adapter is None else f"os:{self.adapter}"

    @property
    def platform(self) -> str:  # type: ignore[override]
        return "BlueZ" if self.version is None else "BlueZ {}.{}".format(*self.version)

    @property
    def presence(self) -> Presence:
        """The going and coming of the adapter, between `open` and `close`."""
        assert self._presence is not None
        return self._presence

    async def open(self, owner: SystemOwner) -> DeviceAddress:
        try:
            await self.objects.open()
            properties = self._choose()
        except BusUnavailable as error:
            raise troubles.no_bus(error) from error
        except BusError as error:
            raise troubles.no_daemon(error) from error
        self.version = version_of(properties.get("Modalias", ""))
        self.capabilities = self._abilities()
        needed = _FOR_PERIPHERAL if Capability.PERIPHERAL in self.capabilities else frozenset()
        self._presence = Presence(self.objects, self.path, needed, owner.lost)
        try:
            return address_of(properties)
        except ValueError as error:
            raise troubles.no_adapter(self.adapter, []) from error

    async def close(self) -> None:
        if self._presence is not None:
            self._presence.close()
            self._presence = None
        for name, count in self.objects.bus.counts.items():
            self._counts[name] = self._counts.get(name, 0) + count
        await self.objects.close()
        self.objects = Objects()

    def _choose(self) -> Mapping[str, Any]:
        """Find the adapter. Raises: ControllerLost."""
        paths = self.objects.paths(ADAPTER)
        names = [path.rpartition("/")[2] for path in paths]
        found = [(path, self.objects.get(path, ADAPTER) or {}) for path in paths]
        if self._wanted is not None:
            found = [each for each in found if each[0].rpartition("/")[2] == self._wanted]
        if not found:
            raise troubles.no_adapter(self._wanted, names)
        powered = [each for each in found if each[1].get("Powered")]
        if not powered:
            raise self._powered_off(*found[0])
        self.path, properties = powered[0]
        self.adapter = self.path.rpartition("/")[2]
        return properties

    def _powered_off(self, path: str, properties: Mapping[str, Any]) -> ControllerLost:
        name = path.rpartition("/")[2]
        blocked = None
        if properties.get("PowerState") == "off-blocked":
            blocked = "soft"
        if self.objects.bus.passes_descriptors:  # the bus is this computer's own
            blocked = troubles.blocked_by_rfkill(name) or blocked
        return troubles.powered_off(name, blocked)

    def _abilities(self) -> frozenset[Capability]:
        lacks = set()
        if any(self.objects.get(self.path, each) is None for each in _FOR_PERIPHERAL):
            lacks |= {Capability.PERIPHERAL}
        has_clients = self.version is not None and self.version >= OLDEST_WITH_CLIENTS
        if not (has_clients and self.objects.bus.passes_descriptors):
            lacks |= {Capability.SUBSCRIBERS}
        return BLUEZ.can - lacks

    async def call_adapter(self, interface: str, member: str, signature: str, *body: Any) -> None:
        """Call a method of the adapter's object. Raises: BusError."""
        self.presence.require()
        await self.objects.bus.call(self.path, interface, member, signature, *body)

    def scanner_arguments(self) -> Mapping[str, Any]:
        return {"bluez": {"adapter": self.adapter}}

    def client_arguments(self) -> Mapping[str, Any]:
        return {"bluez": {"adapter": self.adapter}}

    async def erase_bonds(self) -> None:
        """Have BlueZ forget all devices of the adapter that it has paired with."""
        for path in self.objects.paths(DEVICE):
            device = self.objects.get(path, DEVICE) or {}
            if device.get("Adapter", self.path) == self.path and device.get("Paired"):
                await self.call_adapter(ADAPTER, "RemoveDevice", "o", path)

    def counters(self) -> Mapping[str, int]:
        now = self.objects.bus.counts
        names = ("bus_strangers", "bus_malformed", "bus_objects_dropped", "bus_calls_refused")
        return {name: self._counts.get(name, 0) + now[name] for name in names}


def version_of(modalias: str) -> tuple[int, int] | None:
    """Return BlueZ's version, which it puts into the identity of its devices; None if its user
    has set another identity there."""
    found = _MODALIAS.match(modalias)
    return (int(found[1], 16), int(found[2], 16)) if found else None


def address_of(properties: Mapping[str, Any]) -> DeviceAddress:
    """Return the address of an Adapter1 or Device1. Raises: ValueError if it has none."""
    is_random = properties.get("AddressType") == "random"
    return DeviceAddress(parse_address(str(properties.get("Address", ""))), random=is_random)
