"""The bond files of a folder, as one backend uses them: written in the background.

To write a file safely takes as long as the disk does, and much of what is written is caused by
peers: bonds, what clients configure, counters of signatures. On the engine's thread all links would
stand still meanwhile. So a store takes what is saved into its memory, where it counts at once, and
a copy of the store writes it, in a thread that does nothing else, or on the engine's if the system
starts no more threads. After some writings in a row
there is a rest after each, whatever peers do; what is saved meanwhile is written together.

Who has to know that something is on the disk waits for it (`when_stored`): the program whose
pairing ends, or that erases its bonds, and signatures, which must not count twice.

What could not be written, because another process held the lock or the disk was full, is tried
again for a minute, and for the last time when the backend closes.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

from bleio.backends.hci.bonds.file import FileBondStore
from bleio.core.address import DeviceAddress

_log = logging.getLogger(__name__)

REST_S = 0.25  # after a writing
IN_A_ROW = 8  # writings without a rest; one more for each rest that was not needed
RETRY_S = 0.5
RETRIES = 120  # a minute's; after that, whatever is saved next takes along what could not be
LOOK_S = 0.05  # how long what was read counts as what other processes have written
CLOSE_S = 1.0  # how long closing waits for the disk


class BackgroundWriter:
    """One store, and the writing of its file. Thread: the engine's, but for the writing itself."""

    def __init__(self, folder: Path, identity: DeviceAddress) -> None:
        self.store = FileBondStore(folder, identity, self)
        self._changed = False  # since the writing under way has begun
        self._tries = 0  # that are left
        self._writing: asyncio.Future[bool] | None = None
        self._timer: asyncio.TimerHandle | None = None  # of a rest
        self._in_a_row = float(IN_A_ROW)  # that are left
        self._written_s = float("-inf")
        self._closed = False
        self._told_by_this: list[Callable[[], None]] = []  # once the writing under way is over
        self._told_by_next: list[Callable[[], None]] = []
        self._looked_s = float("-inf")

    # From the store

    def wanted(self) -> bool:
        """Something is to be written. Returns: False if it will not be: it is closed."""
        if self._closed:
            return False
        self._changed = True
        self._tries = RETRIES + 1
        if self._writing is None and self._timer is None:
            self._write()
        return True

    def when_stored(self, then: Callable[[], None]) -> None:
        """See `BondStore`."""
        if self._changed:
            self._told_by_next.append(then)
        elif self._writing is not None:
            self._told_by_this.append(then)
        else:
            then()

    def may_look(self, now: bool) -> bool:
        """Whether to look for what other processes have written; `now`: although it was just done.

        Not while it is being written here, which takes that in.
        """
        if self._writing is not None:
            return False
        time_s = asyncio.get_running_loop().time()
        if not now and time_s - self._looked_s < LOOK_S:
            return False
        self._looked_s = time_s
        return True

    # Writing

    async def close(self) -> None:
        """Write what is left, for the last time. Bounded."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        await self._written_in_time()
        if self._writing is None:  # else the disk hangs
            self._tries = 1
            self._write()
            await self._written_in_time()

    async def _written_in_time(self) -> None:
        if self._writing is not None:
            await asyncio.wait({self._writing}, timeout=CLOSE_S)
            await asyncio.sleep(0)  # for `_written`, which comes behind

    def _write(self) -> None:
        """Write once, in another thread."""
        self._timer = None
        self._changed = False
        self._tries -= 1
        self._told_by_this, self._told_by_next = self._told_by_next, []
        copy = self.store.copy()
        self._writing = _begun(_Writing(copy, self._tries == 0))
        self._writing.add_done_callback(partial(self._written, copy))

    def _written(self, copy: FileBondStore, writing: asyncio.Future[bool]) -> None:
        self._writing = None
        self.store.take_over(copy)
        if writing.cancelled() or (fault := writing.exception()) is not None:
            _log.error("Fault in writing bonds", exc_info=None if writing.cancelled() else fault)
        elif writing.result() and not self._changed:
            self._tries = 0
        told, self._told_by_this = self._told_by_this, []
        for then in told:
            then()
        if not self._closed:
            rest_s = RETRY_S if self._tries and not self._changed else self._rest_s()
            self._timer = asyncio.get_running_loop().call_later(rest_s, self._rested)

    def _rest_s(self) -> float:
        now_s = asyncio.get_running_loop().time()
        earned = (now_s - self._written_s) / REST_S
        self._in_a_row = min(IN_A_ROW, self._in_a_row + earned) - 1
        self._written_s = now_s
        return 0 if self._in_a_row >= 0 else REST_S

    def _rested(self) -> None:
        self._timer = None
        if self._changed or self._tries:
            self._write()


class _Writing:
    """One writing, done once whoever calls it: an executor that could not start a thread keeps what
    it was given, for the next thread that it can start."""

    def __init__(self, copy: FileBondStore, last: bool) -> None:
        self._copy = copy
        self._last = last
        self._lock = threading.Lock()
        self._is_begun = False
        self._is_written = False

    def __call__(self) -> bool:
        """Write, or wait until it is written. Returns: whether it was."""
        with self._lock:
            if not self._is_begun:
                self._is_begun = True
                self._is_written = self._copy.write_unsaved(self._last)
            return self._is_written


def _begun(writing: _Writing) -> asyncio.Future[bool]:
    """Write in another thread or, where none can be started, now."""
    loop = asyncio.get_running_loop()
    try:
        return loop.run_in_executor(None, writing)
    except RuntimeError:
        outcome: asyncio.Future[bool] = loop.create_future()
    try:
        outcome.set_result(writing())
    except Exception as error:
        outcome.set_exception(error)
    return outcome


class BondFolder:
    """Has a store for each own identity. Thread: the engine's."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._writers: dict[DeviceAddress, BackgroundWriter] = {}

    def of(self, identity: DeviceAddress) -> FileBondStore:
        """Return the store of an own identity."""
        if identity not in self._writers:
            self._writers[identity] = BackgroundWriter(self._folder, identity)
        return self._writers[identity].store

    async def close(self) -> None:
        """Write now what is left, for the last time."""
        for writer in self._writers.values():
            await writer.close()
