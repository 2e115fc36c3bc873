"""Links that dead programs have left to BlueZ, told from those that others use.

A link belongs to bluetoothd. A program that is killed leaves it up: its peer, busy with nobody,
advertises no more, and no scan finds it. bluetoothd does not say which program asked for a link,
so each process keeps a list of its own in a folder of its user's, beside a lock that the operating
system frees when the process dies (`locks`). A list whose lock can be taken is a dead program's,
for certain; its links are this program's to end.

A record counts only where it is surely about a link of now: in the same run of the computer, on an
adapter of that address, and unless a living process has the same device on its list. Another
program that is none of ours may have connected to the device again meanwhile; that cannot be told,
and its link is ended.

Lists that another user may have written are not read. A folder that cannot be used costs nothing
but this: links of dead programs stay, as they would without it. All of it waits for the disk, and
is done in threads, one piece of work after the other.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
import secrets
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from bleio.files import create, objection_to, open_own
from bleio.locks import FileLock
from bleio.ownership import risk_above

T = TypeVar("T")

BOOT = Path("/proc/sys/kernel/random/boot_id")
MOST_FILES = 256
MOST_LINKS = 64
_MOST_OCTETS = 8192
_LINK = re.compile(
    r"((?:[0-9A-F]{2}:){5}[0-9A-F]{2}) (/org/bluez/hci\d{1,5}/dev(?:_[0-9A-F]{2}){6})"
)

Link = tuple[str, str]  # the adapter's address, the device's object path

_log = logging.getLogger(__name__)


class LiveLinks:
    """This process's list, for one open adapter. Args: `folder`: None keeps none."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._links: set[Link] = set()
        self._lock: FileLock | None = None
        self._file = Path()
        self._turn = threading.Lock()

    async def open(self) -> set[Link]:
        """Begin a list. Returns: links of dead programs, which are on it from now on."""
        if self._folder is None:
            return set()
        return await self._work(self._begin, self._folder) or set()

    async def add(self, link: Link) -> None:
        """A link is being made."""
        if self._lock is not None and len(self._links) < MOST_LINKS and link not in self._links:
            self._links.add(link)
            await self._work(self._write)

    async def remove(self, link: Link) -> None:
        """It is gone."""
        if self._lock is not None and link in self._links:
            self._links.remove(link)
            await self._work(self._write)

    async def close(self) -> None:
        """End the list. Idempotent."""
        if self._lock is not None:
            await self._work(self._end)

    async def _work(self, work: Callable[..., T], *args: Path) -> T | None:
        """Do something that waits for the disk; None if it failed."""
        try:
            return await asyncio.to_thread(self._alone, work, *args)
        except OSError as error:
            _log.debug("The list of links in %s is of no use: %s", self._folder, error)
            return None

    # In a thread

    def _alone(self, work: Callable[..., T], *args: Path) -> T:
        with self._turn:  # also if the one that wanted it was cancelled
            return work(*args)

    def _begin(self, folder: Path) -> set[Link]:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        risk = objection_to(folder.stat()) or risk_above(folder)
        if risk is not None:
            raise PermissionError(0, risk, str(folder))
        name = f"{os.getpid()}-{secrets.token_hex(4)}"
        lock, self._file = FileLock(folder / f"{name}.lock"), folder / f"{name}.links"
        if not lock.try_acquire():
            raise PermissionError(0, "the lock is another's", str(folder))
        self._lock = lock
        living, dead, locks = self._others(folder, name)
        try:
            self._links = set(sorted(dead - living)[:MOST_LINKS])
            self._write()
            for path in locks:
                _list_of(path).unlink(missing_ok=True)
        finally:
            for each in locks.values():
                each.release()
        return set(self._links)

    def _others(self, folder: Path, own: str) -> tuple[set[Link], set[Link], dict[Path, FileLock]]:
        """Return links of living programs, those of dead ones, and these ones' locks, taken."""
        living: set[Link] = set()
        dead: set[Link] = set()
        locks: dict[Path, FileLock] = {}
        for path in sorted(folder.glob("*.lock"))[:MOST_FILES]:
            if path.stem == own:
                continue
            lock = FileLock(path)
            try:
                is_dead = lock.try_acquire()
            except OSError:
                continue
            if is_dead:
                locks[path] = lock
            (dead if is_dead else living).update(_links_in(_list_of(path)))
        return living, dead, locks

    def _write(self) -> None:
        if self._lock is None:
            return
        part = self._file.with_suffix(".part")
        with open(create(part), "w", encoding="ascii") as file:
            lines = [" ".join(each) for each in sorted(self._links)]
            file.write("\n".join((_boot(), *lines)))
        os.replace(part, self._file)

    def _end(self) -> None:
        lock, self._lock = self._lock, None
        self._file.unlink(missing_ok=True)
        if lock is not None:
            lock.release()


def _list_of(lock: Path) -> Path:
    return lock.with_suffix(".links")


def _boot() -> str:
    return BOOT.read_text(encoding="ascii").strip()


def _links_in(path: Path) -> set[Link]:
    """Read a list; what is no list of this run of the computer, or not this user's, has nothing."""
    try:
        with open_own(path) as file:
            lines = file.read(_MOST_OCTETS).decode("ascii", "replace").splitlines()
    except OSError:
        return set()
    if not lines or lines[0] != _boot():
        return set()
    found = (_LINK.fullmatch(line) for line in lines[1 : MOST_LINKS + 1])
    return {(each[1], each[2]) for each in found if each is not None}
