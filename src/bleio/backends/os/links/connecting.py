"""Making links, and knowing those that are there, in both roles.

One attempt to connect is: reach the peer (on BlueZ: hear it if it is unknown, and have the link
up), have bleak's client find its services, then the link is there. Between these steps the link may
end again, on a bad day several times; such an attempt is made again until the program's time is up,
as a controller would do it by itself. What fails at once and again and again is raised.

What is cancelled, or late, leaves nothing of ours behind: what an attempt has made it takes back
itself, and a link that came up at that moment is ended. (Linux may keep one of which BlueZ does not
tell; nothing but switching the adapter off ends that, see `bluez.reaching`.) A program whose time
is up is told at once, however long the system takes for that; another attempt to the same peer
begins when it is done.

Links that were there before. Those of killed programs of ours have been ended when the adapter
opened (`bluez.live_links`); what is left may be in use by another program at this moment. Such a
link is used as any other; when the adapter is closed it is left as it was found. A program that
asks for its end, ends it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from bleio.backends.base import Link
from bleio.backends.capabilities import Capability
from bleio.backends.os.links.client import RemoteClient
from bleio.backends.os.links.errors import (
    SystemRefused,
    SystemStuck,
    connect_error,
    inner_error,
)
from bleio.backends.os.links.link import OsLink
from bleio.backends.os.links.subscriptions import Key
from bleio.backends.os.system import Peers, Peripheral, System, SystemOwner
from bleio.backends.tasks import abandon, to_the_end
from bleio.core.address import DeviceAddress
from bleio.core.codes import HciErrorCode
from bleio.errors import (
    CallerError,
    ConnectTimeout,
    ControllerError,
    ControllerLost,
    InnerError,
    KeysLost,
    LinkLost,
)

if TYPE_CHECKING:
    from bleak import BleakClient

FOR_EVER_S = 1e9  # bleak insists on a time limit; ours is the one that counts
CLOSE_S = 6.0  # all links at once
LEAVE_S = 30.0  # what an attempt undoes has shorter limits, of which bluetoothd needs few
CANCELS = 15
RELEASE_S = 3.0
PAUSE_S = 0.1  # between attempts, doubled each time
MOST_REMEMBERED = 64  # bonded peers whose subscriptions are resumed
MOST_FAILURES = 8  # one after the other, before the link was up
FAST_S = 10.0  # what fails later than this has not failed at once
MOST_LOSSES_BONDED = 3  # of links to a bonded peer in a row, before its services were found
TOLD_ELSEWHERE_S = 1.0

_log = logging.getLogger(__name__)


class Connecting:
    """See the module. `platform`, `peripheral`, `client_for`, `closed`: see `LinkOwner`."""

    def __init__(self, system: System, owner: SystemOwner, peers: Peers) -> None:
        self.peers = peers
        self._system, self._owner = system, owner
        self._links: dict[DeviceAddress, OsLink] = {}
        self._wanted: dict[DeviceAddress, Mapping[Key, tuple[bool, bool]]] = {}  # of bonded peers
        self._asked: set[DeviceAddress] = set()
        # Each with a future that is done when no attempt can succeed any more.
        self._attempts: dict[asyncio.Future[None], asyncio.Future[OsLink]] = {}
        self._leaving: dict[DeviceAddress, asyncio.Future[None]] = {}  # attempts that are over
        self._background: set[asyncio.Future[Any]] = set()
        self._end: ControllerLost | None = None

    @property
    def links(self) -> tuple[OsLink, ...]:
        """The live links."""
        return tuple(self._links.values())

    @property
    def platform(self) -> str:
        return self._system.platform

    @property
    def peripheral(self) -> Peripheral | None:
        able = Capability.SUBSCRIBERS in self._system.capabilities
        return self._system.peripheral if able else None

    # Connecting

    async def connect(self, address: DeviceAddress, timeout_s: float) -> Link:
        """See `Backend.connect`."""
        clock = asyncio.get_running_loop().time
        deadline_s = clock() + timeout_s
        alike = (each for peer, each in self._leaving.items() if peer.octets == address.octets)
        if former := next(alike, None):
            await asyncio.wait({former}, timeout=timeout_s or None)
            if not former.done():
                raise ConnectTimeout
        if self.link_to(address) is not None or self.is_ours(address):
            raise ControllerError(HciErrorCode.CONNECTION_ALREADY_EXISTS, "Connecting")
        self._end = None
        self._asked.add(address)
        attempt = asyncio.ensure_future(self._attempt(address))
        over = asyncio.get_running_loop().create_future()
        self._attempts[over] = attempt
        either: set[asyncio.Future[Any]] = {attempt, over}
        try:
            left_s = max(0.001, deadline_s - clock()) if timeout_s else None
            await asyncio.wait(either, timeout=left_s, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            await asyncio.wait({self._leave(address, attempt)}, timeout=CLOSE_S)
            raise
        finally:
            del self._attempts[over]
        if not attempt.done():
            self._leave(address, attempt)
            raise self._end or ConnectTimeout
        self._asked.discard(address)
        if attempt.cancelled():
            raise self._end or ConnectTimeout
        return attempt.result()

    def _leave(
        self, address: DeviceAddress, attempt: asyncio.Future[OsLink]
    ) -> asyncio.Future[None]:
        """Take an attempt back, which the next one to that peer waits for."""
        leaving = self._leaving[address] = self._spawn(self._take_back(address, attempt))
        return leaving

    async def _take_back(self, address: DeviceAddress, attempt: asyncio.Future[OsLink]) -> None:
        """Cancel an attempt and wait until nothing is left of it, within bounds.

        More than once: `wait_for` forgets of being cancelled when its call ends at that moment.
        What undoes something takes no notice of it; were it left behind, it would end the link
        that the next attempt makes.
        """
        try:
            for _ in range(CANCELS):
                attempt.cancel()
                await asyncio.wait({attempt}, timeout=LEAVE_S / CANCELS)
                if attempt.done():
                    break
            if attempt.done() and not attempt.cancelled() and attempt.exception() is None:
                await attempt.result().disconnect()
            abandon(attempt)
        finally:
            self._asked.discard(address)
            del self._leaving[address]

    async def _attempt(self, address: DeviceAddress) -> OsLink:
        """Try until there is a link. Raises: InnerError for what fails again and again."""
        failures = losses = 0
        clock = asyncio.get_running_loop().time
        while True:
            began_s, reason = clock(), "the link ended at once"
            try:
                return await self._try(address)
            except LinkLost:
                losses += 1
                if losses >= MOST_LOSSES_BONDED and self.peers.security(address).has_keys:
                    raise KeysLost from None
            except (CallerError, ControllerLost, KeysLost, SystemStuck):
                raise
            except InnerError as error:
                losses, reason = 0, str(error) or "it was not found"
            # Silence is no failure: a peer may come hours later.
            failures = 1 if clock() - began_s > FAST_S else failures + 1
            if failures >= MOST_FAILURES:
                raise SystemRefused(f"{self.platform} cannot connect to {address}: {reason}")
            await asyncio.sleep(PAUSE_S * 2 ** min(failures, 4))

    async def _try(self, address: DeviceAddress) -> OsLink:
        """Make a link, or leave nothing behind. Raises: InnerError."""
        try:
            device = await self.peers.reach(address)
        except Exception as error:
            raise connect_error(error) from None
        made: list[OsLink] = []
        client = self._client(device, address, made)
        joining = self._spawn(client.connect())
        try:
            # Cancelled, bleak would end the link, which may be another program's.
            await (asyncio.shield(joining) if self.peers.found_connected(address) else joining)
            mtu = await self.peers.tables.mtu(client)
            remote = RemoteClient(self.peers.tables)
            await remote.begin(client)
            await remote.resume(self._wanted.get(address, {}))
            if not client.is_connected:
                raise LinkLost
        except BaseException as error:
            await to_the_end(self._spawn(self._undo(address, client, joining)))
            raise inner_error(error) from None
        link = OsLink(self, address, remote, mtu)
        made.append(link)
        self._add(link)
        return link

    async def _undo(
        self, address: DeviceAddress, client: BleakClient, joining: asyncio.Future[None]
    ) -> None:
        """Nothing came of an attempt. Args: `joining`: bleak's part; failed, it has undone it."""
        if self.peers.found_connected(address):
            await asyncio.wait({joining}, timeout=RELEASE_S)
            abandon(joining)
            await _quietly(self.peers.let_go(address, client), RELEASE_S)
            return
        if not joining.cancelled() and joining.exception() is None:
            await _quietly(client.disconnect(), RELEASE_S)
        await _quietly(self.peers.give_up(address), RELEASE_S)

    def _client(self, device: Any, peer: DeviceAddress, made: list[OsLink]) -> BleakClient:
        """Return bleak's client, which tells of its end the link that was made with it."""
        from bleak import BleakClient

        more: dict[str, Any] = {"winrt": {"address_type": "random" if peer.random else "public"}}
        more.update(self._system.client_arguments())
        ended = partial(self._client_ended, made)
        return BleakClient(device, ended, timeout=FOR_EVER_S, **more)

    def _client_ended(self, made: list[OsLink], client: BleakClient) -> None:
        """bleak says that a link is gone; the system may tell it better in a moment."""
        delay_s = TOLD_ELSEWHERE_S if self.peers.tells_ends else 0.0
        for link in made:
            if delay_s:
                asyncio.get_running_loop().call_later(delay_s, link.close, 0)
            else:
                link.close(0)

    async def client_for(self, link: OsLink) -> BleakClient:
        """See `LinkOwner`."""
        client = self._client(await self.peers.reach(link.peer), link.peer, [link])
        await client.connect()
        return client

    # What the system tells

    def is_ours(self, peer: DeviceAddress) -> bool:
        """See `SystemOwner`."""
        link = self.link_to(peer)
        asked = any(each.octets == peer.octets for each in self._asked)
        return asked or (link is not None and link.is_central)

    def link_to(self, peer: DeviceAddress) -> OsLink | None:
        """Return the live link to a peer, None if there is none.

        BlueZ knows a device by the address alone, so a program's wrong type may have led to it.
        """
        alike = (link for each, link in self._links.items() if each.octets == peer.octets)
        return self._links.get(peer) or next(alike, None)

    def incoming(self, peer: DeviceAddress) -> None:
        """A peer has connected to us."""
        if self.link_to(peer) is None and not self.is_ours(peer):
            self._add(OsLink(self, peer))

    def gone(self, peer: DeviceAddress, reason: int) -> None:
        """The system has no link to that peer any more."""
        link = self.link_to(peer)
        if link is not None:
            link.close(reason)

    def lost(self, error: ControllerLost) -> None:
        """End all links and attempts: the system's Bluetooth is gone."""
        self._end_attempts(error)
        for link in self.links:
            link.close(HciErrorCode.CONNECTION_TIMEOUT)

    def _end_attempts(self, reason: ControllerLost) -> None:
        self._end = reason
        for over in self._attempts:
            if not over.done():
                over.set_result(None)

    # Links

    def _add(self, link: OsLink) -> None:
        self._links[link.peer] = link
        self._owner.events.link_opened(link)

    def closed(self, link: OsLink) -> None:
        """See `LinkOwner`."""
        if self._links.get(link.peer) is link:
            del self._links[link.peer]
        self._wanted.pop(link.peer, None)
        if link.is_central and link.told.has_keys and link.wanted:
            self._wanted[link.peer] = link.wanted
            if len(self._wanted) > MOST_REMEMBERED:
                del self._wanted[next(iter(self._wanted))]
        if link.client is not None:  # it has a connection to the system of its own
            self._spawn(_quietly(link.client.disconnect(), RELEASE_S))
        self._owner.events.link_closed(link)

    def forget_subscriptions(self) -> None:
        """Resume none of former links: bonds have been erased."""
        self._wanted.clear()

    async def close(self) -> None:
        """End all attempts and links, those that were found connected excepted. Bounded."""
        self._end_attempts(ControllerLost("The adapter was closed."))
        ends = [self._spawn(self._end_link(link)) for link in self.links]
        if waiting := {*ends, *self._attempts.values(), *self._leaving.values()}:
            await asyncio.wait(waiting, timeout=CLOSE_S)
        for link in self.links:
            link.close(HciErrorCode.LOCAL_HOST_TERMINATED)
        if self._background:
            await asyncio.wait(set(self._background), timeout=RELEASE_S)
        for task in tuple(self._background):
            abandon(task)

    async def _end_link(self, link: OsLink) -> None:
        if link.client is not None and self.peers.found_connected(link.peer):
            await _quietly(self.peers.let_go(link.peer, link.client), RELEASE_S)
            link.close(HciErrorCode.LOCAL_HOST_TERMINATED)
        else:
            await link.disconnect()

    # Background

    def _spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Future[Any]:
        task = asyncio.ensure_future(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)
        return task


async def _quietly(work: Coroutine[Any, Any, Any], limit_s: float) -> None:
    """Run what is only a wish by now; its failure tells nothing that matters."""
    try:
        await asyncio.wait_for(work, limit_s)
    except Exception as error:  # of bleak's, of any kind
        _log.debug("Letting go of a link: %r", error)
