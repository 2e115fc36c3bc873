"""Writing a file of bonds in a thread of its own, when something has changed.

To write a file safely takes as long as the disk does, and much of what is written is caused by
peers: bonds, what clients configure, counters of signatures. So after some writings in a row there
is a rest after each, whatever peers do; what is saved meanwhile is written together.

What could not be written, because another process held the lock, the disk was full or the system
starts no more threads, is tried again for a minute, and for the last time when the backend closes.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from typing import Protocol

from bleio.backends.hci.bonds.changes import Changes
from bleio.backends.hci.bonds.file import FileBondStore
from bleio.backends.hci.bonds.format import Contents

_log = logging.getLogger(__name__)

REST_S = 0.25  # after a writing
IN_A_ROW = 8  # writings without a rest; one more for each rest that was not needed
RETRY_S = 0.5
RETRIES = 120  # a minute's; after that, whatever is saved next takes along what could not be
_NO_THREAD = "the system starts no more threads"


class WritingOwner(Protocol):
    """What has something to write."""

    def take_changes(self) -> Changes:
        """Return what is to be done to the file, which is being written from now on."""

    def written(self, contents: Contents | None) -> None:
        """The file has been written and holds this; None: that failed."""


class Writing:
    """The writing of one file. Thread: the engine's, but for the writing itself."""

    def __init__(self, file: FileBondStore, owner: WritingOwner) -> None:
        self._file = file
        self._owner = owner
        self._changed = False  # since the writing under way has begun
        self._tries = 0  # that are left
        self._under_way: asyncio.Future[Contents | None] | None = None
        self._timer: asyncio.TimerHandle | None = None  # of a rest
        self._in_a_row = float(IN_A_ROW)  # that are left
        self._written_s = float("-inf")
        self._closed = False
        self._told_by_this: list[Callable[[], None]] = []  # once the writing under way is over
        self._told_by_next: list[Callable[[], None]] = []

    def wanted(self) -> None:
        """Something is to be written."""
        self._changed = True
        self._tries = RETRIES + 1
        if self._under_way is None and self._timer is None:
            self._write()

    def when_stored(self, then: Callable[[], None]) -> None:
        """See `BondStore`."""
        if self._changed:
            self._told_by_next.append(then)
        elif self._under_way is not None:
            self._told_by_this.append(then)
        else:
            then()

    async def close(self, limit_s: float) -> None:
        """Write what is left, for the last time. Bounded."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        await self._over(limit_s)
        if self._under_way is None:  # else the disk hangs
            self._tries = 1
            self._write()
            await self._over(limit_s)

    async def _over(self, limit_s: float) -> None:
        if self._under_way is not None:
            await asyncio.wait({self._under_way}, timeout=limit_s)
            await asyncio.sleep(0)  # for `_ended`, which comes behind

    def _write(self) -> None:
        self._timer = None
        self._changed = False
        self._tries -= 1
        self._told_by_this, self._told_by_next = self._told_by_next, []
        changes = self._owner.take_changes()
        self._under_way = self._begun(changes, self._tries == 0)
        self._under_way.add_done_callback(self._ended)

    def _begun(self, changes: Changes, last: bool) -> asyncio.Future[Contents | None]:
        loop = asyncio.get_running_loop()
        write = partial(self._file.write, changes, last)
        outcome: asyncio.Future[Contents | None]
        try:
            outcome = loop.run_in_executor(None, write)
        except RuntimeError:  # no thread can be started
            outcome = loop.create_future()
            if last and not self._closed:
                self._file.cannot_write(changes, _NO_THREAD)
            # With the adapter closed all links have ended, so that nothing else stands still.
            outcome.set_result(write() if self._closed else None)
        return outcome

    def _ended(self, writing: asyncio.Future[Contents | None]) -> None:
        self._under_way = None
        contents = None
        if (fault := writing.exception()) is None:
            contents = writing.result()
        else:
            _log.error("Fault in writing bonds", exc_info=fault)
        self._owner.written(contents)
        if contents is not None and not self._changed:
            self._tries = 0
        told, self._told_by_this = self._told_by_this, []
        if not self._closed:
            rest_s = RETRY_S if self._tries and not self._changed else self._rest_s()
            self._timer = asyncio.get_running_loop().call_later(rest_s, self._rested)
        elif self._changed:
            self._write()
        # Last, for what is told may save again: that must find a writing or a rest under way.
        # Beside an unfinished one a second would begin, and what waits for the first be forgotten.
        for then in told:
            then()

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
