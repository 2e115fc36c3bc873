"""Looking into a file of bonds for what other processes have saved, in a thread of its own.

A look takes a tenth of a millisecond, or as long as a network or a sleeping disk takes. What needs
it waits, within a limit: a link that has just come up, a connect. Nothing else does.

It does not wait for the writing of the same file, which may take many times as long. Both go on
side by side, each with a `FileBondStore` of its own, and are to each other what two processes are:
files are replaced as wholes, so a look finds the one before or the one after. Which of the two it
was is not known when the writing ends meanwhile; then it looks again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from bleio.backends.hci.bonds.file import FileBondStore
from bleio.backends.hci.bonds.format import Contents
from bleio.backends.hci.bonds.store import LOOK_S

_log = logging.getLogger(__name__)

Then = Callable[[bool], None]  # takes whether there was something new


class Looking:
    """One file, and who waits to know what is in it. Thread: the engine's, but for the look itself.

    Args: `found`: takes what a look has found. Returns: whether it is something new.
    """

    def __init__(self, file: FileBondStore, found: Callable[[Contents], bool]) -> None:
        self._file = file
        self._found = found
        self._under_way: asyncio.Future[Contents | None] | None = None
        self._began_s = 0.0
        self._outdated = False
        self._ever = False
        self._told_by_this: list[Then] = []
        self._told_by_next: list[Then] = []

    def look(self, then: Then) -> None:
        """See `BondStore`. A disk that hangs is waited for once, not by each that comes."""
        if self._under_way is None:
            self._told_by_next.append(then)
            self._begin()
        elif asyncio.get_running_loop().time() - self._began_s > LOOK_S:
            then(False)
        else:
            self._told_by_next.append(then)

    def file_written(self) -> None:
        """What a look that is under way finds may be older than what was written."""
        self._outdated = True

    async def close(self, limit_s: float) -> None:
        """Wait for a look that is under way, or that others wait for."""
        while self._under_way is not None:
            done, _ = await asyncio.wait({self._under_way}, timeout=limit_s)
            if not done:
                return
            await asyncio.sleep(0)  # for `_ended`, which comes behind

    def _begin(self) -> None:
        self._told_by_this += self._told_by_next
        self._told_by_next = []
        self._outdated = False
        loop = asyncio.get_running_loop()
        self._began_s = loop.time()
        try:
            looking = loop.run_in_executor(None, self._file.read)
        except RuntimeError:  # no thread can be started
            looking = loop.create_future()
            # The first time no link waits yet, and without bonds all would be strangers.
            looking.set_result(None if self._ever else self._file.read())
        self._ever = True
        self._under_way = looking
        if looking.done():
            self._ended(looking)
        else:
            looking.add_done_callback(self._ended)

    def _ended(self, looking: asyncio.Future[Contents | None]) -> None:
        self._under_way = None
        if self._outdated:
            self._begin()
            return
        contents = None
        if (fault := looking.exception()) is None:
            contents = looking.result()
        else:
            _log.error("Fault in reading bonds", exc_info=fault)
        is_new = contents is not None and self._found(contents)
        told, self._told_by_this = self._told_by_this, []
        for then in told:
            then(is_new)
        if self._told_by_next and self._under_way is None:
            self._begin()
