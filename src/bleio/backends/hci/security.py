"""Link security: encryption, pairing in both roles, and the bonds that outlast a link.

Spec: Vol 3, Part H, 2.4; Vol 3, Part C, 10.3. Pairing itself is bumble's, see `smp_bumble`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from struct import Struct
from typing import Any

from bleio.backends.hci.bonds import Bond, BondStore
from bleio.backends.hci.layer import HciLayer
from bleio.backends.hci.opcodes import Event, LeEvent, Opcode
from bleio.backends.hci.smp_bumble import SmpConnection, SmpManager, session_strength
from bleio.core.address import DeviceAddress
from bleio.core.codes import HciErrorCode
from bleio.core.security import LinkSecurity
from bleio.errors import InnerError, LinkLost, PairingFailed

_log = logging.getLogger(__name__)

SMP_TIMEOUT_S = 30.0  # Vol 3, Part H, 3.4

_CHANGE = Struct("<BHB")  # status, handle, enabled
_REFRESH = Struct("<BH")  # status, handle
_KEY_REQUEST = Struct("<H8sH")  # handle, Rand, EDIV
_ENABLE = Struct("<H8sH16s")  # handle, Rand, EDIV, key
_U16 = Struct("<H")


class Security:
    """The security of one link; `link` is what its bearer goes by."""

    def __init__(
        self,
        manager: SecurityManager,
        conn_handle: int,
        is_central: bool,
        own_address: DeviceAddress,
        peer_address: DeviceAddress,
        peer_on_air: DeviceAddress,
        send: Callable[[bytes], None],
        drained: Callable[[], Awaitable[None]],
    ) -> None:
        self.link = LinkSecurity()
        self.conn_handle = conn_handle
        self.is_central = is_central
        self.own_address = own_address  # on the air
        self.peer_address = peer_address  # the identity, once it is known
        self.peer_on_air = peer_on_air
        self.send = send
        self.drained = drained
        self.connection = SmpConnection(self)
        self._manager = manager
        self._waiters: set[asyncio.Future[None]] = set()
        self._encrypting: Bond | None = None  # with whose key, until the controller answers
        self._busy = False  # something of ours is under way
        self._timer: asyncio.TimerHandle | None = None
        bond = self._bond()
        self.link.has_keys = bond is not None

    # Asked for by us

    async def pair(self) -> None:
        """Get the link encrypted: by stored keys, else by pairing. See `Link.pair`.

        Stored keys that the peer does not know any more are replaced by a new pairing.
        """
        if self.link.encrypted:
            return
        self._begin()
        outcome: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.add(outcome)
        try:
            await outcome
        finally:
            self._waiters.discard(outcome)

    def encrypt_if_bonded(self) -> None:
        """Start encryption with stored keys, as a central does on a new link; nobody waits."""
        if self.is_central and self._bond() is not None and not self.link.encrypted:
            self._begin()

    def _begin(self) -> None:
        """Start what leads to encryption, unless that is under way already."""
        if self._busy or self._manager.smp.session_of(self.conn_handle) is not None:
            return
        self._busy = True
        self._restart_timer()
        if not self.is_central:
            self._manager.smp.request_security(self.connection)
        elif (bond := self._bond()) is not None:
            self._encrypting = bond
            self._manager.spawn(self._encrypt(bond.rand, bond.ediv, bond.ltk))
        else:
            self._manager.spawn(self._pair())

    async def _encrypt(self, rand: bytes, ediv: int, key: bytes) -> None:
        parameters = _ENABLE.pack(self.conn_handle, rand, ediv, key)
        try:
            await self._manager.layer.request(Opcode.LE_ENABLE_ENCRYPTION, parameters)
        except InnerError as error:
            self._encrypting = None
            self.step_failed(error)

    async def _pair(self) -> None:
        try:
            await self._manager.smp.initiate(self.connection)
        except asyncio.CancelledError:
            pass  # the link is gone, and `closed` tells the waiters
        except Exception as error:
            self.step_failed(error)

    # From the peer

    def received(self, pdu: bytes) -> None:
        """Take one SMP PDU."""
        if self._timer is not None:
            self._restart_timer()
        self._manager.smp.received(self.connection, pdu)

    def peer_requests_security(self) -> None:
        """Take a Security Request: encrypt or pair, so that a peripheral's `pair` works."""
        if self.is_central and not self.link.encrypted:
            self._begin()

    def long_term_key(self, rand: bytes, ediv: int) -> bytes | None:
        """Give the key for encryption that the central starts."""
        session = self._manager.smp.session_of(self.conn_handle)
        key: bytes | None = None
        if session is not None:
            # A session that has not come so far has no key attribute at all.
            key = session.get_long_term_key(rand, ediv) if hasattr(session, "ltk") else None
        bond = self._bond()
        if key is None and bond is not None and (bond.rand, bond.ediv) == (rand, ediv):
            self._encrypting = bond
            key = bond.ltk
        return key

    # From bumble's sessions

    def pairing_started(self) -> None:
        """A session has begun, ours or the peer's."""
        self._restart_timer()

    def encrypt_with(self, key: bytes) -> None:
        """A session as central has made its key."""
        self._manager.spawn(self._encrypt(bytes(8), 0, key))

    def pairing_failed(self, reason: int) -> None:
        """A session has failed. `reason`: the SMP reason octet."""
        self._finish(PairingFailed(reason))

    def step_failed(self, error: BaseException) -> None:
        """Something of ours failed during pairing."""
        if not isinstance(error, InnerError):
            _log.debug("Pairing step failed", exc_info=error)
        self._finish(error if isinstance(error, InnerError) else PairingFailed())

    async def paired(self, bond: Bond, bonding: bool) -> None:
        """A session has distributed all keys; it counts once ours have left the controller."""
        if bonding:
            self._manager.bonds.save(bond, self.is_central)
        self.peer_address = bond.identity
        self.link.has_keys = True
        await self.drained()
        self._finish(None)

    # From the controller

    def encryption_changed(self, status: int, enabled: bool, key_octets: int) -> None:
        """Take Encryption Change or Encryption Key Refresh Complete."""
        bond, self._encrypting = self._encrypting, None
        if status != HciErrorCode.SUCCESS:
            self._encryption_refused(status, bond)
            return
        session = self._manager.smp.session_of(self.conn_handle)
        link = self.link
        link.encrypted = enabled
        if session is not None:
            link.authenticated, link.secure_connections = session_strength(session)
        elif bond is not None:
            link.authenticated = bond.authenticated
            link.secure_connections = bond.secure_connections
        link.key_size = key_octets or (bond.key_octets if bond else 16)
        self.connection.emit(self.connection.EVENT_CONNECTION_ENCRYPTION_CHANGE)
        if session is None and enabled:
            self._finish(None)

    def _encryption_refused(self, status: int, bond: Bond | None) -> None:
        keys_lost = bond is not None and status == HciErrorCode.PIN_OR_KEY_MISSING
        if keys_lost and self.is_central and self._waiters:  # somebody asked to pair
            self._manager.spawn(self._pair())
        else:
            self._finish(PairingFailed())

    def erased(self) -> None:
        """All bonds were erased: the link counts as unpaired from now on."""
        link = self.link
        link.encrypted = link.authenticated = link.secure_connections = link.has_keys = False
        link.key_size = 0

    def closed(self, reason: int) -> None:
        """The link is gone."""
        self.connection.emit(self.connection.EVENT_DISCONNECTION, reason)
        self.link.encrypted = False
        self._finish(LinkLost(reason))

    def _bond(self) -> Bond | None:
        return self._manager.bonds.find(self.peer_address, self.is_central)

    def _finish(self, error: InnerError | None) -> None:
        self._busy = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        waiters, self._waiters = self._waiters, set()
        for waiter in waiters:
            if waiter.done():
                continue
            if error is None:
                waiter.set_result(None)
            else:
                waiter.set_exception(error)

    def _restart_timer(self) -> None:
        """Bound the time from one SMP PDU to the next. Spec: Vol 3, Part H, 3.4."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(SMP_TIMEOUT_S, self._timed_out)

    def _timed_out(self) -> None:
        self._timer = None
        self._manager.smp.abort(self.conn_handle)
        self._finish(PairingFailed())


class SecurityManager:
    """The security of all links of one controller."""

    def __init__(
        self,
        layer: HciLayer,
        bonds: BondStore,
        identity: Callable[[], DeviceAddress],
        spawn: Callable[[Coroutine[Any, Any, Any]], None],
    ) -> None:
        self.layer = layer
        self.bonds = bonds
        self.identity = identity
        self.spawn = spawn
        self.irk = bonds.irk()
        self.smp = SmpManager(self)
        self._links: dict[int, Security] = {}
        layer.events[Event.ENCRYPTION_CHANGE] = self._encryption_change
        layer.events[Event.ENCRYPTION_CHANGE_V2] = self._encryption_change
        layer.events[Event.ENCRYPTION_KEY_REFRESH_COMPLETE] = self._key_refresh
        layer.le_events[LeEvent.LONG_TERM_KEY_REQUEST] = self._long_term_key_request

    def find(self, conn_handle: int) -> Security | None:
        """Give the security of a link that is up."""
        return self._links.get(conn_handle)

    def add(self, security: Security) -> None:
        """A link is up."""
        self._links[security.conn_handle] = security

    def remove(self, security: Security, reason: int) -> None:
        """A link is gone."""
        self._links.pop(security.conn_handle, None)
        security.closed(reason)

    def erase_bonds(self) -> None:
        """Forget all bonds."""
        self.bonds.erase()
        for security in self._links.values():
            security.erased()

    def _encryption_change(self, event: bytes) -> None:
        status, conn_handle, enabled = _CHANGE.unpack_from(event)
        key_octets = event[4] if len(event) > 4 else 0
        self._changed(conn_handle, status, bool(enabled), key_octets)

    def _key_refresh(self, event: bytes) -> None:
        status, conn_handle = _REFRESH.unpack_from(event)
        self._changed(conn_handle, status, True, 0)

    def _changed(self, conn_handle: int, status: int, enabled: bool, key_octets: int) -> None:
        security = self._links.get(conn_handle)
        if security is None:
            self.layer.counters.unknown_handles += 1
        else:
            security.encryption_changed(status, enabled, key_octets)

    def _long_term_key_request(self, event: bytes) -> None:
        conn_handle, rand, ediv = _KEY_REQUEST.unpack_from(event)
        security = self._links.get(conn_handle)
        key = security.long_term_key(rand, ediv) if security is not None else None
        head = _U16.pack(conn_handle)
        if key is not None:
            reply = self.layer.request(Opcode.LE_LONG_TERM_KEY_REQUEST_REPLY, head + key)
        else:
            reply = self.layer.request(Opcode.LE_LONG_TERM_KEY_REQUEST_NEGATIVE_REPLY, head)
        self.spawn(reply)
