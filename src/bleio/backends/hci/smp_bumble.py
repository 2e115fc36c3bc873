"""The bridge to bumble's Security Manager Protocol.

bumble's SMP expects bumble's Device and Connection; these are stand-ins with what it uses of them,
so that it runs on our links. What its sessions lack is added here.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any

from bumble import hci, utils
from bumble.core import PhysicalTransport
from bumble.keys import PairingKeys
from bumble.pairing import PairingConfig, PairingDelegate
from bumble.smp import (
    ErrorCode,
    Manager,
    PairingMethod,
    Session,
    SMP_Pairing_Failed_Command,
)

from bleio.backends.hci.bonds import Bond
from bleio.core.address import DeviceAddress

if TYPE_CHECKING:
    from bleio.backends.hci.security import Security, SecurityManager

_log = logging.getLogger(__name__)

_PAIRING_REQUEST = 0x01
_LONGEST_PDU_OCTETS = 65  # Pairing Public Key


def bumble_address(address: DeviceAddress) -> hci.Address:
    """Give bumble's form of an address."""
    kind = (
        hci.Address.RANDOM_DEVICE_ADDRESS if address.random else hci.Address.PUBLIC_DEVICE_ADDRESS
    )
    return hci.Address(address.octets, kind)


class SmpConnection(utils.EventEmitter):  # type: ignore[misc,unused-ignore]
    """Stands in for bumble's Connection; `security` is ours of the same link."""

    EVENT_DISCONNECTION = "disconnection"
    EVENT_CONNECTION_ENCRYPTION_CHANGE = "connection_encryption_change"
    EVENT_CONNECTION_ENCRYPTION_KEY_REFRESH = "connection_encryption_key_refresh"

    transport = PhysicalTransport.LE
    self_resolvable_address = None
    peer_resolvable_address = None

    def __init__(self, security: Security) -> None:
        super().__init__()
        self.security = security
        self.handle = security.conn_handle
        self.role = hci.Role.CENTRAL if security.is_central else hci.Role.PERIPHERAL
        self.self_address = bumble_address(security.own_address)
        self.peer_address = bumble_address(security.peer_on_air)

    @property
    def is_encrypted(self) -> bool:
        return self.security.link.encrypted

    def send_l2cap_pdu(self, channel: int, pdu: bytes) -> None:
        self.security.send(pdu)

    async def drain(self) -> None:
        await self.security.drained()

    def cancel_on_disconnection(self, awaitable: Awaitable[Any]) -> Awaitable[Any]:
        """Run something for as long as the link lasts; its errors fail the pairing."""
        future = utils.cancel_on_event(self, self.EVENT_DISCONNECTION, awaitable)
        if isinstance(future, asyncio.Task):
            future.add_done_callback(self._report)
        return future

    def _report(self, task: asyncio.Task[Any]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self.security.step_failed(error)


class _SmpDevice:
    """Stands in for bumble's Device."""

    keystore = None  # bonds are ours

    def __init__(self, manager: SecurityManager) -> None:
        self.irk = manager.irk
        identity = bumble_address(manager.identity())
        self.public_address = self.static_address = identity

    async def get_link_key(self, address: hci.Address) -> None:
        return None

    def on_pairing_start(self, connection: SmpConnection) -> None:
        connection.security.pairing_started()

    def on_pairing_failure(self, connection: SmpConnection, reason: int) -> None:
        connection.security.pairing_failed(int(reason))


class _Session(Session):  # type: ignore[misc,unused-ignore]
    """bumble's pairing session, with our links' encryption and no silent ends."""

    connection: Any  # an SmpConnection

    def start_encryption(self, key: bytes) -> None:
        self.connection.security.encrypt_with(key)

    def send_command(self, command: Any) -> None:
        """Send; whoever tells the peer that pairing failed has failed, also after a fault."""
        super().send_command(command)
        if isinstance(command, SMP_Pairing_Failed_Command):
            self.on_pairing_failure(command.reason)


class SmpManager(Manager):  # type: ignore[misc,unused-ignore]
    """bumble's manager of pairing sessions, for all links of a controller."""

    def __init__(self, manager: SecurityManager) -> None:
        super().__init__(_SmpDevice(manager), self._pairing_config)  # type: ignore[arg-type]
        self.session_proxy = _Session
        self.malformed = 0
        self._identity = manager.identity

    def received(self, connection: SmpConnection, pdu: bytes) -> None:
        """Take one SMP PDU, whatever is in it."""
        if not 0 < len(pdu) <= _LONGEST_PDU_OCTETS:
            self.malformed += 1
            return
        session = self.sessions.get(connection.handle)
        if pdu[0] == _PAIRING_REQUEST and session is not None and session.completed:
            session.on_disconnection(0)  # it would take the request for one of its own
        try:
            self.on_smp_pdu(connection, pdu)  # type: ignore[arg-type]
        except Exception:  # bumble raises whatever its parser met
            self.malformed += 1
            _log.debug("Malformed SMP PDU", exc_info=True)

    async def initiate(self, connection: SmpConnection) -> None:
        """Pair as central; returns when all keys are distributed."""
        stand_in: Any = connection
        await self.pair(stand_in)

    def request_security(self, connection: SmpConnection) -> None:
        """Send a Security Request as peripheral."""
        stand_in: Any = connection
        self.request_pairing(stand_in)

    def on_smp_security_request_command(self, connection: Any, request: Any) -> None:
        connection.security.peer_requests_security()

    def session_of(self, conn_handle: int) -> Session | None:
        """Give the session that is under way."""
        session = self.sessions.get(conn_handle)
        return session if session is not None and not session.completed else None

    async def on_pairing(
        self, session: Session, identity_address: hci.Address | None, keys: PairingKeys
    ) -> None:
        """Make the bond. bumble's own choice of legacy keys is not used: it swaps them."""
        connection: Any = session.connection
        bond = _bond_of(session, connection.security)
        await connection.security.paired(bond, bonding=session.bonding)

    def abort(self, conn_handle: int) -> None:
        """End a session whose peer has fallen silent; no more SMP PDUs are sent for it."""
        session = self.session_of(conn_handle)
        if session is not None:
            session.on_pairing_failure(ErrorCode.UNSPECIFIED_REASON)
            session.on_disconnection(0)

    def _pairing_config(self, connection: Any) -> PairingConfig:
        """Just Works with LE Secure Connections, bonding, all keys of CircuitPython's ports."""
        kinds = PairingConfig.AddressType
        return PairingConfig(
            sc=True,
            mitm=False,
            bonding=True,
            delegate=PairingDelegate(PairingDelegate.NO_OUTPUT_NO_INPUT),
            identity_address_type=kinds.RANDOM if self._identity().random else kinds.PUBLIC,
        )


def session_strength(session: Session) -> tuple[bool, bool]:
    """Give whether the keys of a session are authenticated, and of Secure Connections."""
    return session.pairing_method != PairingMethod.JUST_WORKS, bool(session.sc)


def _bond_of(session: Session, security: Security) -> Bond:
    authenticated, secure_connections = session_strength(session)
    identity = security.peer_address
    if session.peer_bd_addr is not None:
        address = session.peer_bd_addr
        identity = DeviceAddress(bytes(address), bool(address.is_random))
    ltk, ediv, rand = session.ltk, 0, bytes(8)
    if not secure_connections:
        # The peripheral's key is the one in use, whichever side asks.
        if security.is_central:
            ltk = session.peer_ltk or b""
            ediv, rand = session.peer_ediv or 0, session.peer_rand or bytes(8)
        else:
            ediv, rand = session.ltk_ediv, session.ltk_rand
    return Bond(
        identity,
        ltk,
        ediv,
        rand,
        authenticated,
        secure_connections,
        irk=session.peer_identity_resolving_key,
    )
