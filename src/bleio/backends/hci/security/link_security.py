"""The security of one link: encryption, pairing in both roles, and bonds.

Spec: Vol 3, Part H, 2.4; Vol 3, Part C, 10.3. A pairing itself is in `smp`; here is when one
begins, what its keys or those of a bond are used for, and what its end means.

A bond is only ever replaced by a pairing that is at least as strong and has succeeded. A peer
without its keys may be another device.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from struct import Struct
from typing import TYPE_CHECKING

from bleio.backends.hci.bonds.store import Bond
from bleio.backends.hci.controller.opcodes import Opcode
from bleio.backends.hci.security.signing import BondSigner
from bleio.backends.hci.security.smp import pdu
from bleio.backends.hci.security.smp.pairing import Pairing
from bleio.backends.hci.security.smp.pdu import AuthReq, Reason
from bleio.backends.hci.security.smp.session import Session
from bleio.backends.hci.security.smp.steps import Ends
from bleio.backends.hci.security.trust import LinkTrust
from bleio.core.address import DeviceAddress
from bleio.core.codes import HciErrorCode
from bleio.core.pairing import IoCapability
from bleio.core.security import LinkSecurity
from bleio.errors import InnerError, KeysLost, LinkLost, PairingFailed

if TYPE_CHECKING:
    from bleio.backends.hci.security.manager import SecurityManager

SMP_TIMEOUT_S = 30.0  # Vol 3, Part H, 3.4
# A central that finds that we lost its keys may pair anew by itself; then it does so soon.
PAIR_ANEW_S = 2.0
# Values wait this long for encryption that has been started; the link layer's own limit.
ENCRYPTION_S = 40.0

_ENABLE = Struct("<H8sH16s")  # handle, Rand, EDIV, key


class Security:
    """The security of one link; `link` is what its bearer goes by.

    `on_secured(bond)` is called each time the link is encrypted with keys of a bond.
    """

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
        self.on_secured: Callable[[Bond], None] = lambda bond: None
        self._manager = manager
        self._send = send
        self._drained = drained
        self._session: Session | None = None
        self._waiters: set[asyncio.Future[None]] = set()
        self._keys_in_use: Bond | Pairing | None = None  # of an encryption that is being started
        self._busy = False  # something of ours is under way
        self._paired = False  # on this link
        self._keys_lost = False  # one side did not know the keys of the bond
        self._silent = False  # SMP has timed out on this link, which ends it
        self._timer: asyncio.TimerHandle | None = None
        self._settled = asyncio.Event()  # no encryption with stored keys is being started
        self._settled.set()
        self.link.has_keys = self.bond is not None
        self.trust = LinkTrust(
            manager.encrypted_values, self.link, lambda: self.peer_address, manager.settings
        )
        self.signer = BondSigner(
            lambda: self.bond, lambda bond: manager.bonds.save(bond, is_central)
        )

    @property
    def bond(self) -> Bond | None:
        """The bond with this peer, for our role; none if the settings ask for a better one."""
        bond = self._manager.bonds.find(self.peer_address, self.is_central)
        return bond if bond is not None and bond.satisfies(self._manager.settings()) else None

    @property
    def busy(self) -> bool:
        """Whether encryption or a pairing is under way."""
        return self._busy or self._session is not None

    async def encryption_under_way(self) -> None:
        """Wait, bounded, while encryption with stored keys is being started."""
        if not self._settled.is_set():
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._settled.wait(), ENCRYPTION_S)

    # Asked for by us

    async def pair(self) -> None:
        """Get the link encrypted: by stored keys, else by pairing. See `Link.pair`.

        A link that is encrypted but not authenticated is paired anew if our agent could do better.
        Raises: PairingFailed, KeysLost, LinkLost.
        """
        if self.link.encrypted and not self._could_be_better():
            return
        if self._silent:
            raise PairingFailed
        self._begin()
        outcome: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.add(outcome)
        try:
            await outcome
        finally:
            self._waiters.discard(outcome)

    def encrypt_if_bonded(self) -> None:
        """Start encryption with stored keys, as a central does on a new link; nobody waits."""
        if self.is_central and self.bond is not None and not self.link.encrypted:
            self._begin()

    def _could_be_better(self) -> bool:
        return not self._paired and not self.link.authenticated and self._can_authenticate()

    def _can_authenticate(self) -> bool:
        agent = self._manager.agent()
        if agent is None:
            return False
        return agent.has_oob or agent.io_capability is not IoCapability.NO_INPUT_NO_OUTPUT

    def _begin(self) -> None:
        """Start what leads to encryption, unless that is under way already."""
        if self.busy:
            return
        self._busy = True
        self._restart_timer()
        bond = self.bond
        if not self.is_central:
            if self._keys_lost:  # when it came; it need not try again
                self._restart_timer(PAIR_ANEW_S)
            self._request_security()
        elif bond is not None and not self.link.encrypted:
            self._start_encryption(bond, bond.rand, bond.ediv, bond.ltk)
        else:
            self._open_session().start()

    def _request_security(self) -> None:
        auth_req = AuthReq.BONDING | AuthReq.SECURE_CONNECTIONS
        if self._can_authenticate():
            auth_req |= AuthReq.MITM
        self.send(pdu.request_security(auth_req))

    def _start_encryption(self, keys: Bond | Pairing, rand: bytes, ediv: int, key: bytes) -> None:
        self._keys_in_use = keys
        if isinstance(keys, Bond):
            self._settled.clear()
        parameters = _ENABLE.pack(self.conn_handle, rand, ediv, key)
        self._manager.spawn(self._enable_encryption(parameters))

    async def _enable_encryption(self, parameters: bytes) -> None:
        try:
            await self._manager.layer.request(Opcode.LE_ENABLE_ENCRYPTION, parameters)
        except InnerError as error:
            self._keys_in_use = None
            self._settled.set()
            if self._session is not None:
                self._session.encryption_failed()
            else:
                self._finish(error)

    def _open_session(self) -> Session:
        manager = self._manager
        agent = manager.agent()
        ends = Ends(
            self.is_central,
            self.own_address,
            self.peer_on_air,
            self.peer_address,
            manager.identity(),
            manager.bonds.irk(),
        )
        pairing = Pairing(
            ends,
            manager.settings(),
            agent,
            manager.own_oob,
            manager.bonds_with,
            self.send,
        )
        self._session = Session(pairing, self, agent)
        self._restart_timer()
        return self._session

    # From the peer

    def received(self, octets: bytes) -> None:
        """Take one SMP PDU, whatever it is."""
        if self._silent:
            self._manager.stray += 1
        elif self._session is not None:
            self._session.received(octets)
        elif pdu.LENGTHS.get(octets[0] if octets else 0) != len(octets):
            self._manager.stray += 1
        elif octets[0] == pdu.PAIRING_REQUEST:
            self._pairing_requested(octets[1:])
        elif octets[0] == pdu.SECURITY_REQUEST and self.is_central:
            self._security_requested(octets[1])
        elif octets[0] == pdu.PAIRING_FAILED and self._busy and not self.is_central:
            self._finish(PairingFailed(octets[1]))  # the answer to our Security Request
        else:
            self._manager.stray += 1

    def _pairing_requested(self, request: bytes) -> None:
        if self.is_central:
            self.send(pdu.pairing_failed(Reason.COMMAND_NOT_SUPPORTED))
        elif not self._manager.may_try(self.peer_address):
            self.send(pdu.pairing_failed(Reason.REPEATED_ATTEMPTS))
        else:
            self._open_session().start(request)

    def _security_requested(self, auth_req: int) -> None:
        """Encrypt or pair, so that a peripheral's `pair` works."""
        enough = self.link.encrypted and not (auth_req & AuthReq.MITM and self._could_be_better())
        if enough or self._keys_lost or not self._manager.may_try(self.peer_address):
            return
        self._begin()

    def long_term_key(self, rand: bytes, ediv: int) -> bytes | None:
        """Give the key for encryption that the central starts."""
        session, bond = self._session, self.bond
        if session is not None and session.key is not None and (rand, ediv) == (bytes(8), 0):
            self._keys_in_use = session.pairing
            return session.key
        if bond is not None and (bond.rand, bond.ediv) == (rand, ediv):
            self._keys_in_use = bond
            return bond.ltk
        if session is None:
            self._keys_lost = True
            if self._busy:
                self._restart_timer(PAIR_ANEW_S)
        return None

    # From the session

    def send(self, octets: bytes) -> None:
        """Send one SMP PDU."""
        if self._session is not None:
            self._restart_timer()
        self._send(octets)

    def encrypt(self, key: bytes) -> None:
        """A session has made its key; as peripheral, the central starts."""
        assert self._session is not None
        if self.is_central:
            self._start_encryption(self._session.pairing, bytes(8), 0, key)

    def pairing_failed(self, reason: int, weaker: bool) -> None:
        """A session has failed."""
        self._session = None
        self._manager.failed(self.peer_address)
        self._finish(KeysLost() if weaker or self._keys_lost else PairingFailed(reason))

    def paired(self, bond: Bond | None) -> None:
        """A session has distributed all keys; it counts once ours have left the controller."""
        self._session = None
        self._paired, self._keys_lost = True, False
        self._manager.succeeded(self.peer_address)
        self.link.has_keys = bond is not None
        if bond is not None:
            self._manager.bonds.save(bond, self.is_central)
            self._manager.encrypted_values.bonded_anew(bond.identity)
            self.peer_address = bond.identity
        self._busy = True
        self._manager.spawn(self._settle(bond))

    async def _settle(self, bond: Bond | None) -> None:
        try:
            await self._drained()
        except LinkLost:
            return  # `closed` tells the waiters
        if bond is not None:
            self.on_secured(bond)
        self._finish(None)

    # From the controller

    def encryption_changed(self, status: int, enabled: bool, key_octets: int) -> None:
        """Take Encryption Change or Encryption Key Refresh Complete."""
        keys, self._keys_in_use = self._keys_in_use, None
        if status != HciErrorCode.SUCCESS:
            self._encryption_refused(status, keys)
        elif not enabled:
            self._encryption_off()
        elif keys is None:
            self._manager.layer.counters.malformed += 1  # nobody has started any
        else:
            self._encryption_on(keys, key_octets)
        self._settled.set()

    def _encryption_on(self, keys: Bond | Pairing, key_octets: int) -> None:
        if isinstance(keys, Bond) and self.bond is None:
            self._finish(KeysLost())  # erased meanwhile: it proves nothing any more
            return
        link = self.link
        link.authenticated = keys.authenticated
        link.secure_connections = keys.secure_connections
        link.key_size = min(keys.key_octets, key_octets or keys.key_octets)
        link.encrypted = True
        if isinstance(keys, Bond):
            self._keys_lost = False
            self.on_secured(keys)
            if self._session is None:
                self._finish(None)
        elif self._session is not None and self._session.pairing is keys:
            self._session.encrypted()

    def _encryption_refused(self, status: int, keys: Bond | Pairing | None) -> None:
        if isinstance(keys, Pairing):
            if self._session is not None and self._session.pairing is keys:
                self._session.encryption_failed()
            return
        self._keys_lost = status == HciErrorCode.PIN_OR_KEY_MISSING
        if self._keys_lost and self.is_central and self._waiters:  # somebody asked to pair
            if self._session is None:
                self._open_session().start()
        else:
            self._finish(KeysLost() if self._keys_lost else PairingFailed())

    def _encryption_off(self) -> None:
        link = self.link
        link.encrypted = link.authenticated = link.secure_connections = False
        link.key_size = 0

    def erased(self) -> None:
        """All bonds were erased: the link counts as unpaired from now on."""
        self._encryption_off()
        self._paired = self._keys_lost = self.link.has_keys = False

    def closed(self, reason: int) -> None:
        """The link is gone."""
        self._end_session()
        self._settled.set()
        self.link.encrypted = False
        self._finish(LinkLost(reason))

    def _end_session(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            session.close()

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

    def _restart_timer(self, limit_s: float = SMP_TIMEOUT_S) -> None:
        """Bound the time from one SMP PDU of ours to the next. Spec: Vol 3, Part H, 3.4.

        Not from one of the peer's, or it could hold a pairing for ever by PDUs that mean nothing.
        """
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(limit_s, self._timed_out)

    def _timed_out(self) -> None:
        """No more SMP on this link, if a pairing was under way: the peer is to go and come back."""
        self._timer = None
        if self._session is not None:
            self._silent = True
            self._manager.failed(self.peer_address)
            self._end_session()
        self._finish(KeysLost() if self._keys_lost else PairingFailed())
