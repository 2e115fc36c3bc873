"""What the security of a controller's links shares: bonds, settings, and whose event it is.

Spec: Vol 4, Part E, 7.7.8, 7.7.39, 7.7.65.5.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from struct import Struct
from typing import Any

from bleio.backends.base import PairingAgent
from bleio.backends.hci.bonds.store import Bond, BondStore
from bleio.backends.hci.controller.layer import HciLayer
from bleio.backends.hci.controller.opcodes import Opcode
from bleio.backends.hci.security.link_security import Security
from bleio.backends.hci.security.smp.attempts import Attempts
from bleio.backends.hci.security.smp.oob import OwnOob
from bleio.backends.hci.security.trust import EncryptedValues
from bleio.core.address import DeviceAddress
from bleio.core.hci import Event, LeEvent
from bleio.core.pairing import SecuritySettings

_CHANGE = Struct("<BHB")  # status, handle, enabled
_REFRESH = Struct("<BH")  # status, handle
_KEY_REQUEST = Struct("<H8sH")  # handle, Rand, EDIV
_U16 = Struct("<H")


class SecurityManager:
    """The security of all links of one controller.

    `settings` and `agent` give those of the moment; what has begun goes on with the former ones.
    """

    def __init__(
        self,
        layer: HciLayer,
        bonds: BondStore,
        identity: Callable[[], DeviceAddress],
        settings: Callable[[], SecuritySettings],
        agent: Callable[[], PairingAgent | None],
        spawn: Callable[[Coroutine[Any, Any, Any]], None],
    ) -> None:
        self.layer = layer
        self.bonds = bonds
        self.identity = identity
        self.settings = settings
        self.agent = agent
        self.spawn = spawn
        self.own_oob = OwnOob()
        self.encrypted_values = EncryptedValues(bonds, asyncio.get_running_loop().call_later)
        self.stray = 0  # SMP PDUs that belong to nothing, or are malformed
        self._attempts = Attempts()
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
        self.encrypted_values.save()
        security.closed(reason)

    def bonds_with(self, peer: DeviceAddress) -> list[Bond]:
        """Give the bonds with a peer in both roles."""
        found = (self.bonds.find(peer, central) for central in (True, False))
        return [bond for bond in found if bond is not None]

    def erase_bonds(self) -> None:
        """Forget all bonds."""
        self.bonds.erase()
        self.encrypted_values.clear()
        for security in self._links.values():
            security.erased()

    def may_try(self, peer: DeviceAddress) -> bool:
        """Whether a peer whose pairings failed has waited long enough."""
        return self._attempts.may_try(peer, asyncio.get_running_loop().time())

    def failed(self, peer: DeviceAddress) -> None:
        """A pairing with a peer has failed."""
        self._attempts.failed(peer, asyncio.get_running_loop().time())

    def succeeded(self, peer: DeviceAddress) -> None:
        """A pairing with a peer has succeeded."""
        self._attempts.succeeded(peer)

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
