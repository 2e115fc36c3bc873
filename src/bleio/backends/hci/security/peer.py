"""The device at the other end of one link, and the bond with it."""

from __future__ import annotations

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
        bond = self._shared.bonds.find(self.address, self._is_central)
        satisfies = bond is not None and bond.satisfies(self._shared.own.settings)
        return bond if satisfies else None

    def save(self, bond: Bond) -> None:
        """Keep what has changed in the bond."""
        self._shared.bonds.save(bond, self._is_central)

    def bonded(self, bond: Bond) -> None:
        """Keep a new bond, and know the peer by the identity that came with it."""
        self.save(bond)
        self._shared.encrypted_values.bonded_anew(bond.identity)
        self.address = bond.identity
