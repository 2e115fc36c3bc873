"""Peers by BlueZ: links are made and pairing is done on our own connection to D-Bus.

bleak can connect, too, but a program could not rely on it. It asks once, and waits for ever if
BlueZ has given up without a link having come; it cannot be told of an agent, for BlueZ asks the one
of the connection that asked to pair. So the link is up when bleak's client begins, and it finds a
connected device, as it would after another program's `Connect`. Then it is used for what it does
well: services, reads, writes, values that come.

The end of a link is told by our connection as well, which the peripheral listens to. A link's own
end must come last (`base`), so it is told in the loop's next turn.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bleak.backends.device import BLEDevice

from bleio.backends.base import Link, PairingAgent
from bleio.backends.os.bluez import bleak_table
from bleio.backends.os.bluez.agent import Agent
from bleio.backends.os.bluez.bus import BusError
from bleio.backends.os.bluez.objects import DEVICE
from bleio.backends.os.bluez.pairing import Bonding
from bleio.backends.os.bluez.reaching import OpenAdapter, Reaching
from bleio.backends.os.bluez.remote_tables import BlueZTables
from bleio.backends.os.links.plain import address_text
from bleio.backends.os.system import SystemOwner, Tables
from bleio.backends.tasks import to_the_end
from bleio.core.address import DeviceAddress
from bleio.core.security import LinkSecurity
from bleio.errors import LinkLost, PairingFailed

if TYPE_CHECKING:
    from bleak import BleakClient

ENCRYPTED_S = 10.0  # from a bond, or a new link, to its encryption
SEEN_S = 2.0  # bleak's connection to D-Bus lags behind ours by milliseconds

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ToBe:
    """A link that is being made by us. See `Party`."""

    peer: DeviceAddress
    is_central: bool = True


class BlueZPeers:
    """See `Peers` and the module."""

    tells_ends = True

    def __init__(self, adapter: OpenAdapter, owner: SystemOwner) -> None:
        self.tables: Tables = BlueZTables(lambda: adapter.objects.bus)
        self._adapter, self._owner = adapter, owner
        self._found_connected: set[DeviceAddress] = set()
        self._reaching: Reaching | None = None
        self._bonding: Bonding | None = None
        self._tasks: set[asyncio.Future[Any]] = set()

    async def open(self) -> None:
        objects = self._adapter.objects
        bleak_table.enter()
        objects.listen(self)
        self._reaching = Reaching(self._adapter)
        self._bonding = Bonding(objects, Agent(objects.bus, self))
        self._adapter.presence.watch(self)
        await self._reaching.end_links_of_the_dead()
        try:
            await self._bonding.agent.register()
        except BusError as error:
            _log.warning("BlueZ takes no pairing agent, so pairing may fail: %s", error)

    async def close(self) -> None:
        if self._bonding is None or self._reaching is None:
            return
        bonding, self._bonding = self._bonding, None
        for task in self._tasks:
            task.cancel()
        try:
            await bonding.agent.close()
        finally:  # also if bluetoothd hangs, and the time for it is over
            reaching, self._reaching = self._reaching, None
            self._adapter.objects.unlisten(self)
            self._found_connected.clear()
            await bleak_table.leave()
            await reaching.close()

    def _opened(self) -> tuple[Reaching, Bonding]:
        """Raises: LinkLost once it is closed."""
        if self._reaching is None or self._bonding is None:
            raise LinkLost
        return self._reaching, self._bonding

    # Reaching

    async def reach(self, peer: DeviceAddress) -> BLEDevice:
        reaching, _ = self._opened()
        path, is_ours = reaching.path(peer), False
        if not reaching.device(path).get("Connected") or reaching.is_another(path, peer):
            self._found_connected.discard(peer)
            await bleak_table.be_ready()
            path, is_ours = await reaching.connect(peer)
            if is_ours:
                self._spawn(reaching.note_up(path))
        if not is_ours and self._owner.link_to(peer) is None:
            self._found_connected.add(peer)
        reaching.paths[peer] = path
        try:
            # Cancelled while it waits for services, bleak's client would end the link.
            if not is_ours and not await reaching.resolved(path):
                raise LinkLost
            if not await bleak_table.has_seen_connected(path, SEEN_S):
                raise LinkLost
            if not is_ours:
                await bleak_table.catch_up()
        except BaseException:
            if is_ours:
                await to_the_end(asyncio.ensure_future(reaching.disconnect(path)))
            raise
        device = reaching.device(path)
        return BLEDevice(address_text(peer), device.get("Alias"), {"path": path, "props": device})

    def found_connected(self, peer: DeviceAddress) -> bool:
        return peer in self._found_connected

    async def let_go(self, peer: DeviceAddress, client: BleakClient) -> None:
        await bleak_table.release(client)

    async def give_up(self, peer: DeviceAddress) -> None:
        reaching, _ = self._opened()
        await reaching.disconnect(reaching.path(peer))

    # Security

    @property
    def agent(self) -> PairingAgent | None:
        """See `AgentOwner`."""
        return self._owner.agent

    def party_at(self, device: str) -> Link | ToBe | None:
        """See `AgentOwner`."""
        peers = self._reaching.peers_at(device) if self._reaching else []
        for peer in peers:
            if link := self._owner.link_to(peer):
                return link
        return next((ToBe(peer) for peer in peers if self._owner.is_ours(peer)), None)

    def agent_changed(self) -> None:
        if self._bonding is not None:
            self._spawn(self._register())

    async def _register(self) -> None:
        with suppress(BusError):  # bluetoothd is away; it is registered when it comes back
            if self._bonding is not None:
                await self._bonding.agent.register()

    def security(self, peer: DeviceAddress) -> LinkSecurity:
        if self._reaching is None or self._bonding is None:
            return LinkSecurity()
        return self._bonding.security(self._reaching.path(peer))

    def security_now(self, peer: DeviceAddress, told: LinkSecurity) -> LinkSecurity:
        reaching = self._reaching
        if reaching is None or not told.encrypted or reaching.is_encrypted(peer) is not False:
            return told
        return LinkSecurity(has_keys=told.has_keys)

    async def pair(self, peer: DeviceAddress, client: BleakClient | None) -> LinkSecurity:
        reaching, bonding = self._opened()
        link = self._owner.link_to(peer)
        if link is None:
            raise LinkLost
        security = await bonding.pair(reaching.path(peer), link)
        # A central that is bonded encrypts when it likes to, and BlueZ has asked it to.
        clock = asyncio.get_running_loop().time
        deadline_s = clock() + ENCRYPTED_S
        while not self.security_now(peer, security).encrypted:
            if clock() > deadline_s:
                raise PairingFailed
            await asyncio.sleep(0.02)
        return security

    # ObjectListener

    def added(self, path: str, interface: str, properties: Mapping[str, Any]) -> None:
        """`Hearing` listens for it."""

    def removed(self, path: str, interface: str) -> None:
        if interface == DEVICE:
            self._ended(path, "the device was removed from BlueZ")

    def changed(self, path: str, interface: str, changed: Mapping[str, Any]) -> None:
        if interface != DEVICE:
            return
        if changed.get("Connected") is False:
            self._ended(path, "the link has ended")
        elif "Paired" in changed and self._bonding is not None:
            self._bonding.paired(path, bool(changed["Paired"]))
            if isinstance(link := self.party_at(path), Link):
                link.security = self._bonding.security(path)

    def _ended(self, path: str, reason: str) -> None:
        if self._bonding is not None and self._reaching is not None:
            self._bonding.ended(path, reason)
            self._spawn(self._reaching.note_ended(path))
            if any(self._owner.link_to(peer) for peer in self._reaching.peers_at(path)):
                asyncio.get_running_loop().call_soon(self._tell_end, path)

    def _tell_end(self, path: str) -> None:
        if self._reaching is not None and not self._reaching.device(path).get("Connected"):
            for peer in self._reaching.peers_at(path):
                self._owner.peer_gone(peer)
                self._reaching.paths.pop(peer, None)

    def daemon_went(self) -> None:
        bleak_table.renew()
        if self._bonding is not None and self._reaching is not None:
            self._bonding.agent.forgotten()
            for path in set(self._reaching.paths.values()):
                self._ended(path, "bluetoothd has ended")

    def daemon_came(self) -> None:
        """`adapter_came` follows."""

    def disconnected(self, error: BusError) -> None:
        """The presence tells of the loss."""

    # AdapterWatcher

    def adapter_went(self, registrations_too: bool) -> None:
        """Links end with it, each of which is told."""

    adapter_came = agent_changed  # bluetoothd has forgotten the agent

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
