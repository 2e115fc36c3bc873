"""BlueZ as a System: one adapter of it, what it can do, and how it comes and goes.

An adapter of BlueZ is away at times without being lost. bluetoothd is restarted by updates and by
its user, who may also power the adapter off for a while. Links end with that, calls meanwhile are
refused, and what was registered is gone; when the adapter is back, all of it is registered again,
and the program goes on. Only if it stays away for `RESTART_S` (or if bluetoothd is there and the
adapter is not, for `UNPLUG_S`) it is lost. A bluetoothd that ends first says that its adapters are
gone and then goes itself, so neither can be told from the first signal alone.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from typing import Any, Protocol

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
from bleio.backends.os.system import System, SystemOwner
from bleio.core.address import DeviceAddress, parse_address
from bleio.errors import ControllerLost

RESTART_S = 15.0
UNPLUG_S = 3.0
OLDEST_WITH_CLIENTS = (5, 69)  # has one descriptor for each client that is notified

_MODALIAS = re.compile(r"usb:v1D6Bp0246d([0-9A-F]{2})([0-9A-F]{2})")


class AdapterWatcher(Protocol):
    """Hears when the adapter can be used; what it does about it it does in tasks of its own."""

    def adapter_went(self, registrations_too: bool) -> None:
        """It cannot be used. Args: `registrations_too`: all that was registered is gone."""

    def adapter_came(self) -> None:
        """It can be used again."""


class BlueZ(System):
    """See `System`. Args: `adapter`: `hci0` and the like; None: the first that is powered."""

    def __init__(self, adapter: str | None = None) -> None:
        self.adapter = adapter
        self.path = ""  # the adapter's object, after open
        self.version: tuple[int, int] | None = None
        self.objects = Objects()
        self.capabilities = BLUEZ.can
        self._owner: SystemOwner | None = None
        self._watchers: list[AdapterWatcher] = []
        self._is_usable = False
        self._deadline: asyncio.TimerHandle | None = None
        self._counts: dict[str, int] = {}

    @property
    def name(self) -> str:  # type: ignore[override]
        return "os" if self.adapter is None else f"os:{self.adapter}"

    @property
    def platform(self) -> str:  # type: ignore[override]
        return "BlueZ" if self.version is None else "BlueZ {}.{}".format(*self.version)

    @property
    def is_usable(self) -> bool:
        """Whether the adapter is there and powered."""
        return self._is_usable

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
        self._owner, self._is_usable = owner, True
        self.objects.listen(self)
        try:
            return address_of(properties)
        except ValueError as error:
            raise troubles.no_adapter(self.adapter, []) from error

    async def close(self) -> None:
        self._stop_waiting()
        self._owner, self._is_usable = None, False
        self._watchers.clear()
        for name, count in self.objects.bus.counts.items():
            self._counts[name] = self._counts.get(name, 0) + count
        await self.objects.close()
        self.objects = Objects()

    def _choose(self) -> Mapping[str, Any]:
        """Find the adapter. Raises: ControllerLost."""
        paths = self.objects.paths(ADAPTER)
        names = [path.rpartition("/")[2] for path in paths]
        found = [(path, self.objects.get(path, ADAPTER) or {}) for path in paths]
        if self.adapter is not None:
            found = [each for each in found if each[0].rpartition("/")[2] == self.adapter]
        if not found:
            raise troubles.no_adapter(self.adapter, names)
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
        interfaces = (GATT_MANAGER, ADVERTISING_MANAGER)
        if any(self.objects.get(self.path, each) is None for each in interfaces):
            lacks |= {Capability.PERIPHERAL}
        has_clients = self.version is not None and self.version >= OLDEST_WITH_CLIENTS
        if not (has_clients and self.objects.bus.passes_descriptors):
            lacks |= {Capability.SUBSCRIBERS}
        return BLUEZ.can - lacks

    def watch(self, watcher: AdapterWatcher) -> None:
        """Tell a watcher from now on when the adapter goes and comes, until `close`."""
        self._watchers.append(watcher)

    def require_usable(self) -> None:
        """Raises: BusError with a sentence, while the adapter is away."""
        if self._is_usable:
            return
        if self.objects.get(self.path, ADAPTER) is None:
            raise troubles.is_away(self.name)
        raise troubles.is_off(self.adapter or "")

    async def call_adapter(self, interface: str, member: str, signature: str, *body: Any) -> None:
        """Call a method of the adapter's object. Raises: BusError."""
        self.require_usable()
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

    # ObjectListener

    def added(self, path: str, interface: str, properties: Mapping[str, Any]) -> None:
        if path == self.path and interface in (ADAPTER, GATT_MANAGER, ADVERTISING_MANAGER):
            self._look()

    def removed(self, path: str, interface: str) -> None:
        if path == self.path and interface == ADAPTER:
            self._went(registrations_too=True)
            self._wait(UNPLUG_S)

    def changed(self, path: str, interface: str, changed: Mapping[str, Any]) -> None:
        if path != self.path or interface != ADAPTER or "Powered" not in changed:
            return
        if changed["Powered"]:
            self._look()
        else:
            self._went(registrations_too=False)

    def daemon_went(self) -> None:
        self._went(registrations_too=True)
        self._wait(RESTART_S)

    def daemon_came(self) -> None:
        self._look()

    def disconnected(self, error: BusError) -> None:
        self._went(registrations_too=True)
        self._lose(troubles.bus_gone())

    def _look(self) -> None:
        """See whether the adapter is there and powered, with all that is needed."""
        adapter = self.objects.get(self.path, ADAPTER)
        if adapter is None:
            return
        self._stop_waiting()
        needed = (GATT_MANAGER, ADVERTISING_MANAGER)
        if Capability.PERIPHERAL in self.capabilities and not all(
            self.objects.get(self.path, each) is not None for each in needed
        ):
            return
        if adapter.get("Powered") and not self._is_usable:
            self._is_usable = True
            for watcher in self._watchers:
                watcher.adapter_came()

    def _went(self, registrations_too: bool) -> None:
        was_usable, self._is_usable = self._is_usable, False
        if was_usable or registrations_too:
            for watcher in self._watchers:
                watcher.adapter_went(registrations_too)

    def _wait(self, seconds: float) -> None:
        self._stop_waiting()
        self._deadline = asyncio.get_running_loop().call_later(seconds, self._stayed_away)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _stayed_away(self) -> None:
        running = self.objects.is_running
        self._lose(troubles.unplugged(self.adapter or "") if running else troubles.daemon_gone())

    def _lose(self, error: ControllerLost) -> None:
        owner, self._owner = self._owner, None
        if owner is not None:
            owner.lost(error)


def version_of(modalias: str) -> tuple[int, int] | None:
    """Return BlueZ's version, which it puts into the identity of its devices; None if its user
    has set another identity there."""
    found = _MODALIAS.match(modalias)
    return (int(found[1], 16), int(found[2], 16)) if found else None


def address_of(properties: Mapping[str, Any]) -> DeviceAddress:
    """Return the address of an Adapter1 or Device1. Raises: ValueError if it has none."""
    is_random = properties.get("AddressType") == "random"
    return DeviceAddress(parse_address(str(properties.get("Address", ""))), random=is_random)
