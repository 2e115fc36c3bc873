"""How peers are reached where bleak does all of it: Windows, macOS, ESPHome.

bleak's client connects by a device object. The one by which a scan has found the peer is best, and
on macOS there is no other way, for its objects are the system's own. Elsewhere an address is
enough, for which an object is made by hand: given an address alone, bleak would scan for it first,
although it may be connected to without. Windows does not know every address; after a failure it is
scanned for there, too.

A system that says nothing of security is believed where it says that it has paired.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from bleak.backends.device import BLEDevice

from bleio.backends.os.system import Scans, System, Tables
from bleio.core.address import DeviceAddress
from bleio.core.security import LinkSecurity

if TYPE_CHECKING:
    from bleak import BleakClient
    from bleak.backends.service import BleakGATTServiceCollection

    from bleio.backends.os.links.changes import Changes

ATT_OVERHEAD_OCTETS = 3
MOST_UNKNOWN = 64


def address_text(peer: DeviceAddress) -> str:
    """Return an address as bleak has it: `C0:11:22:33:44:55`."""
    return peer.octets[::-1].hex(":").upper()


class PlainTables:
    """See `Tables` and the module. Args: `chooses`: bleak's start_notify takes force_indicate."""

    echoes = False
    hears_changes = False
    declared = 0

    def __init__(self, chooses: bool) -> None:
        self.chooses = chooses

    async def services(self, client: BleakClient) -> BleakGATTServiceCollection:
        return client.services

    async def mark(self, client: BleakClient) -> bytes:
        return b""

    async def settled(
        self, client: BleakClient, known: BleakGATTServiceCollection, changes: Changes
    ) -> bool:
        return False  # they look for changes when they connect

    def is_valid(self, value: Any) -> bool:
        return True

    async def mtu(self, client: BleakClient) -> int:
        return int(client.mtu_size)


class PlainPeers:
    """See `Peers` and the module.

    Args: `scans`: knows what was found. `find`: scans for one peer and returns its device object.
    """

    tells_ends = False

    def __init__(
        self, system: System, scans: Scans, find: Callable[[DeviceAddress], Awaitable[Any]]
    ) -> None:
        self.tables: Tables = PlainTables(system.chooses_indications)
        self._system = system
        self._scans, self._find = scans, find
        self._unknown: set[DeviceAddress] = set()  # by their addresses alone

    async def open(self) -> None:
        """There is nothing to begin."""

    async def close(self) -> None:
        """There is nothing to end."""

    async def reach(self, peer: DeviceAddress) -> Any:
        device = self._scans.heard(peer)
        if device is None and (self._system.needs_scan or peer in self._unknown):
            device = await self._find(peer)
        return device or BLEDevice(address_text(peer), None, None)

    def found_connected(self, peer: DeviceAddress) -> bool:
        return False  # each of their programs has a connection of its own to the system

    async def let_go(self, peer: DeviceAddress, client: BleakClient) -> None:
        await client.disconnect()

    async def give_up(self, peer: DeviceAddress) -> None:
        """Nothing was made; but the address was not enough, perhaps."""
        if self._system.finds_by_scan:
            if len(self._unknown) >= MOST_UNKNOWN:
                self._unknown.clear()
            self._unknown.add(peer)

    def security(self, peer: DeviceAddress) -> LinkSecurity:
        return LinkSecurity()

    def security_now(self, peer: DeviceAddress, told: LinkSecurity) -> LinkSecurity:
        return told

    async def pair(self, peer: DeviceAddress, client: BleakClient | None) -> LinkSecurity:
        assert client is not None
        await client.pair()
        return LinkSecurity(encrypted=True, has_keys=True)

    def agent_changed(self) -> None:
        """They ask their user, not the program."""
