"""Bonds that outlive the program: one file for each own identity.

A file is never changed but replaced, after the new one is safe on the disk. So a program that is
killed, or a machine that loses power, leaves the former bonds or the new ones, never half of each.
Several programs may use one folder. A process that writes holds a lock and takes in what others
wrote since it last looked, so none undoes what another has saved; one that reads looks first
whether the file is still the one that it knows, by inode, time and size.

Writing may fail: a disk is full, a folder belongs to somebody else, another process is stopped with
the lock in its hand. A link must not fail for that, since the keys are good. So what could not be
written is kept here, counts at once, and is written with what can be written later.

What another user may have written is not read: keys that come from there would open links, as any
bond's do. A pipe, a link or a device in place of the file is left alone.

A damaged file is renamed, not deleted: it may be all that is left of the keys, and a person may
want to see it. Its contents are not said anywhere, for they are keys.
"""

from __future__ import annotations

import errno
import logging
import os
import stat
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

from bleio.backends.hci import entropy
from bleio.backends.hci.bonds.format import MAX_FILE_OCTETS, Contents, DamagedError, decode, encode
from bleio.backends.hci.bonds.store import Bond, BondsByRole, put
from bleio.core.address import DeviceAddress
from bleio.files import open_own
from bleio.locks import FileLock
from bleio.ownership import risk_above

_log = logging.getLogger(__name__)

# How long to wait for another process to give the lock back. It needs milliseconds, unless it is
# stopped or the disk hangs. A writer waits in a thread of its own; but all links stand still while
# a damaged file is set aside, and without a writer.
LOCK_S = 0.25
_LOCK_STEP_S = 0.002
_DAMAGED_KEPT = 10  # of one file; then the last of them is replaced


class _LockedError(OSError):
    """Another process holds the lock."""


_Stamp = tuple[int, int, int]
_O_BINARY = getattr(os, "O_BINARY", 0)


class Writer(Protocol):
    """Writes a store's file elsewhere than where the store is used."""

    def wanted(self) -> bool:
        """Something is to be written. Returns: False if the store is to do it itself, now."""

    def when_stored(self, then: Callable[[], None]) -> None:
        """Call `then` once all that was saved is written, or cannot be."""

    def may_look(self, now: bool) -> bool:
        """Whether to look at the file; `now`: although that was just done."""


class FileBondStore:
    """See `BondStore`.

    What cannot be written is kept here, and is written with whatever can be later.
    Args: `folder`: made at the first writing, for this user alone; `identity`: the own one;
        `writer`: writes the file by `copy`, `write_unsaved` and `take_over`; without one it is
        written at once; `judged`: whether nobody else may be able to write it. Keys of simulated
        devices open nothing, and a checkout may be anybody's.
    """

    def __init__(
        self,
        folder: Path,
        identity: DeviceAddress,
        writer: Writer | None = None,
        judged: bool = True,
    ) -> None:
        self._identity = identity
        self._judged = judged
        kind = "random" if identity.random else "public"
        self.path = folder / f"{identity.octets[::-1].hex()}-{kind}.json"
        self._lock = FileLock(self.path.with_suffix(".lock"))
        self._file = Contents()  # as it was last read or written
        self._stamp: _Stamp | None = None
        self._unsaved: BondsByRole = {}
        self._erase_first = False  # what is in the file does not count any more
        self._new_irk: bytes | None = None
        self._warned: set[str] = set()
        self._writer = writer
        self._erasures = 0
        # Of a copy: what was to be written
        self._begun_with: BondsByRole = {}
        self._begun_with_irk: bytes | None = None

    # What the host calls

    def irk(self) -> bytes:
        """Return the own Identity Resolving Key, made and saved at first use."""
        self._reread()
        if self._file.irk is None and self._new_irk is None:
            self._new_irk = entropy.token_bytes(16)
            self._write()
        key = self._file.irk or self._new_irk
        assert key is not None
        return key

    def find(self, peer: DeviceAddress, central: bool) -> Bond | None:
        """Return the bond with a peer by its identity address."""
        self._reread()
        return self._merged().bonds.get((central, peer))

    def all(self) -> list[tuple[bool, Bond]]:
        """Return all bonds with the role they are for; oldest first."""
        self._reread()
        return [(central, bond) for (central, _), bond in self._merged().bonds.items()]

    def save(self, bond: Bond, central: bool) -> None:
        """Keep a bond, in place of an older one with the same peer."""
        put(self._unsaved, bond, central)
        self._write()

    def erase(self) -> None:
        """Forget all bonds of both roles; the own IRK stays."""
        self._unsaved.clear()
        self._erase_first = True
        self._erasures += 1
        self._warned.discard("erase")
        if self._reread(now=True) and not self._file.bonds:
            self._erase_first = False  # nothing there, so no file need be made
        else:
            self._write("erase")

    def when_stored(self, then: Callable[[], None]) -> None:
        """Call `then` once all that was saved is written, or cannot be."""
        if self._writer is None:
            then()
        else:
            self._writer.when_stored(then)

    # For a writer

    def copy(self) -> FileBondStore:
        """Return a store with the same contents, to write them in another thread."""
        copy = FileBondStore(self.path.parent, self._identity, judged=self._judged)
        copy._file, copy._stamp = self._file, self._stamp
        copy._unsaved, copy._begun_with = dict(self._unsaved), dict(self._unsaved)
        copy._erase_first, copy._erasures = self._erase_first, self._erasures
        copy._new_irk = copy._begun_with_irk = self._new_irk
        copy._warned = set(self._warned)
        return copy

    def take_over(self, copy: FileBondStore) -> None:
        """Take what a copy has written. What was saved here meanwhile is still to be written."""
        self._file, self._stamp, self._warned = copy._file, copy._stamp, copy._warned
        if copy._erasures != self._erasures:
            self._warned.discard("erase")  # a failure of the new one is to be told
        if not copy._is_saved():
            return
        self._unsaved = {
            key: bond
            for key, bond in self._unsaved.items()
            if bond is not copy._begun_with.get(key)
        }
        self._erase_first = self._erase_first and copy._erasures != self._erasures
        if self._new_irk == copy._begun_with_irk:
            self._new_irk = None

    def write_unsaved(self, last: bool) -> bool:
        """Write what is not written yet. Returns: whether nothing is left.

        Args: `last`: tell if the lock cannot be had; otherwise it will be tried again.
        """
        if self._is_saved():
            return True
        what = "erase" if self._erase_first else "write"
        error = self._attempt(self._merge_and_replace, LOCK_S)
        self._tell(what, error, again=not last)
        return error is None

    def _is_saved(self) -> bool:
        return not self._unsaved and not self._erase_first and self._new_irk is None

    # Reading

    def _merged(self) -> Contents:
        """Return the file's contents with what could not be written yet."""
        if self._is_saved():
            return self._file
        merged = Contents(self._file.irk or self._new_irk)
        if not self._erase_first:
            merged.bonds.update(self._file.bonds)
        for (central, _), bond in self._unsaved.items():
            put(merged.bonds, bond, central)
        return merged

    def _reread(self, now: bool = False) -> bool:
        """Take in what another process has written. Returns: whether what we have is the file."""
        if self._writer is not None and not self._writer.may_look(now):
            return False
        try:
            if _stamp_of(self.path) != self._stamp:
                self._read()
            return True
        except DamagedError:
            error = self._attempt(self._set_aside, LOCK_S)
            self._tell("read", error, again=False)
            return error is None
        except OSError as error:
            self._warn("read", error)
            return False

    def _read(self) -> None:
        """Raises: DamagedError, OSError; then nothing has changed here."""
        try:
            risk = risk_above(self.path) if self._judged else None
            if risk is not None:
                raise PermissionError(errno.EACCES, f"it {risk}")
            with open_own(self.path, self._judged) as file:
                stamp = _stamp_from(os.fstat(file.fileno()))
                octets = file.read(MAX_FILE_OCTETS + 1)
        except (FileNotFoundError, NotADirectoryError):
            self._file, self._stamp = Contents(), None
            return
        self._file, self._stamp = decode(octets), stamp

    def _set_aside(self) -> None:
        """Rename a damaged file; the lock is held, so that nobody's good one is hit."""
        try:
            self._read()
        except DamagedError as error:
            aside = self._free_name()
            os.replace(self.path, aside)
            self._file, self._stamp = Contents(), None
            _log.warning(
                "The bonds in %s cannot be read: %s. It is now %s; peers have to be paired again",
                self.path,
                error,
                aside.name,
            )

    def _free_name(self) -> Path:
        names = [self.path.with_name(f"{self.path.name}.damaged")]
        names += [Path(f"{names[0]}-{number}") for number in range(2, _DAMAGED_KEPT + 1)]
        return next((name for name in names if not name.exists()), names[-1])

    # Writing

    def _write(self, what: str = "write") -> None:
        if self._writer is None or not self._writer.wanted():
            self._tell(what, self._attempt(self._merge_and_replace, LOCK_S), again=False)

    def _merge_and_replace(self) -> None:
        """The lock is held."""
        self._set_aside()  # reads the file, if it is a good one
        merged = self._merged()
        octets = encode(merged)
        if len(octets) > MAX_FILE_OCTETS:
            raise OSError(errno.EFBIG, "they are too many for a file")
        part = self.path.with_suffix(".part")
        try:
            stamp = _write_whole(part, octets)
            os.replace(part, self.path)
        except BaseException:
            with suppress(OSError):
                part.unlink(missing_ok=True)  # it has keys in it, and is of no use
            raise
        self._file, self._stamp = merged, stamp
        self._unsaved, self._erase_first, self._new_irk = {}, False, None
        self._warned.clear()
        _sync_folder(self.path.parent)

    def _attempt(self, work: Callable[[], None], lock_s: float) -> OSError | None:
        """Do something with the lock held. Returns: why it failed; then all stays in memory."""
        try:
            _make_folder(self.path.parent, self._judged)
            with self._locked(lock_s):
                work()
        except OSError as error:
            return error
        return None

    def _tell(self, what: str, error: OSError | None, *, again: bool) -> None:
        """Warn of a failure, once.

        Args: `again`: it will be tried again. Then a lock that is not free yet is no news.
        """
        if error is not None and not (again and isinstance(error, _LockedError)):
            self._warn(what, error)

    @contextmanager
    def _locked(self, lock_s: float) -> Iterator[None]:
        deadline = time.monotonic() + lock_s
        while not self._lock.try_acquire():
            if time.monotonic() >= deadline:
                holder = self._lock.holder()
                who = "another process" if holder is None else f"process {holder}"
                raise _LockedError(f"{who} keeps it locked")
            time.sleep(_LOCK_STEP_S)
        try:
            yield
        finally:
            self._lock.release()

    def _warn(self, what: str, error: OSError) -> None:
        if what not in self._warned:
            self._warned.add(what)
            _log.warning(_WARNINGS[what], self.path, error.strerror or error)


def _write_whole(part: Path, octets: bytes) -> _Stamp:
    """Write a file that is on the disk when this returns. Raises: OSError."""
    part.unlink(missing_ok=True)  # of a process that was killed
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _O_BINARY
    with open(os.open(part, flags, 0o600), "wb") as file:
        file.write(octets)
        file.flush()
        os.fsync(file.fileno())
        return _stamp_from(os.fstat(file.fileno()))


_ADVICE = (
    "; make it and the folders above it this user's own, or set BLEIO_STATE_DIR to another folder"
)
_WARNINGS = {
    "write": "Bonds cannot be saved in %s (%s) and end with this program" + _ADVICE,
    "erase": "Bonds cannot be erased in %s (%s) and will be back after this program" + _ADVICE,
    "read": "Bonds cannot be read from %s (%s), so peers may have to be paired again" + _ADVICE,
}


def _stamp_from(status: os.stat_result) -> _Stamp:
    return status.st_ino, status.st_mtime_ns, status.st_size


def _stamp_of(path: Path) -> _Stamp | None:
    """Tell one version of a file from another; None if there is no file."""
    try:
        return _stamp_from(path.stat())
    except (FileNotFoundError, NotADirectoryError):
        return None


def _make_folder(folder: Path, judged: bool) -> None:
    """Make it for this user alone. Raises: OSError, also if somebody else could get at the keys."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    for each in reversed(missing):
        each.mkdir(mode=0o700, exist_ok=True)
    status = folder.stat()
    if not stat.S_ISDIR(status.st_mode):
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
    if sys.platform == "win32" or not judged:
        return  # on Windows the user's folders are the user's own
    if status.st_uid != os.geteuid():
        raise PermissionError(f"{folder} belongs to another user")
    if status.st_mode & 0o077:
        folder.chmod(0o700)
    risk = risk_above(folder)
    if risk is not None:
        raise PermissionError(f"{folder} {risk}")


def _sync_folder(folder: Path) -> None:
    """Have the disk know the new file's name. Not every file system can be asked to."""
    if sys.platform == "win32":
        return
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
