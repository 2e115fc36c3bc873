"""What the security of all links of one controller shares.

Each link has a `Security` of its own. What outlives a link, or must hold over all of them, is
here: the bonds, our out-of-band data, what passed encrypted, and how often pairing with a peer has
failed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

from bleio.backends.hci.bonds.store import Bond, BondStore
from bleio.backends.hci.controller.layer import HciLayer
from bleio.backends.hci.own_device import OwnDevice
from bleio.backends.hci.security.counts import CountsInUse
from bleio.backends.hci.security.same_key import SameKey
from bleio.backends.hci.security.smp.basis import OwnOob
from bleio.backends.hci.security.trust import EncryptedValues
from bleio.core.address import DeviceAddress

FREE_ATTEMPTS = 3  # users mistype; only then the waiting begins
FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 64.0
MAX_PEERS = 64  # the one that failed longest ago is forgotten first


class Attempts:
    """Failed pairings by address, and how long such a peer has to wait. Spec: Vol 3, Part H, 2.3.6.

    Each failure doubles the wait, so that guessing a passkey takes longer than anybody has. A peer
    may change its address: docs/security.md says what that leaves open.
    """

    def __init__(self) -> None:
        self._failures: dict[DeviceAddress, tuple[int, float]] = {}  # number, time of the last one

    def may_try(self, peer: DeviceAddress, now_s: float) -> bool:
        """Whether a peer has waited long enough."""
        count, last_s = self._failures.get(peer, (0, 0.0))
        if count < FREE_ATTEMPTS:
            return True
        wait_s = min(LONGEST_WAIT_S, FIRST_WAIT_S * (1 << count - FREE_ATTEMPTS))
        return now_s - last_s >= wait_s

    def failed(self, peer: DeviceAddress, now_s: float) -> None:
        """Count a failure."""
        count, _ = self._failures.pop(peer, (0, 0.0))
        if len(self._failures) >= MAX_PEERS:
            del self._failures[next(iter(self._failures))]
        self._failures[peer] = (min(count + 1, 32), now_s)  # more would change nothing

    def succeeded(self, peer: DeviceAddress) -> None:
        """Forget the failures."""
        self._failures.pop(peer, None)


class HasAddress(Protocol):
    """The peer of a link: by its identity, if that is known."""

    @property
    def address(self) -> DeviceAddress: ...


class LateLink(Protocol):
    """The security of a link that has ended, whose pairing lacks keys."""

    @property
    def peer(self) -> HasAddress: ...

    def finished(self) -> None:
        """Nothing is late any more."""


class SharedSecurity:
    """One controller's share in the security of its links.

    Args: `own`: read at each use, since the program may change it. `spawn`: runs something that
        nobody waits for.
    """

    def __init__(
        self,
        layer: HciLayer,
        bonds: BondStore,
        own: OwnDevice,
        spawn: Callable[[Coroutine[Any, Any, Any]], object],
        same_key: SameKey,
    ) -> None:
        self.layer = layer
        self.same_key = same_key
        self.bonds = bonds
        self.own = own
        self.spawn = spawn
        self.own_oob = OwnOob()
        self.own_counts, self.peers_counts = CountsInUse(), CountsInUse()  # of signatures
        self.encrypted_values = EncryptedValues(bonds, asyncio.get_running_loop().call_later)
        self.without_keys: set[DeviceAddress] = set()  # whose next link is to be plain
        self._attempts = Attempts()
        self._late: dict[LateLink, asyncio.Future[None]] = {}

    def may_stand_for(self, other: DeviceAddress, wanted: DeviceAddress) -> bool:
        """Whether a link to `wanted` may be one to `other`, which has its Identity Resolving Key.

        Not by a bond that is weaker in any respect: a device that was bonded without a proof of
        what it is may have learnt the key from one that was authenticated, and would answer in its
        place. Central only.
        """
        found, asked = self.bonds.find(other, True), self.bonds.find(wanted, True)
        if found is None or asked is None:
            return found is not None
        return all(has >= needs for has, needs in zip(found.strength, asked.strength, strict=True))

    def pairing_is_late(self, link: LateLink) -> None:
        """A link has ended, and its pairing lacks nothing but keys that are on their way."""
        self._late[link] = asyncio.get_running_loop().create_future()

    def pairing_ended(self, link: LateLink) -> None:
        """There is a bond now, or there will be none."""
        if (late := self._late.pop(link, None)) is not None:
            late.set_result(None)

    def end_late_pairings(self, peer: DeviceAddress | None = None) -> None:
        """No bond is to come of them any more, of one peer or all."""
        for link in tuple(self._late):
            if peer in (None, link.peer.address):
                link.finished()

    def late_pairings(self) -> tuple[asyncio.Future[None], ...]:
        """Return what to wait for until all bonds are there; soon, see `links.closing`."""
        return tuple(self._late.values())

    def bonds_with(self, peer: DeviceAddress) -> list[Bond]:
        """Return the bonds with a peer in both roles."""
        found = (self.bonds.find(peer, central) for central in (True, False))
        return [bond for bond in found if bond is not None]

    def may_try(self, peer: DeviceAddress) -> bool:
        """Whether a peer whose pairings failed has waited long enough."""
        return self._attempts.may_try(peer, asyncio.get_running_loop().time())

    def failed(self, peer: DeviceAddress) -> None:
        """A pairing with a peer has failed."""
        self._attempts.failed(peer, asyncio.get_running_loop().time())

    def succeeded(self, peer: DeviceAddress) -> None:
        """A pairing with a peer has succeeded."""
        self._attempts.succeeded(peer)
