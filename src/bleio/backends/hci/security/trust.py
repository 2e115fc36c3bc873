"""Which values of bonded peers passed encrypted, so that they pass no plain link any more.

A device that has a bonded peer's address, or the link after its encryption failed, could serve any
value it likes in the clear (BLESA), and be told what was meant for the peer. What was once read,
notified or written over an encrypted link is therefore taken from, and given to, an encrypted link
only, unless the settings say otherwise.

A value is known by a name made of UUIDs, since an impostor may serve it at any handle. The names
are kept with the bond, so they outlive the program. Those of a peer that is bonded in both roles
count in both: they are the same device's.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from bleio.att.client import CallLater, DeadlineTimer
from bleio.backends.hci.bonds.store import MAX_BONDS, Bond, BondStore
from bleio.backends.hci.own_device import OwnDevice
from bleio.core.address import DeviceAddress
from bleio.core.security import LinkSecurity

MAX_NAMES = 1024  # of one peer; a table with more has values that nobody vouches for
SAVE_AFTER_S = 0.5  # a client often reads several values in a row


class EncryptedValues:
    """Names of values by the peer's identity; the peer heard of longest ago leaves the memory."""

    def __init__(self, bonds: BondStore, call_later: CallLater) -> None:
        self._bonds = bonds
        self._call_later = call_later
        self._names: dict[DeviceAddress, set[bytes]] = {}
        self._unsaved: set[DeviceAddress] = set()
        self._timer: DeadlineTimer | None = None

    def passed_encrypted(self, peer: DeviceAddress, name: bytes) -> None:
        """A value passed a link that is encrypted with a bond's keys."""
        names = self.of(peer)
        if name not in names and len(names) < MAX_NAMES:
            names.add(name)
            self._save_later(peer)

    def bonded_anew(self, peer: DeviceAddress) -> None:
        """There is a new bond: what came with one of the other role holds for it too."""
        if self.of(peer):
            self._save_later(peer)

    def save(self) -> None:
        """Write what is new. Bonds are looked up anew: they may be gone or others by now."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for peer in self._unsaved:
            for central, bond in self._bonds_with(peer):
                names = frozenset(self._names.get(peer, ())) | bond.encrypted_values
                if names != bond.encrypted_values:
                    self._bonds.save(replace(bond, encrypted_values=names), central)
        self._unsaved.clear()

    def clear(self, peer: DeviceAddress | None = None) -> None:
        """Forget everything: the bonds are erased, of one peer or all, or another identity's."""
        if peer is None:
            self._names.clear()
            self._unsaved.clear()
        else:
            self._names.pop(peer, None)
            self._unsaved.discard(peer)

    def of(self, peer: DeviceAddress) -> set[bytes]:
        """Return the names of a peer's values, to be looked at at once. Data plane."""
        names = self._names.get(peer)
        if names is None:
            if len(self._names) >= 2 * MAX_BONDS:  # of both roles
                self.save()
                del self._names[next(iter(self._names))]
            known = (bond.encrypted_values for _, bond in self._bonds_with(peer))
            names = self._names[peer] = set().union(*known)
        return names

    def _bonds_with(self, peer: DeviceAddress) -> list[tuple[bool, Bond]]:
        bonds = ((central, self._bonds.find(peer, central)) for central in (True, False))
        return [(central, bond) for central, bond in bonds if bond is not None]

    def _save_later(self, peer: DeviceAddress) -> None:
        self._unsaved.add(peer)
        if self._timer is None:
            self._timer = self._call_later(SAVE_AFTER_S, self.save)


class TrustedPeer(Protocol):
    """The device that a link leads to."""

    @property
    def address(self) -> DeviceAddress:
        """Its identity, as far as it is known by now."""

    @property
    def possible(self) -> tuple[DeviceAddress, ...]:
        """The identities that it may be, until encryption proves one."""


class LinkTrust:
    """What may pass one link. `link`: its security of the moment."""

    def __init__(
        self, values: EncryptedValues, own: OwnDevice, link: LinkSecurity, peer: TrustedPeer
    ) -> None:
        self._values = values
        self._own = own
        self._link = link
        self._peer = peer

    def admits(self, name: bytes, signed: bool = False) -> bool:
        """Whether a value may pass as the link is now; notes those that pass encrypted to or from
        a bonded peer. Data plane.

        Args: `name`: see `Bearer.name`; `signed`: it would be signed on a plain link, where it may
            be read by all, so that passing encrypted says nothing of it.
        """
        if self._link.encrypted:
            if self._link.has_keys and not signed:
                self._values.passed_encrypted(self._peer.address, name)
            return True
        if not self._own.settings.fail_closed:
            return True
        for identity in self._peer.possible:  # noqa: SIM110 - a generator is calls of its own
            if name in self._values.of(identity):
                return False
        return True
