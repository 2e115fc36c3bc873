"""The device at the other end of one link, and the bond with it."""

from __future__ import annotations

from collections.abc import Callable

from bleio.backends.hci.bonds.store import Bond
from bleio.backends.hci.security.shared import SharedSecurity
from bleio.core.address import DeviceAddress


class LinkPeer:
    """What is known of the peer of a link.

    `address`: its identity, from the start if its address told it, else once pairing has; until
    then its address on the air. Bonds are kept by role; here it is the one for our role on this
    link, looked up at each use: another link may have paired anew, or the program erased it.
    """

    def __init__(
        self,
        shared: SharedSecurity,
        is_central: bool,
        address: DeviceAddress,
        on_air: DeviceAddress,
    ) -> None:
        self.address = address
        self.on_air = on_air
        self._shared = shared
        self._is_central = is_central  # we are

    @property
    def bond(self) -> Bond | None:
        """The bond with it; none if the settings ask for a better one."""
        return self._usable(self.address)

    def _usable(self, identity: DeviceAddress) -> Bond | None:
        bond = self._shared.bonds.find(identity, self._is_central)
        satisfies = bond is not None and bond.satisfies(self._shared.own.settings)
        return bond if satisfies else None

    def save(self, bond: Bond) -> None:
        """Keep what has changed in the bond."""
        self._shared.bonds.save(bond, self._is_central)

    def when_stored(self, then: Callable[[], None]) -> None:
        """Call `then` once all that was saved is stored, or cannot be."""
        self._shared.bonds.when_stored(then)

    def bonded(self, bond: Bond) -> None:
        """Keep a new bond, and know the peer by the identity that came with it."""
        self.save(bond)
        self._shared.encrypted_values.bonded_anew(bond.identity)
        self.address = bond.identity
        self._shared.same_key.proved(bond.identity)

    @property
    def possible(self) -> tuple[DeviceAddress, ...]:
        """The identities that it may be: all that have its key."""
        return self._shared.same_key.sharing(self.address)

    def named(self, rand: bytes, ediv: int) -> Bond | None:
        """Return the bond by the name of its key, which also tells which of them the peer is.

        Keys of LE Secure Connections have no names; then it is the one that is tried first.
        """
        for identity in (self.address, *self.possible):
            bond = self._usable(identity)
            if bond is not None and (bond.rand, bond.ediv) == (rand, ediv):
                self.address = identity
                return bond
        return None

    def try_other(self, tried: set[DeviceAddress]) -> Bond | None:
        """Its keys have failed; be the next that it may be. Returns: that one's bond, if any."""
        tried.add(self.address)
        other = self._shared.same_key.disproved(self.address)
        if other is None or other in tried or not self._shared.may_stand_for(other, self.address):
            return None
        bond = self._usable(other)
        if bond is not None:
            self.address = other
        return bond
