"""The bond files of a folder, as one backend uses them.

What could not be written at once, because another process held the lock or the disk was full, is
tried again for a minute, and for the last time when the backend closes.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from bleio.backends.hci.bonds.file import FileBondStore
from bleio.core.address import DeviceAddress

RETRY_S = 0.5
RETRIES = 120  # a minute's; after that, whatever is saved next takes along what could not be


class BondFolder:
    """Has a store for each own identity, and writes soon what a store could not write at once.

    Thread: the engine's.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stores: dict[DeviceAddress, FileBondStore] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False

    def of(self, identity: DeviceAddress) -> FileBondStore:
        """Return the store of an own identity."""
        if identity not in self._stores:
            self._stores[identity] = FileBondStore(self._folder, identity, self._write_later)
        return self._stores[identity]

    def close(self) -> None:
        """Write now what is left, for the last time."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        self._write_all(last=True)

    def _write_later(self) -> bool:
        """Something new could not be written. Returns: whether it will be tried again."""
        if not self._closed:
            self._retry_soon(RETRIES)
        return not self._closed

    def _retry_soon(self, tries: int) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(RETRY_S, self._retry, tries)

    def _retry(self, tries: int) -> None:
        if not self._write_all(last=tries == 1) and tries > 1:
            self._retry_soon(tries - 1)

    def _write_all(self, last: bool) -> bool:
        saved = [store.write_unsaved(last) for store in self._stores.values()]
        return all(saved)
