"""Finds the link that an event of the controller about encryption is for.

Spec: Vol 4, Part E, 7.7.8, 7.7.39, 7.7.65.5. A controller may name a handle of no link, by a fault
or because the link has gone meanwhile: such events are counted, and no key is given for them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from struct import Struct
from typing import TYPE_CHECKING, Any

from bleio.backends.hci.bonds.store import BondStore
from bleio.backends.hci.controller.layer import HciLayer
from bleio.backends.hci.controller.opcodes import Opcode
from bleio.backends.hci.own_device import OwnDevice
from bleio.backends.hci.security.same_key import EachItsOwn, SameKey
from bleio.backends.hci.security.shared import SharedSecurity
from bleio.core.address import DeviceAddress
from bleio.core.hci import Event, LeEvent

if TYPE_CHECKING:
    from bleio.backends.hci.security.link_security import Security

_CHANGE = Struct("<BHB")  # status, handle, enabled
_REFRESH = Struct("<BH")  # status, handle
_KEY_REQUEST = Struct("<H8sH")  # handle, Rand, EDIV


class SecurityManager:
    """The security of all links of one controller, and what they share."""

    def __init__(
        self,
        layer: HciLayer,
        bonds: BondStore,
        own: OwnDevice,
        spawn: Callable[[Coroutine[Any, Any, Any]], object],
        same_key: SameKey | None = None,
    ) -> None:
        self.shared = SharedSecurity(layer, bonds, own, spawn, same_key or EachItsOwn())
        self._layer = layer
        self._links: dict[int, Security] = {}
        layer.on_event(Event.ENCRYPTION_CHANGE, self._encryption_change)
        layer.on_event(Event.ENCRYPTION_CHANGE_V2, self._encryption_change)
        layer.on_event(Event.ENCRYPTION_KEY_REFRESH_COMPLETE, self._key_refresh)
        layer.on_event(LeEvent.LONG_TERM_KEY_REQUEST, self._long_term_key_request)

    def add(self, security: Security) -> None:
        """A link is up."""
        self._links[security.conn_handle] = security

    def remove(self, security: Security, reason: int) -> None:
        """A link is gone. `reason`: the HCI error code."""
        self._links.pop(security.conn_handle, None)
        self.shared.encrypted_values.save()
        security.closed(reason)

    def erase_bonds(self, peer: DeviceAddress | None = None) -> None:
        """Forget all bonds, or those with one peer; its links count as unpaired from now on."""
        self.shared.end_late_pairings(peer)
        self.shared.bonds.erase(peer)
        self.shared.encrypted_values.clear(peer)
        if peer is None:
            self.shared.without_keys.clear()
        else:
            self.shared.without_keys.discard(peer)
        for security in self._links.values():
            if peer in (None, security.peer.address):
                security.erased()

    def _encryption_change(self, event: bytes) -> None:
        status, conn_handle, enabled = _CHANGE.unpack_from(event)
        key_octets = event[4] if len(event) > 4 else 0  # version 2 of the event tells
        self._changed(conn_handle, status, bool(enabled), key_octets)

    def _key_refresh(self, event: bytes) -> None:
        """Encryption of a link that was encrypted already; that it is on goes without saying."""
        status, conn_handle = _REFRESH.unpack_from(event)
        self._changed(conn_handle, status, True, 0)

    def _changed(self, conn_handle: int, status: int, enabled: bool, key_octets: int) -> None:
        security = self._links.get(conn_handle)
        if security is None:
            self._layer.counters.unknown_handles += 1
        else:
            security.encryption.changed(status, enabled, key_octets)

    def _long_term_key_request(self, event: bytes) -> None:
        """Answer in any case: the controller waits, and the peer with it. Spec: 7.8.25, 7.8.26.

        A peer that has just paired and left may be back before its last keys are here.
        """
        late = self.shared.late_pairings()
        if late:
            self.shared.spawn(self._give_key_later(event, late))
        else:
            self._give_key(event)

    async def _give_key_later(self, event: bytes, late: tuple[asyncio.Future[None], ...]) -> None:
        await asyncio.wait(late)
        self._give_key(event)

    def _give_key(self, event: bytes) -> None:
        conn_handle, rand, ediv = _KEY_REQUEST.unpack_from(event)
        security = self._links.get(conn_handle)
        key = security.long_term_key(rand, ediv) if security is not None else None
        if key is not None:
            self._layer.reply(Opcode.LE_LONG_TERM_KEY_REQUEST_REPLY, conn_handle, key)
        else:
            self._layer.reply(Opcode.LE_LONG_TERM_KEY_REQUEST_NEGATIVE_REPLY, conn_handle)
