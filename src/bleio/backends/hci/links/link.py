"""One link: its ATT bearer, signaling and security over ACL data."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from struct import Struct
from typing import TYPE_CHECKING, TypeVar

from bleio.att.client import Procedure
from bleio.att.codec import READ_REQ, WRITE_CMD, WRITE_REQ
from bleio.backends.base import Link
from bleio.backends.hci.bonds.client_memory import ClientMemory
from bleio.backends.hci.bonds.store import Bond
from bleio.backends.hci.controller.opcodes import Opcode
from bleio.backends.hci.links.acl import AclChannel, Reassembler
from bleio.backends.hci.links.l2cap import (
    ATT_CHANNEL,
    SIGNALING_CHANNEL,
    SMP_CHANNEL,
    ConnectionParameters,
    Signaling,
    plausible,
)
from bleio.backends.hci.security.link_security import Security
from bleio.backends.hci.security.peer import LinkPeer
from bleio.core.address import DeviceAddress
from bleio.core.codes import AttErrorCode, HciErrorCode
from bleio.errors import (
    AttError,
    CallerError,
    ControllerError,
    InnerError,
    InvalidParameter,
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

if TYPE_CHECKING:
    from bleio.backends.hci.links.table import LinkTable

T = TypeVar("T")

_log = logging.getLogger(__name__)

MTU_EXCHANGE_S = 5.0  # connect returns after this, whatever the peer does
UPDATE_S = 3.0  # how long set_interval waits for the new interval
DISCONNECT_S = 3.0  # the link counts as gone after this, whatever the controller does

_US_PER_UNIT = 1250
_UPDATE = Struct("<HHHHHHH")  # handle, interval min, max, latency, supervision, CE min, max
_U16 = Struct("<H")


@dataclass(slots=True)
class Established:
    """What LE Connection Complete told."""

    conn_handle: int
    is_central: bool
    peer: DeviceAddress  # the identity, if it is known
    peer_on_air: DeviceAddress
    own_address: DeviceAddress  # on the air
    interval_units: int
    latency: int
    supervision_units: int


class HciLink(Link):
    """See `Link`. Made and ended by the link table."""

    def __init__(self, table: LinkTable, established: Established) -> None:
        self.peer_on_air = established.peer_on_air
        self.is_central = established.is_central
        self.connected = True
        self.conn_handle = established.conn_handle
        self._table = table
        self._reason = 0
        self._closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._updated: asyncio.Future[None] | None = None
        self._updating = asyncio.Lock()
        self._reassembler = Reassembler()
        self.parameters_changed(
            established.interval_units, established.latency, established.supervision_units
        )
        self._signaling = Signaling(
            self.is_central,
            lambda pdu: self._send(SIGNALING_CHANNEL, pdu),
            lambda parameters: table.spawn(self._update(parameters)),
            self._update_answered,
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
        self.bearer = Bearer(
            table.attributes,
            self,
            self.security,
            lambda pdu: self._send(ATT_CHANNEL, pdu),
            asyncio.get_running_loop().call_later,
        )
        self.bearer.on_dead = self._bearer_died
        self._memory = ClientMemory(
            self.bearer,
            table.attributes,
            shared.bonds,
            self.is_central,
            asyncio.get_running_loop().call_later,
        )
        self.bearer.sign_with(self._security.signer)
        self.bearer.believes = self._security.trust.admits

    @property
    def peer(self) -> DeviceAddress:  # type: ignore[override]
        """The peer's identity, from the start or once pairing has told it. Any thread."""
        return self._security.peer.address

    @property
    def mtu(self) -> int:  # type: ignore[override]
        """ATT_MTU, octets. Any thread."""
        return self.bearer.mtu

    def secured(self, bond: Bond) -> None:
        """The link is encrypted with the keys of a bond: its client is known. See
        `SecurityOwner`."""
        self._memory.secured(bond)

    def _bearer_died(self, error: Exception) -> None:
        """Without its bearer the link is of no use."""
        if not isinstance(error, InnerError):
            _log.error("Fault in the ATT bearer of %s", self.peer, exc_info=error)
        self._table.spawn(self.disconnect())

    # What the link table calls

    def opened(self) -> None:
        """The link is in the table: its security may start."""
        self._table.security.add(self._security)
        self._security.encrypt_if_bonded()

    def received(self, continues: bool, fragment: bytes) -> None:
        """Take one ACL packet."""
        whole = self._reassembler.feed(continues, fragment)
        if whole is None:
            return
        channel, payload = whole
        if channel == ATT_CHANNEL:
            self.bearer.received(payload)
        elif channel == SMP_CHANNEL:
            self._security.received(payload)
        elif channel == SIGNALING_CHANNEL:
            self._signaling.received(payload)
        else:
            self._table.layer.counters.ignored += 1

    def parameters_changed(self, interval: int, latency: int, supervision: int) -> None:
        """Take the parameters in force, in units of the specification."""
        self.interval_us = interval * _US_PER_UNIT
        self._latency = latency
        self._supervision = supervision
        self.update_ended()

    def update_ended(self) -> None:
        """A parameter update has ended, one way or the other."""
        if self._updated is not None and not self._updated.done():
            self._updated.set_result(None)

    def closed(self, reason: int) -> None:
        """The link is gone: everything that waits on it fails."""
        self.connected = False
        self._reason = reason
        self._memory.close()
        self._table.security.remove(self._security, reason)
        self.bearer.closed(reason)
        self.update_ended()
        self._closed.set_result(None)

    async def exchange_mtu(self) -> None:
        """Agree on a larger MTU; if the peer does not, it stays as it is."""
        try:
            await self._run(self.bearer.exchange_mtu(), MTU_EXCHANGE_S)
        except LinkLost:
            raise
        except InnerError:
            return

    # GATT

    async def discover(self, uuids: Sequence[bytes] | None) -> list[RemoteService]:
        return await self._run(self.bearer.discover(uuids), STEP_LIMIT_S)

    async def read(self, value: RemoteValue) -> bytes:
        handle = value.handle
        await self._admitted(READ_REQ, handle)
        return await self._run(self.bearer.read(handle))

    async def write(self, value: RemoteValue, octets: bytes) -> None:
        handle = value.handle
        await self._admitted(WRITE_REQ, handle)
        await self._run(self.bearer.write(handle, octets))

    async def write_command(
        self, characteristic: RemoteCharacteristic, octets: bytes, signed: bool = False
    ) -> None:
        handle = characteristic.handle
        await self._admitted(WRITE_CMD, handle, signed and self._security.signer.can_sign)
        await self._send_when_room(lambda: self.bearer.write_command(handle, octets, signed))

    async def subscribe(
        self, characteristic: RemoteCharacteristic, notify: bool, indicate: bool
    ) -> None:
        cccd = cccd_of(characteristic)
        if cccd is None:
            raise CallerError("No CCCD for this Characteristic")
        await self.write(cccd, _U16.pack(notify * NOTIFY_BIT | indicate * INDICATE_BIT))

    async def _admitted(self, opcode: int, handle: int, signed: bool = False) -> None:
        """Wait for encryption that is under way. Raises: AttError for a value that needs it, and
        for one that is there no more, which a peer could still answer for."""
        if handle == 0:
            raise AttError(AttErrorCode.INVALID_HANDLE, opcode, handle)
        name = self.bearer.name(handle)  # as it was asked for; the table may change meanwhile
        await self._security.encryption.under_way()
        if not self._security.trust.admits(name, signed):
            raise AttError(AttErrorCode.INSUFFICIENT_ENCRYPTION, opcode, handle)

    async def notify(self, characteristic: LocalCharacteristic, value: bytes) -> None:
        handle = characteristic.handle
        await self._send_when_room(lambda: self.bearer.notify(handle, value))

    async def indicate(self, characteristic: LocalCharacteristic, value: bytes) -> None:
        self._check_connected()
        confirmed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def done(error: Exception | None) -> None:
            if confirmed.done():
                return
            if error is None:
                confirmed.set_result(None)
            else:
                confirmed.set_exception(error)

        self.bearer.indicate(characteristic.handle, value, done)
        await confirmed

    def subscription(self, characteristic: LocalCharacteristic) -> tuple[bool, bool]:
        return self.bearer.subscription(characteristic)

    def listen(self, characteristic: RemoteCharacteristic, listener: RemoteListener) -> None:
        self.bearer.listen(characteristic.handle, listener)

    def unlisten(self, characteristic: RemoteCharacteristic, listener: RemoteListener) -> None:
        self.bearer.unlisten(characteristic.handle, listener)

    # GAP

    async def pair(self) -> None:
        self._check_connected()
        await self._security.pair()

    async def set_interval(self, interval_us: int) -> None:
        """Returns when the interval is in force or refused, at the latest 3 s after its turn."""
        self._check_connected()
        units = interval_us // _US_PER_UNIT
        if not 6 <= units <= 3200:
            raise InvalidParameter("Invalid BLE parameter")
        async with self._updating:  # a link has one update at a time
            self._check_connected()
            await self._change((units, units, self._latency, self._supervision))

    async def _change(self, parameters: ConnectionParameters) -> None:
        """Ask for other parameters and wait for the outcome."""
        if not plausible(parameters):
            return  # the controller would refuse it: supervision is too short for it
        self._updated = asyncio.get_running_loop().create_future()
        if self.is_central:
            await self._update(parameters)
        else:
            self._signaling.request_update(parameters)
        await asyncio.wait({self._updated}, timeout=UPDATE_S)

    async def disconnect(self) -> None:
        if self.connected:
            parameters = _U16.pack(self.conn_handle) + bytes((HciErrorCode.REMOTE_USER_TERMINATED,))
            # Refused if it is being closed already: then the event is on the way.
            with suppress(ControllerError):
                await self._table.layer.request(Opcode.DISCONNECT, parameters)
            await asyncio.wait({self._closed}, timeout=DISCONNECT_S)
        if self.connected:
            self._table.close_link(self, HciErrorCode.LOCAL_HOST_TERMINATED)

    async def _update(self, parameters: ConnectionParameters) -> None:
        """Have the controller change the connection's parameters."""
        try:
            await self._table.layer.request(
                Opcode.LE_CONNECTION_UPDATE, _UPDATE.pack(self.conn_handle, *parameters, 0, 0)
            )
        except ControllerError:
            self.update_ended()  # refused: the old ones stay

    def _update_answered(self, accepted: bool) -> None:
        if not accepted:
            self.update_ended()

    def _send(self, channel: int, pdu: bytes) -> None:
        self._table.acl.send(self.conn_handle, channel, pdu)

    def _check_connected(self) -> None:
        if not self.connected:
            raise LinkLost(self._reason)

    async def _send_when_room(self, send: Callable[[], None]) -> None:
        self._check_connected()
        await self._table.acl.when_room(self.conn_handle, send)

    async def _run(self, procedure: Procedure[T], step_limit_s: float = 30.0) -> T:
        """Run a client procedure on the bearer; cancelling abandons it."""
        outcome: asyncio.Future[T] = asyncio.get_running_loop().create_future()

        def done(result: T, error: Exception | None) -> None:
            if outcome.done():
                return
            if error is None:
                outcome.set_result(result)
            else:
                outcome.set_exception(error)

        job = self.bearer.run(procedure, done, step_limit_s)
        try:
            return await outcome
        except asyncio.CancelledError:
            self.bearer.abandon(job, CallerError("The call was cancelled"))
            raise
