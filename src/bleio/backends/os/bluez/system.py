"""BlueZ as a System: which of its adapters, and what comes of it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bleio.backends.capabilities import BLUEZ, Capability
from bleio.backends.os.bluez import troubles
from bleio.backends.os.bluez.adapter import Adapter, address_of
from bleio.backends.os.bluez.bus import BusError
from bleio.backends.os.bluez.connection import BusUnavailable
from bleio.backends.os.bluez.discovery import Discovery
from bleio.backends.os.bluez.kernel_links import KernelLinks
from bleio.backends.os.bluez.objects import ADAPTER, DEVICE, Objects
from bleio.backends.os.bluez.peers import BlueZPeers
from bleio.backends.os.bluez.peripheral import BlueZPeripheral
from bleio.backends.os.bluez.presence import Presence
from bleio.backends.os.bluez.shared_discovery import SharedDiscovery
from bleio.backends.os.system import Scans, System, SystemOwner
from bleio.core.address import DeviceAddress
from bleio.errors import ControllerLost

_log = logging.getLogger(__name__)


class BlueZ(System):
    """See `System`.

    Args: `adapter`: `hci0` and the like; None: the first that is powered. `links`: the folder with
        programs' lists of their links; see `live_links`.
    """

    def __init__(self, adapter: str | None = None, links: Path | None = None) -> None:
        self._links = links
        self.adapter = self._wanted = adapter
        self.objects = Objects()
        self.capabilities = BLUEZ.can
        self.peripheral = None
        self._opened: Adapter | None = None
        self._counts: dict[str, int] = {}

    @property
    def name(self) -> str:  # type: ignore[override]
        return "os" if self.adapter is None else f"os:{self.adapter}"

    @property
    def platform(self) -> str:  # type: ignore[override]
        return "BlueZ" if self._opened is None else self._opened.platform

    @property
    def opened(self) -> Adapter:
        """The adapter, between `open` and `close`."""
        assert self._opened is not None
        return self._opened

    @property
    def path(self) -> str:
        """The adapter's object, between `open` and `close`."""
        return self.opened.path

    @property
    def presence(self) -> Presence:
        """The going and coming of the adapter, between `open` and `close`."""
        return self.opened.presence

    @property
    def discovery(self) -> SharedDiscovery:
        """The adapter's discovery, between `open` and `close`."""
        return self.opened.discovery

    @property
    def kernel_links(self) -> KernelLinks:
        """The kernel's list of the adapter's links, between `open` and `close`."""
        return self.opened.kernel_links

    @property
    def links(self) -> Path | None:
        """The folder with programs' lists of their links."""
        return self._links

    async def open(self, owner: SystemOwner) -> DeviceAddress:
        try:
            await self.objects.open()
            path = await self._choose()
        except BusUnavailable as error:
            raise troubles.no_bus(error) from error
        except BusError as error:
            raise troubles.no_daemon(error) from error
        adapter = self._opened = Adapter(self.objects, path, owner.lost)
        self.adapter, self.capabilities = adapter.kernel_name, adapter.capabilities
        if Capability.PERIPHERAL in adapter.capabilities:
            self.peripheral = BlueZPeripheral(adapter, owner)
        try:
            return address_of(adapter.properties)
        except ValueError as error:
            raise troubles.no_adapter(self.adapter, []) from error

    async def close(self) -> None:
        if self._opened is not None:
            self._opened.close()
        self._opened = self.peripheral = None
        for name, count in self.objects.bus.counts.items():
            self._counts[name] = self._counts.get(name, 0) + count
        await self.objects.close()
        self.objects = Objects()

    async def _choose(self) -> str:
        """Find the adapter's object. Raises: ControllerLost."""
        paths = self.objects.paths(ADAPTER)
        names = [path.rpartition("/")[2] for path in paths]
        if self._wanted is not None:
            paths = [path for path in paths if path.rpartition("/")[2] == self._wanted]
        if not paths:
            raise troubles.no_adapter(self._wanted, names)
        for path in paths:
            if (self.objects.get(path, ADAPTER) or {}).get("Powered"):
                return path
        raise await self._powered_off(paths[0])

    async def _powered_off(self, path: str) -> ControllerLost:
        name, properties = path.rpartition("/")[2], self.objects.get(path, ADAPTER) or {}
        blocked = "soft" if properties.get("PowerState") == "off-blocked" else None
        if self.objects.bus.passes_descriptors:  # the bus is this computer's own
            blocked = await asyncio.to_thread(troubles.blocked_by_rfkill, name) or blocked
        return troubles.powered_off(name, blocked)

    def own_scanner(self, owner: SystemOwner) -> Scans:
        return Discovery(self, owner)

    def own_peers(self, owner: SystemOwner) -> BlueZPeers:
        return BlueZPeers(self, owner)

    def scanner_arguments(self) -> Mapping[str, Any]:
        return {**super().scanner_arguments(), "bluez": {"adapter": self.adapter}}

    def client_arguments(self) -> Mapping[str, Any]:
        return {**super().client_arguments(), "bluez": {"adapter": self.adapter}}

    async def erase_bonds(self, peer: DeviceAddress | None = None) -> None:
        """Have BlueZ forget the devices that the adapter is paired with, or one of them.

        A board has no other bonds than its program's; a computer has those of its user, who would
        lose keyboard and headphones. So what is certainly not of programs like ours is kept.

        Raises: BusError, once all that can be forgotten is, for one that cannot.
        """
        failure: BusError | None = None
        for path in self.objects.paths(DEVICE):
            device = self.objects.get(path, DEVICE) or {}
            if not path.startswith(self.path + "/") or not device.get("Paired"):
                continue
            if peer is not None and device.get("Address") != peer.octets[::-1].hex(":").upper():
                continue
            if peer is None and _is_the_users(device):
                told = (device.get("Alias"), device.get("Address"))
                _log.warning("Kept the bond with %s; `bluetoothctl remove %s` erases it", *told)
            else:
                try:
                    await self.opened.call(ADAPTER, "RemoveDevice", "o", path)
                except BusError as error:
                    failure = error
        if failure is not None:
            raise failure

    def counters(self) -> Mapping[str, int]:
        now = self.objects.bus.counts
        names = (
            *("bluez.strangers", "bluez.malformed", "bluez.dropped_objects", "bluez.refused_calls"),
            "bluez.missed_values",
        )
        return {name: self._counts.get(name, 0) + now[name] for name in names}


def _is_the_users(device: Mapping[str, Any]) -> bool:
    """Whether a Device1 uses Bluetooth Classic too, or is what the computer is worked with."""
    return "Class" in device or str(device.get("Icon", "")).startswith("input-")
