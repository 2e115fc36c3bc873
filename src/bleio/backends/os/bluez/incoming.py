"""Centrals that come to us and go, seen by what BlueZ says of its devices.

BlueZ has one object for each device and says when it is connected; it does not say which side
asked for the link. A device may be connected because another program connected to it, and that is
no business of ours. The kernel knows (`kernel_links`). Where it cannot be asked, a device that gets
connected while we advertise, and that we did not ask for, counts as a central; and so does, in any
case, a device that reads or writes a value of ours.

BlueZ sends changes that come close together as one. So a device that is said to be connected, and
was connected before, has lost its link meanwhile and has a new one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Protocol

from bleio.backends.os.bluez.adapter import Adapter, address_of
from bleio.backends.os.bluez.bus import BusError
from bleio.backends.os.bluez.kernel_links import Direction
from bleio.backends.os.bluez.objects import DEVICE
from bleio.core.address import DeviceAddress

MOST_CENTRALS = 64


class CentralsOwner(Protocol):
    """What is told of centrals, and asked."""

    def is_ours(self, peer: DeviceAddress) -> bool:
        """Whether we asked for a link to that peer."""

    @property
    def is_advertising(self) -> bool:
        """Whether a central may come because of us."""

    def central_came(self, device: str, peer: DeviceAddress) -> None:
        """A central has connected. Args: its object path; its address."""

    def ours_came(self, device: str) -> None:
        """A link that we asked for is up; its peer may use our values, too."""

    def mtu_known(self, device: str, peer: DeviceAddress, mtu: int) -> None:
        """The link to a connected device has that ATT_MTU."""

    def link_went(self, device: str, peer: DeviceAddress) -> None:
        """The link to any device is gone, whichever side asked for it."""


class Centrals:
    """Listens to the devices of one adapter. See `ObjectListener`."""

    def __init__(self, adapter: Adapter, owner: CentralsOwner) -> None:
        self._adapter, self._owner = adapter, owner
        self._connected: dict[str, DeviceAddress] = {}  # devices by path, of any direction
        self._centrals: set[str] = set()
        self._learning: set[asyncio.Task[None]] = set()

    def open(self) -> None:
        """Begin. Devices that are connected already are not new, and count once they use us."""
        for path in self._adapter.objects.paths(DEVICE):
            properties = self._adapter.objects.get(path, DEVICE) or {}
            if self._is_of_adapter(path) and properties.get("Connected"):
                self._note(path, properties)
        self._adapter.objects.listen(self)

    def close(self) -> None:
        """Listen no longer. Idempotent."""
        self._adapter.objects.unlisten(self)
        for task in self._learning:
            task.cancel()

    def used(self, path: str, mtu: int) -> None:
        """A device has used a value of ours: it is a central, or the peer of a link of ours.

        Args: mtu: its ATT_MTU, 0 if that was not told.
        """
        peer = self._connected.get(path)
        if peer is None:
            return
        if path not in self._centrals and not self._owner.is_ours(peer):
            self._came(path, peer)
        if mtu:
            self._owner.mtu_known(path, peer, mtu)

    def peer(self, path: str) -> DeviceAddress | None:
        """Return the address that a connected device came with, None if it is not connected."""
        return self._connected.get(path)

    # ObjectListener

    def added(self, path: str, interface: str, properties: Mapping[str, Any]) -> None:
        if interface == DEVICE and self._is_of_adapter(path) and properties.get("Connected"):
            self._connects(path, properties)

    def removed(self, path: str, interface: str) -> None:
        if interface == DEVICE:
            self._goes(path)

    def changed(self, path: str, interface: str, changed: Mapping[str, Any]) -> None:
        if interface != DEVICE or not self._is_of_adapter(path):
            return
        if "Connected" in changed:
            if changed["Connected"]:
                self._connects(path, self._adapter.objects.get(path, DEVICE) or {})
            else:
                self._goes(path)
        if changed.get("ServicesResolved") and path in self._connected:
            task = asyncio.ensure_future(self._learn_mtu(path))
            self._learning.add(task)
            task.add_done_callback(self._learning.discard)

    def daemon_went(self) -> None:
        self.all_went()

    def daemon_came(self) -> None:
        """Links that have outlived bluetoothd are not new."""
        for path in self._adapter.objects.paths(DEVICE):
            properties = self._adapter.objects.get(path, DEVICE) or {}
            if self._is_of_adapter(path) and properties.get("Connected"):
                self._note(path, properties)

    def disconnected(self, error: BusError) -> None:
        self.all_went()

    def all_went(self) -> None:
        """No link is left."""
        for path in list(self._connected):
            self._goes(path)

    async def _learn_mtu(self, path: str) -> None:
        """BlueZ tells the MTU with the services that it has found at the peer."""
        with suppress(BusError):
            mtu = await self._adapter.objects.mtu_of(path)
            peer = self._connected.get(path)
            if mtu and peer is not None:
                self._owner.mtu_known(path, peer, mtu)

    def _is_of_adapter(self, path: str) -> bool:
        return path.startswith(self._adapter.path + "/")

    def _note(self, path: str, properties: Mapping[str, Any]) -> DeviceAddress | None:
        try:
            peer = address_of(properties)
        except ValueError:
            self._adapter.objects.bus.counts["bluez.malformed"] += 1
            return None
        self._connected[path] = peer
        return peer

    def _connects(self, path: str, properties: Mapping[str, Any]) -> None:
        self._goes(path)
        peer = self._note(path, properties)
        if peer is None:
            return
        if self._owner.is_ours(peer):
            self._owner.ours_came(path)
            return
        # Asked here and now: the answer must be there before what the device does next is told.
        direction = self._adapter.kernel_links.direction(peer.octets)
        if direction is Direction.UNKNOWN and self._owner.is_advertising:
            direction = Direction.INCOMING
        if direction is Direction.INCOMING:
            self._came(path, peer)

    def _came(self, path: str, peer: DeviceAddress) -> None:
        if len(self._centrals) >= MOST_CENTRALS:
            self._adapter.objects.bus.counts["bluez.dropped_objects"] += 1
            return
        self._centrals.add(path)
        self._owner.central_came(path, peer)

    def _goes(self, path: str) -> None:
        peer = self._connected.get(path)
        if peer is not None:
            self._owner.link_went(path, peer)  # which looks for the link by the path
            self._centrals.discard(path)
            del self._connected[path]
