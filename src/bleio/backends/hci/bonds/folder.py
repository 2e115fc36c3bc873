"""The bond files of a folder, as one backend uses them: nothing here waits for a disk.

On the engine's thread all links would stand still while a file is read or written. And of a file
nobody can say how long that takes: its folder may be on a network that is gone. So a store is what
the engine knows, in memory:

    what was last found in the file, or written to it
    what is being written to it now
    what has been saved since

Whatever is looked up is found in the three together. `writing` has the file written when the last
of them is not empty, and `looking` has it read when somebody asks (`look`): before an adapter is
open, before a connect, when a link has come up. What has been asked for then waits for the answer,
or bonds that another process has made would count only for links to come.

What has to know that something is on the disk waits for that (`when_stored`): the program whose
pairing ends, or that erases its bonds, and signatures, which must not count twice.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from bleio.backends.hci import entropy
from bleio.backends.hci.bonds.changes import Changes
from bleio.backends.hci.bonds.file import FileBondStore
from bleio.backends.hci.bonds.format import Contents
from bleio.backends.hci.bonds.looking import Looking
from bleio.backends.hci.bonds.store import Bond, put, remove
from bleio.backends.hci.bonds.writing import Writing
from bleio.core.address import DeviceAddress

CLOSE_S = 1.0  # how long closing waits for the disk


class BackgroundBondStore:
    """See `BondStore`. Thread: the engine's."""

    def __init__(self, folder: Path, identity: DeviceAddress) -> None:
        written = FileBondStore(folder, identity)
        self.path = written.path
        self._file = Contents()
        self._under_way = Changes()
        self._changes = Changes()
        self._known = Contents()  # the three together
        self._looking = Looking(FileBondStore(folder, identity), self._found)
        self._writing = Writing(written, self)
        self._closed = False

    def irk(self) -> bytes:
        """Return the own Identity Resolving Key, made and saved at first use."""
        if self._known.irk is None:
            self._known.irk = self._changes.irk = entropy.token_bytes(16)
            self._writing.wanted()
        return self._known.irk

    def find(self, peer: DeviceAddress, central: bool) -> Bond | None:
        """Return the bond with a peer by its identity address."""
        return self._known.bonds.get((central, peer))

    def all(self) -> list[tuple[bool, Bond]]:
        """Return all bonds with the role they are for; oldest first."""
        return [(central, bond) for (central, _), bond in self._known.bonds.items()]

    def save(self, bond: Bond, central: bool) -> None:
        """Keep a bond, in place of an older one with the same peer."""
        self._changes.put(bond, central, self.find(bond.identity, central))
        put(self._known.bonds, bond, central)
        self._writing.wanted()

    def erase(self, peer: DeviceAddress | None = None) -> None:
        """Forget all bonds of both roles, or those with one peer; the own IRK stays."""
        self._changes.erase(peer)
        remove(self._known.bonds, peer)
        self._writing.wanted()

    def when_stored(self, then: Callable[[], None]) -> None:
        """Call `then` once all that was saved is written, or cannot be."""
        self._writing.when_stored(then)

    def look(self, then: Callable[[bool], None]) -> None:
        """Call `then` once it is known what is in the file; see `BondStore`."""
        if self._closed:
            then(False)
        else:
            self._looking.look(then)

    async def close(self) -> None:
        """Write now what is left, for the last time."""
        self._closed = True
        await self._looking.close(CLOSE_S)
        await self._writing.close(CLOSE_S)

    def _found(self, contents: Contents) -> bool:
        if contents is self._file:
            return False
        self._file = contents
        before, self._known = self._known, self._together()
        return self._known != before

    def _together(self) -> Contents:
        return self._changes.on(self._under_way.on(self._file))

    # For `Writing`

    def take_changes(self) -> Changes:
        """What has been saved is being written now."""
        self._under_way, self._changes = self._changes, Changes()
        return self._under_way

    def written(self, contents: Contents | None) -> None:
        """It is in the file, or is to be written yet."""
        if contents is None:
            self._under_way.add(self._changes)
            self._changes = self._under_way
        else:
            self._file = contents
            self._looking.file_written()
        self._under_way = Changes()
        self._known = self._together()


class BondFolder:
    """Has a store for each own identity. Thread: the engine's."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stores: dict[DeviceAddress, BackgroundBondStore] = {}

    def of(self, identity: DeviceAddress) -> BackgroundBondStore:
        """Return the store of an own identity."""
        if identity not in self._stores:
            self._stores[identity] = BackgroundBondStore(self._folder, identity)
        return self._stores[identity]

    async def close(self) -> None:
        """Write now what is left, for the last time."""
        stores, self._stores = self._stores, {}  # opened again, it begins anew
        for store in stores.values():
            await store.close()
