"""One link: its ATT bearer, security, signaling and parameters over ACL data.

A link is the place where its parts meet, and little else. Each has a module of its own and knows
nothing of the others; what one must know of another goes through here, by the protocols of which
the link is the owner. That the security has used a bond (`secured`) tells the client's memory whose
subscriptions to restore; that a client has configured something tells the memory to save it; that
the bearer has died ends the link. Were these wired to each other directly, each would have to be
made before the other.

What programs call (`Link`) are coroutines; what comes from the controller (`received`, `closed`)
are calls that do not wait. A call for a link that is gone raises LinkLost with the reason, and all
that waits on a link when it goes fails with the same: the bearer's procedures, senders that wait
for room, a pairing. The table calls `closed` once, for whichever reason.

What may surprise:

- A value is not asked for, nor written, before it is known whether the link will be encrypted. A
  central starts encryption with a bonded peer at once, and a read that overtakes it would go in the
  clear, where anybody could answer it (`_admitted`).
- `disconnect` is bounded. A controller that does not answer, or whose peer is out of reach until
  the supervision time-out, holds a program for `DISCONNECT_S`; then the link counts as gone here.
- The peer's address may change while the link is up, from the one on the air to its identity.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from struct import Struct
from typing import Any, Protocol

from bleio.att.codec import READ_REQ, WRITE_CMD, WRITE_REQ
from bleio.backends.base import Link, light
from bleio.backends.hci.bonds.client_memory import ClientMemory
from bleio.backends.hci.bonds.store import Bond, known
from bleio.backends.hci.controller.layer import HciLayer
from bleio.backends.hci.controller.opcodes import Opcode
from bleio.backends.hci.links import calls
from bleio.backends.hci.links.acl import AclChannel, AclQueue, Reassembler
from bleio.backends.hci.links.closing import Remains
from bleio.backends.hci.links.l2cap import ATT_CHANNEL, SIGNALING_CHANNEL, SMP_CHANNEL
from bleio.backends.hci.links.parameters import LinkParameters
from bleio.backends.hci.links.room import Room
from bleio.backends.hci.own_device import OwnDevice
from bleio.backends.hci.security.held import att_waits
from bleio.backends.hci.security.link_security import Security
from bleio.backends.hci.security.manager import SecurityManager
from bleio.backends.hci.security.peer import LinkPeer
from bleio.core.address import DeviceAddress
from bleio.core.codes import AttErrorCode, HciErrorCode
from bleio.errors import (
    AttError,
    CallerError,
    ControllerError,
    InnerError,
    LinkLost,
)
from bleio.gatt.attributes import INDICATE_BIT, NOTIFY_BIT
from bleio.gatt.bearer import Bearer
from bleio.gatt.discovery import STEP_LIMIT_S
from bleio.gatt.model import (
    LocalCharacteristic,
    RemoteCharacteristic,
    RemoteListener,
    RemoteService,
    RemoteValue,
    cccd_of,
)
from bleio.gatt.table import AttributeTable

_log = logging.getLogger(__name__)

DISCONNECT_S = 3.0  # the link counts as gone after this, whatever the controller does

_U16 = Struct("<H")


@dataclass(slots=True)
class Established:
    """What LE Connection Complete told, with addresses resolved as far as they can be."""

    conn_handle: int
    is_central: bool
    peer: DeviceAddress  # the identity, if it is known
    peer_on_air: DeviceAddress
    own_address: DeviceAddress  # on the air
    interval_units: int
    latency: int
    supervision_units: int


class LinkOwner(Protocol):
    """The table of all links of a controller, and what they share."""

    own: OwnDevice
    layer: HciLayer
    acl: AclQueue
    attributes: AttributeTable
    security: SecurityManager

    @property
    def spawn(self) -> Callable[[Coroutine[Any, Any, Any]], object]:
        """Run something that nobody waits for."""

    def ending(self, link: HciLink) -> None:
        """A link is about to be ended."""

    def close_link(self, link: HciLink, reason: int) -> None:
        """A link is gone, also if the controller has not told it."""


class HciLink(Link):
    """See `Link`. Made and ended by the link table."""

    def __init__(self, table: LinkOwner, established: Established, room: Room) -> None:
        self.peer_on_air = established.peer_on_air
        self.is_central = established.is_central
        self.connected = True
        self.conn_handle = established.conn_handle
        self._table = table
        self.reason = 0  # why it is gone, an HCI error code
        self._closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.room: Room = room
        self._reassembler = Reassembler(table.layer.counters)
        self.parameters = LinkParameters(
            table.layer,
            self.conn_handle,
            self.is_central,
            AclChannel(table.acl, self.conn_handle, SIGNALING_CHANNEL),
            table.spawn,
        )
        self.parameters.now_in_force(
            established.interval_units, established.latency, established.supervision_units
        )
        shared = table.security.shared
        self._security = Security(
            shared,
            self.conn_handle,
            self.is_central,
            established.own_address,
            LinkPeer(shared, self.is_central, established.peer, established.peer_on_air),
            AclChannel(table.acl, self.conn_handle, SMP_CHANNEL),
            self,
        )
        self.security = self._security.link
        self.encryption = self._security.encryption
        self._held = self.encryption.held
        self.bearer = Bearer(
            table.attributes,
            self,
            self._security,
            partial(table.acl.send, self.conn_handle, ATT_CHANNEL),
            asyncio.get_running_loop(),
            table.layer.counters.att,
            table.own.limits.mtu,
        )
        self._memory = ClientMemory(
            self.bearer,
            table.attributes,
            shared.bonds,
            self.is_central,
            asyncio.get_running_loop().call_later,
        )

    @property
    def peer(self) -> DeviceAddress:  # type: ignore[override]
        """The peer's identity, from the start or once pairing has told it. Any thread."""
        return self._security.peer.address

    @property
    def mtu(self) -> int:  # type: ignore[override]
        """ATT_MTU, octets. Any thread."""
        return self.bearer.mtu

    @property
    def interval_us(self) -> int:  # type: ignore[override]
        """The connection interval in force. Any thread."""
        return self.parameters.interval_us

    # What its parts tell: `SecurityOwner` and `BearerLink`

    def secured(self, bond: Bond) -> None:
        """Encrypted with the keys of a bond, so the client is known."""
        self._memory.secured(bond)

    def client_configured(self) -> None:
        self._memory.changed()

    def bearer_died(self, error: Exception) -> None:
        """Without its bearer the link is of no use."""
        if not isinstance(error, InnerError):
            _log.error("Fault in the ATT bearer of %s", self.peer, exc_info=error)
        self._table.spawn(self.disconnect())

    # What the link table calls

    def opened(self) -> None:
        """The link is in the table: its security may start.

        Not in the constructor: what is told of a link must find it, whole and in its place.
        """
        self._table.security.add(self._security)
        self._security.encrypt_if_bonded()

    def received(self, continues: bool, fragment: bytes) -> None:
        """Take one ACL packet. Data plane: each part takes what is its own, or counts it."""
        whole = self._reassembler.feed(continues, fragment)
        if whole is None:
            return
        channel, payload = whole
        if channel == ATT_CHANNEL:
            if self._held.waits and att_waits(payload, self.is_central):
                self._held.hold(self.bearer.received, payload)
            else:
                self.bearer.received(payload)
        elif channel == SMP_CHANNEL:
            self._security.received(payload)
        elif channel == SIGNALING_CHANNEL:
            self.parameters.signaling.received(payload)
        else:
            self._table.layer.counters.ignored += 1

    def closed(self, reason: int) -> Remains:
        """The link is gone: everything that waits on it fails. Returns: what may still take data.

        In this order: the client's state is saved while its bearer still has it, and programs hear
        of the end (by the bearer's listeners) when `connected` says so already.
        """
        self.connected = False
        self.reason = reason
        self._memory.close()
        self._table.security.remove(self._security, reason)
        self.bearer.closed(reason)
        self.parameters.closed()
        self._closed.set_result(None)
        return Remains(self._reassembler, self.bearer, self._security)

    # GATT

    @light
    async def discover(self, uuids: Sequence[bytes] | None) -> list[RemoteService]:
        return await calls.run(self.bearer, self.bearer.client.discover(uuids), STEP_LIMIT_S)

    @light
    async def read(self, value: RemoteValue) -> bytes:
        handle = value.handle
        await self._admitted(READ_REQ, handle)
        try:
            return await calls.run(self.bearer, self.bearer.client.read(handle))
        except AttError as error:
            raise self._security.refusal(error) from None

    @light
    async def write(self, value: RemoteValue, octets: bytes) -> None:
        handle = value.handle
        await self._admitted(WRITE_REQ, handle)
        try:
            await calls.run(self.bearer, self.bearer.client.write(handle, octets))
        except AttError as error:
            raise self._security.refusal(error) from None

    @light
    async def write_command(
        self, characteristic: RemoteCharacteristic, octets: bytes, signed: bool = False
    ) -> None:
        handle = characteristic.handle
        await self._admitted(WRITE_CMD, handle, signed and self._security.signer.can_sign)
        self._check_connected()
        write = self.bearer.client.write_command
        await calls.send(self.room, partial(write, handle, octets, signed))

    @light
    async def subscribe(
        self, characteristic: RemoteCharacteristic, notify: bool, indicate: bool
    ) -> None:
        # Over HCI subscribing is a write like any other; other backends have a call of their own.
        cccd = cccd_of(characteristic)
        if cccd is None:
            raise CallerError("No CCCD for this Characteristic")
        await self.write(cccd, _U16.pack(notify * NOTIFY_BIT | indicate * INDICATE_BIT))

    async def _admitted(self, opcode: int, handle: int, signed: bool = False) -> None:
        """Wait for encryption that is under way. Raises: AttError for a value that needs it, and
        for one that is there no more, which a peer could still answer for."""
        if handle == 0:
            raise AttError(AttErrorCode.INVALID_HANDLE, opcode, handle)
        # As it was asked for; the table may change meanwhile.
        name = self.bearer.client.remote.name(handle)
        await self.encryption.under_way()
        if not self._security.trust.admits(name, signed):
            raise self._security.refusal(
                AttError(AttErrorCode.INSUFFICIENT_ENCRYPTION, opcode, handle)
            )

    @light
    async def notify(self, characteristic: LocalCharacteristic, value: bytes) -> None:
        handle = characteristic.handle  # as it is now; it may be removed meanwhile
        if not self.connected:
            raise LinkLost(self.reason)
        teller = self.bearer.teller
        if self.room.free:
            teller.notify(handle, value)
        else:
            notify = partial(teller.notify_subscriber, characteristic, handle, value)
            await calls.send(self.room, notify)

    @light
    async def indicate(self, characteristic: LocalCharacteristic, value: bytes) -> None:
        self._check_connected()
        await calls.indicate(self.bearer.teller, self.room, characteristic, value)

    def subscription(self, characteristic: LocalCharacteristic) -> tuple[bool, bool]:
        return self.bearer.subscription(characteristic)

    def listen(self, characteristic: RemoteCharacteristic, listener: RemoteListener) -> None:
        self.bearer.client.remote.listen(characteristic.handle, listener)

    def unlisten(self, characteristic: RemoteCharacteristic, listener: RemoteListener) -> None:
        self.bearer.client.remote.unlisten(characteristic.handle, listener)

    # GAP

    async def pair(self) -> None:
        self._check_connected()
        await known(self._table.security.shared.bonds)
        self._check_connected()
        await self._security.pair()

    async def set_interval(self, interval_us: int) -> None:
        self._check_connected()
        await self.parameters.set_interval(interval_us, self._check_connected)

    async def disconnect(self) -> None:
        if self.connected:
            self._table.ending(self)
            parameters = _U16.pack(self.conn_handle) + bytes((HciErrorCode.REMOTE_USER_TERMINATED,))
            # Refused if it is being closed already: then the event is on the way.
            with suppress(ControllerError):
                await self._table.layer.request(Opcode.DISCONNECT, parameters)
            await asyncio.wait({self._closed}, timeout=DISCONNECT_S)
        if self.connected:
            self._table.close_link(self, HciErrorCode.LOCAL_HOST_TERMINATED)

    def _check_connected(self) -> None:
        if not self.connected:
            raise LinkLost(self.reason)
