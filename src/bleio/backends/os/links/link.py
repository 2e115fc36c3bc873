"""One link of an operating system, in either role: a GATT client by bleak.

A link that we made has bleak's client from the start. One that a peer made, to our server, gets one
when a program first asks something of the peer there; most never do, and a client that finds all of
a phone's services would cost it time and power.

Calls and the end. A call of bleak's may take as long as the peer likes, and when the link ends it
fails late, with any error, or not at all. So each call is a task that is waited for together with
the link's end and with ATT's time limit, and whichever is first decides. What a program has
cancelled the system finishes all the same: BlueZ refuses the same call again meanwhile, as if
another program were using the value, and shows what it has read as if it had been sent. So that
call keeps its turn for `LATE_S`, and what comes of it is dropped.

Order. Systems take several calls at once and then refuse some as "in progress", or send them in an
order of their own. Here one call follows the other, as on the air, where ATT has one request at a
time; commands keep their place among them.

A table that changes. A system learns of it by Service Changed, and needs a moment to look. A
request that comes in that moment is refused by a peer with Database Out of Sync; then it waits for
the new table, and is made again if the value is still there (`Peers.settled`, `Peers.is_valid`).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from bleio.backends.base import Link
from bleio.backends.capabilities import Capability
from bleio.backends.os.links.client import RemoteClient
from bleio.backends.os.links.errors import SystemRefused, inner_error
from bleio.backends.os.links.subscriptions import Key
from bleio.backends.os.system import Peers, Peripheral
from bleio.backends.tasks import abandon
from bleio.core.address import DeviceAddress
from bleio.core.codes import HciErrorCode
from bleio.core.security import LinkSecurity
from bleio.errors import CallerError, LinkLost, TransactionTimeout
from bleio.gatt.model import (
    LocalCharacteristic,
    RemoteCharacteristic,
    RemoteListener,
    RemoteService,
    RemoteValue,
)

if TYPE_CHECKING:
    from bleak import BleakClient

_log = logging.getLogger(__name__)

T = TypeVar("T")

TRANSACTION_S = 31.0  # ATT's limit is 30 s, and the system should find that out first
PAIRING_S = 90.0  # a person may be asked on both sides, and SMP allows 30 s between two steps
DISCOVERY_S = 60.0
LATE_S = 5.0  # for the answer to what was cancelled
DISCONNECT_S = 6.0  # bluetoothd waits for 2 s before it disconnects
MIN_MTU = 23


class LinkOwner(Protocol):
    """What has all links."""

    peers: Peers

    @property
    def platform(self) -> str:
        """What sentences about limits call the system."""

    @property
    def peripheral(self) -> Peripheral | None:
        """The peripheral role, if clients can be told apart there."""

    async def client_for(self, link: OsLink) -> BleakClient:
        """Make a connected client for a link that a peer made. Raises: as bleak does."""

    def closed(self, link: OsLink) -> None:
        """The link is gone, and all that waited on it knows."""


class OsLink(Link):
    """See `Link` and the module. Made and ended by `links.connecting`.

    Args: `remote`: of a link that we made; None: a peer made it.
    """

    def __init__(
        self,
        owner: LinkOwner,
        peer: DeviceAddress,
        remote: RemoteClient | None = None,
        mtu: int = MIN_MTU,
    ) -> None:
        self.peer, self.is_central, self.connected = peer, remote is not None, True
        self.told = owner.peers.security(peer)  # what the system has said of its security last
        self.mtu, self.interval_us = mtu, 0
        self.wanted: Mapping[Key, tuple[bool, bool]] = {}  # what it was subscribed to in the end
        self.reason = 0  # of its end, an HCI error code, 0 where the system does not tell
        self._owner = owner
        self._remote = remote or RemoteClient(owner.peers.tables)
        self._turn = asyncio.Lock()
        self._making: asyncio.Future[None] | None = None  # under way
        self._unfinished: asyncio.Future[Any] | None = None  # what was cancelled, and goes on
        self._closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @property
    def security(self) -> LinkSecurity:
        """What it is at this moment; any thread may look."""
        return self._owner.peers.security_now(self.peer, self.told)

    @security.setter
    def security(self, told: LinkSecurity) -> None:
        self.told = told

    @property
    def client(self) -> BleakClient | None:
        """bleak's client, None as long as none was needed."""
        return self._remote.client

    # The client's side

    async def discover(self, uuids: Sequence[bytes] | None) -> list[RemoteService]:
        return await self._call(self._in_turn, DISCOVERY_S, partial(self._remote.discover, uuids))

    async def read(self, value: RemoteValue) -> bytes:
        return await self._call(self._in_turn, TRANSACTION_S, partial(self._remote.read, value))

    async def write(self, value: RemoteValue, octets: bytes) -> None:
        write = partial(self._remote.write, value, octets)
        await self._call(self._in_turn, TRANSACTION_S, write)

    async def write_command(
        self, characteristic: RemoteCharacteristic, octets: bytes, signed: bool = False
    ) -> None:
        """`signed`: a system that signs does so by itself, where the link is not encrypted."""
        if self.connected and len(octets) > self.max_value_octets:
            raise CallerError("Value is too long for a write without response")
        write = partial(self._remote.write_command, characteristic, octets)
        await self._call(self._in_turn, TRANSACTION_S, write)

    async def subscribe(
        self, characteristic: RemoteCharacteristic, notify: bool, indicate: bool
    ) -> None:
        subscribe = partial(self._remote.subscribe, characteristic, notify, indicate)
        await self._call(self._in_turn, TRANSACTION_S, subscribe)

    def listen(self, characteristic: RemoteCharacteristic, listener: RemoteListener) -> None:
        self._remote.subscriptions.listen(characteristic, listener)

    def unlisten(self, characteristic: RemoteCharacteristic, listener: RemoteListener) -> None:
        self._remote.subscriptions.unlisten(characteristic, listener)

    async def pair(self) -> None:
        await self._call(self._pair, PAIRING_S)

    async def _pair(self) -> None:
        self.security = await self._owner.peers.pair(self.peer, self.client)

    async def set_interval(self, interval_us: int) -> None:
        raise self._cannot(Capability.CONNECTION_INTERVAL)

    # A client of our server, where the system tells them apart

    def subscription(self, characteristic: LocalCharacteristic) -> tuple[bool, bool]:
        return self._server().subscription(self, characteristic)

    async def notify(self, characteristic: LocalCharacteristic, value: bytes) -> None:
        self._check_connected()
        await self._server().notify(self, characteristic, value)

    async def indicate(self, characteristic: LocalCharacteristic, value: bytes) -> None:
        self._check_connected()
        await self._server().indicate(self, characteristic, value)

    def _server(self) -> Peripheral:
        if self._owner.peripheral is None:
            raise self._cannot(Capability.SUBSCRIBERS)
        return self._owner.peripheral

    def _cannot(self, capability: Capability) -> NotImplementedError:
        return NotImplementedError(capability.refusal(self._owner.platform))

    # Calls

    def _check_connected(self) -> None:
        if not self.connected:
            raise LinkLost(self.reason)

    async def _call(
        self, call: Callable[..., Coroutine[Any, Any, T]], limit_s: float, *args: Any
    ) -> T:
        """Run a call against the end of the link and a time limit.

        Raises: LinkLost, TransactionTimeout, what the call raises as an inner error.
        """
        self._check_connected()
        task = asyncio.ensure_future(call(*args))
        either: set[asyncio.Future[Any]] = {task, self._closed}
        try:
            await asyncio.wait(either, timeout=limit_s, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            abandon(task)
            raise
        if not task.done():
            abandon(task)
            self._check_connected()
            raise TransactionTimeout
        if task.cancelled():
            self._check_connected()
            raise SystemRefused("The system's Bluetooth has cancelled the call")
        if error := task.exception():
            self._check_connected()  # whatever the error is, it comes of the end
            raise inner_error(error) from None
        return task.result()

    async def _in_turn(self, procedure: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Run a procedure when those before it have ended; the first makes the client."""
        async with self._turn:
            if self._unfinished is not None and not self._unfinished.done():
                await asyncio.wait({self._unfinished})
            while self._remote.client is None:
                if self._making is None:
                    self._making = asyncio.ensure_future(self._make_client())
                await asyncio.shield(self._making)
            running = self._unfinished = asyncio.ensure_future(procedure())
            try:
                return await asyncio.shield(running)
            except asyncio.CancelledError:
                asyncio.get_running_loop().call_later(LATE_S, abandon, running)
                raise

    async def _make_client(self) -> None:
        """Get bleak's client for a link that a peer made.

        It goes on if the call that needs it is cancelled: bleak would end the link, which is the
        peer's.
        """
        try:
            client = await self._owner.client_for(self)
            self.mtu = max(self.mtu, await self._owner.peers.tables.mtu(client))
            await self._remote.begin(client)
        finally:
            self._making = None

    # The end

    async def disconnect(self) -> None:
        if self.connected:
            ending = asyncio.ensure_future(self.end())
            await asyncio.wait(
                {ending, self._closed}, timeout=DISCONNECT_S, return_when=asyncio.FIRST_COMPLETED
            )
            if ending.done() and self.connected and self._owner.peers.tells_ends:
                await asyncio.wait({self._closed}, timeout=1.0)  # told on a way of its own
            abandon(ending)
        self.close(HciErrorCode.LOCAL_HOST_TERMINATED)

    async def end(self) -> None:
        """Ask the system to end the link. What it answers does not matter; the end does."""
        try:
            if self.client is not None:
                await self.client.disconnect()
            else:
                await self._owner.peers.give_up(self.peer)
        except Exception as error:  # of bleak's, of any kind
            _log.debug("Ending the link to %s: %r", self.peer, error)

    def close(self, reason: int) -> None:
        """The link is gone: what waits fails, and listeners, then the owner are told. Idempotent.

        Args: reason: an HCI error code, 0 if it is not known.
        """
        if not self.connected:
            return
        self.connected, self.reason = False, reason
        self._closed.set_result(None)
        for work in filter(None, (self._making, self._unfinished)):
            abandon(work)
        self.wanted = self._remote.subscriptions.wanted
        for listener in self._remote.subscriptions.closed():
            listener.link_closed()
        self._owner.closed(self)
