"""What is to be done to the bonds of a file, and is not done yet.

What a host saves counts at once, and is in the file later: when the disk has taken it, or when
there is room again. Meanwhile another process may have written the same file. So what is to be done
is kept apart from what was read, and put on top of whatever the file holds when it is written.

A bond that was made anew replaces the file's. But most of what is saved is a bond that was known
before, with a counter or a subscription more. If the file's has other keys by then, somebody has
paired anew, and if it has none, somebody has erased it: then such an update is of a bond that is no
more, and is dropped. Else the old keys would come back, and lock out the peer that has new ones.
"""

from __future__ import annotations

from bleio.backends.hci.bonds.format import Contents
from bleio.backends.hci.bonds.store import Bond, BondsByRole, put
from bleio.core.address import DeviceAddress

Key = tuple[bool, DeviceAddress]  # whether we are central, and the peer


class Changes:
    """First bonds in the file are forgotten: all if `erasure` says so, or those of some peers. Then
    these bonds are put there.

    `erasure`: another object for each erasing, so that a failure of each can be told. `irk`: the
    own key, if the file has none.
    """

    def __init__(self) -> None:
        self.erasure: object | None = None
        self.irk: bytes | None = None
        self._bonds: BondsByRole = {}
        self._updates: set[Key] = set()  # those of bonds that were there before
        self._forgotten: set[DeviceAddress] = set()

    def __bool__(self) -> bool:
        erases = self.erasure is not None or bool(self._forgotten)
        return erases or bool(self._bonds) or self.irk is not None

    @property
    def only_erase(self) -> bool:
        """Whether there is nothing to put into the file."""
        return bool(self) and not self._bonds and self.irk is None

    def put(self, bond: Bond, central: bool, known: Bond | None) -> None:
        """Keep a bond. `known`: the one with this peer that counted until now."""
        self._put((central, bond.identity), bond, known is not None and known.ltk == bond.ltk)

    def erase(self, peer: DeviceAddress | None = None) -> None:
        """Forget all bonds, or those with one peer; the own key stays."""
        if peer is None:
            self.erasure = object()
            self._bonds, self._updates, self._forgotten = {}, set(), set()
            return
        self._forgotten.add(peer)
        self._bonds = {key: bond for key, bond in self._bonds.items() if key[1] != peer}
        self._updates &= self._bonds.keys()

    def add(self, later: Changes) -> None:
        """Take in what is to be done after this."""
        if later.erasure is not None:
            self.erase()
            self.erasure = later.erasure
        for peer in later._forgotten:
            self.erase(peer)
        for key, bond in later._bonds.items():
            self._put(key, bond, key in later._updates)
        self.irk = self.irk or later.irk

    def on(self, contents: Contents) -> Contents:
        """Return what comes of contents, which stay as they are."""
        changed = Contents(contents.irk or self.irk)
        if self.erasure is None:
            kept = contents.bonds.items()
            changed.bonds.update({key: bond for key, bond in kept if key[1] not in self._forgotten})
        for key, bond in self._bonds.items():
            present = changed.bonds.get(key)
            if key not in self._updates or (present is not None and present.ltk == bond.ltk):
                put(changed.bonds, bond, key[0])
        return changed

    def _put(self, key: Key, bond: Bond, is_update: bool) -> None:
        waiting = self._bonds.get(key)
        if waiting is None:
            if is_update:
                self._updates.add(key)
        elif waiting.ltk != bond.ltk:
            self._updates.discard(key)
        put(self._bonds, bond, key[0])
        self._updates &= self._bonds.keys()  # others have given way
