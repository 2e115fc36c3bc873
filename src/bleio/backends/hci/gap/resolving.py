"""The identities behind resolvable private addresses, found by the keys of bonds.

A bonded peer may change its address every quarter of an hour; to programs it is one device. It is
resolved in two places. `ControllerResolvingList` keeps the controller's own list like the bonds,
which is what lets a controller connect to an identity. But not all have a list, some have room for
a few peers only, and some refuse; so `Resolver` does it in the host too, for what the controller
has not resolved. Trying all keys costs one AES block for each, so results are cached, also those
that an address is nobody's: in a hall with a thousand phones most are.

Bonds may have one key in common. Then its addresses are those of one of them, the newest until
encryption has proven another (`security.same_key`), and the controller's list has that one alone.

A bond whose identity is itself a private address, or whose key is all zeros, resolves nothing: with
that key anybody can make addresses.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import Protocol

from bleio.backends.hci.bonds.store import MAX_BONDS, Bond, BondStore
from bleio.backends.hci.controller.layer import HciLayer
from bleio.backends.hci.controller.opcodes import Opcode
from bleio.backends.hci.gap.identity import private_address
from bleio.backends.hci.own_device import OwnDevice
from bleio.core.address import AddressType, DeviceAddress
from bleio.core.private_address import resolves
from bleio.errors import ControllerError

_log = logging.getLogger(__name__)

MAX_KEYS = 2 * MAX_BONDS  # both roles; the oldest are left out
MAX_CACHED = 1024  # addresses, resolved or not
_DEVICE_PRIVACY = 1  # a bonded peer may also use its identity address

_IDENTITIES = (AddressType.PUBLIC, AddressType.RANDOM_STATIC)


class BondsWatcher(Protocol):
    """What must know of changed bonds."""

    def bonds_changed(self) -> None:
        """Bonds were saved or erased, or are another identity's."""


class WatchedBonds:
    """The bonds of the present identity, as a `BondStore` that tells of every change."""

    def __init__(self, own: OwnDevice, watcher: BondsWatcher) -> None:
        self._own = own
        self._watcher = watcher

    def use(self, store: BondStore) -> None:
        """Go on with another identity's bonds."""
        self._own.bonds = store
        self._watcher.bonds_changed()

    def irk(self) -> bytes:
        """Return the own Identity Resolving Key."""
        return self._own.bonds.irk()

    def find(self, peer: DeviceAddress, central: bool) -> Bond | None:
        """Return the bond with a peer."""
        return self._own.bonds.find(peer, central)

    def all(self) -> list[tuple[bool, Bond]]:
        """Return all bonds with the role they are for."""
        return self._own.bonds.all()

    def save(self, bond: Bond, central: bool) -> None:
        """Keep a bond."""
        self._own.bonds.save(bond, central)
        self._watcher.bonds_changed()

    def erase(self, peer: DeviceAddress | None = None) -> None:
        """Forget all bonds, or those with one peer."""
        self._own.bonds.erase(peer)
        self._watcher.bonds_changed()

    def when_stored(self, then: Callable[[], None]) -> None:
        """Call `then` once all that was saved is stored."""
        self._own.bonds.when_stored(then)

    def look(self, then: Callable[[bool], None]) -> None:
        """Call `then` once what other processes have saved is known."""
        self._own.bonds.look(partial(self._looked, then))

    def _looked(self, then: Callable[[bool], None], is_new: bool) -> None:
        if is_new:
            self._watcher.bonds_changed()
        then(is_new)


class Resolver:
    """The identities of peers by their addresses on the air."""

    def __init__(self, own: OwnDevice) -> None:
        self.keys: dict[DeviceAddress, bytes] = {}  # by identity; oldest first
        self._own = own
        self._first: dict[bytes, DeviceAddress] = {}  # by key: of those that share it, whose it is
        self._resolved: dict[bytes, DeviceAddress | None] = {}
        # How bonded peers were last heard; None is a private address that the controller resolved.
        self._heard: dict[DeviceAddress, DeviceAddress | None] = {}
        self.refresh()

    def refresh(self) -> bool:
        """Take the keys from the bonds. Returns: whether they are others than before."""
        # Of two bonds the stronger proves more; the other may be an impostor's.
        best: dict[DeviceAddress, Bond] = {}  # a peer may be bonded in both roles
        for _, bond in self._own.bonds.all():
            other = best.get(bond.identity)
            known = bond.irk and any(bond.irk) and bond.identity.type in _IDENTITIES
            if known and (other is None or bond.strength >= other.strength):
                best[bond.identity] = bond
        keys = {identity: bond.irk for identity, bond in best.items() if bond.irk}
        keys = dict(list(keys.items())[-MAX_KEYS:])
        if keys == self.keys:
            return False
        former, self.keys = self.keys, keys
        first = {irk: peer for irk, peer in self._first.items() if keys.get(peer) == irk}
        for peer, irk in keys.items():
            if irk not in first or former.get(peer) != irk:
                first[irk] = peer
        self._first = first
        self._resolved.clear()
        self._heard = {peer: how for peer, how in self._heard.items() if peer in keys}
        return True

    def identity_of(self, address: DeviceAddress) -> DeviceAddress:
        """Return the identity behind an address, or the address if there is none. Data plane."""
        octets = address.octets
        if not self.keys or not address.random or octets[5] >> 6 != 0b01:
            return address
        if octets in self._resolved:
            return self._resolved[octets] or address
        found = next((peer for irk, peer in self._first.items() if resolves(octets, irk)), None)
        # The oldest goes: addresses change, so it is the one least likely to come again.
        if len(self._resolved) >= MAX_CACHED:
            del self._resolved[next(iter(self._resolved))]
        self._resolved[octets] = found
        return found or address

    @property
    def first_of_each(self) -> dict[DeviceAddress, bytes]:
        """The keys without those that the controller could not tell apart; oldest first."""
        return {peer: irk for peer, irk in self.keys.items() if self._first[irk] == peer}

    def sharing(self, identity: DeviceAddress) -> tuple[DeviceAddress, ...]:
        """Return all whose key is this one's, itself included. See `SameKey`."""
        own = self.keys.get(identity)
        if own is None:
            return (identity,)
        return tuple(peer for peer, irk in self.keys.items() if irk == own)

    def put_first(self, identity: DeviceAddress) -> bool:
        """Take its key's addresses for its own from now on. Returns: whether that is new."""
        irk = self.keys.get(identity)
        if irk is None or self._first[irk] == identity:
            return False
        self._first[irk] = identity
        self._resolved.clear()
        return True

    def heard(self, identity: DeviceAddress, on_air: DeviceAddress | None) -> None:
        """A peer was heard. `on_air`: None if only the controller knows by which address."""
        if self.keys and identity in self.keys:
            self._heard[identity] = on_air

    def is_private(self, identity: DeviceAddress) -> bool:
        """Whether a peer is taken to use private addresses: unless last heard without."""
        return identity in self.keys and self._heard.get(identity) != identity

    def target(self, identity: DeviceAddress) -> DeviceAddress:
        """Return an address by which a private peer may know itself: its own last, or a new one."""
        return self._heard.get(identity) or private_address(self.keys[identity])


class ControllerResolvingList:
    """The controller's resolving list. Spec: Vol 4, Part E, 7.8.38 to 7.8.45 and 7.8.77.

    It holds as many peers as the controller has room for, the newest first. A controller that
    refuses counts as one without a list. Our own key is there to let the controller know
    packets that are directed to us.
    """

    def __init__(
        self,
        layer: HciLayer,
        supported: bool,
        resolver: Resolver,
        own: OwnDevice,
    ) -> None:
        self._layer = layer
        self._resolver = resolver
        self._own = own
        self._size: int | None = None if supported else 0
        self._timeout_s = 0
        self._entries: dict[DeviceAddress, bytes] = {}  # the peer's key and ours

    def holds(self, identity: DeviceAddress) -> bool:
        """Whether the controller resolves this peer's addresses."""
        return identity in self._entries

    @property
    def outdated(self) -> bool:
        """Whether `update` has something to do."""
        if self._size == 0:
            return False
        late = bool(self._entries) and self._timeout_s != self._own.settings.rotation_s
        return late or self._wanted() != self._entries

    async def update(self) -> None:
        """Make the list like the bonds; nothing may be on the air meanwhile."""
        try:
            await self._update()
        except ControllerError as error:
            _log.debug("Private addresses are resolved by the host from now on: %s", error)
            self._size = 0
            self._entries.clear()

    def _wanted(self) -> dict[DeviceAddress, bytes]:
        newest = list(self._resolver.first_of_each.items())[-(self._size or MAX_KEYS) :]
        own = self._own.bonds.irk() if newest else b""
        return {identity: irk + own for identity, irk in newest}

    async def _update(self) -> None:
        request = self._layer.request
        if self._size is None:
            size = await request(Opcode.LE_READ_RESOLVING_LIST_SIZE)
            self._size = size[0] if size else 0  # some answer with the status alone
        if not self.outdated:
            return
        # With resolution on, a controller may refuse changes (Vol 4, Part E, 7.8.38).
        await request(Opcode.LE_SET_ADDRESS_RESOLUTION_ENABLE, b"\x00")
        wanted = self._wanted()
        for identity, keys in tuple(self._entries.items()):
            if wanted.get(identity) != keys:
                del self._entries[identity]
                await request(Opcode.LE_REMOVE_DEVICE_FROM_RESOLVING_LIST, _parameters(identity))
        for identity, keys in wanted.items():
            if identity not in self._entries:
                await self._add(identity, keys)
        if self._timeout_s != (rotation_s := self._own.settings.rotation_s):
            timeout = rotation_s.to_bytes(2, "little")
            await request(Opcode.LE_SET_RESOLVABLE_PRIVATE_ADDRESS_TIMEOUT, timeout)
            self._timeout_s = rotation_s
        if self._entries:
            await request(Opcode.LE_SET_ADDRESS_RESOLUTION_ENABLE, b"\x01")

    async def _add(self, identity: DeviceAddress, keys: bytes) -> None:
        peer = _parameters(identity)
        await self._layer.request(Opcode.LE_ADD_DEVICE_TO_RESOLVING_LIST, peer + keys)
        mode = bytes((_DEVICE_PRIVACY,))
        await self._layer.request(Opcode.LE_SET_PRIVACY_MODE, peer + mode)
        self._entries[identity] = keys


def _parameters(identity: DeviceAddress) -> bytes:
    return bytes((identity.random,)) + identity.octets
