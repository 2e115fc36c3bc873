"""Bonds that outlive the program: one file for each own identity.

A file is never changed but replaced, after the new one is safe on the disk. So a program that is
killed, or a machine that loses power, leaves the former bonds or the new ones, never half of each.
Several programs may use one folder. A process that writes holds a lock and takes in what others
wrote since it last looked, so none undoes what another has saved; one that reads looks first
whether the file is still the one that it knows, by inode, time and size.

All of this waits for the disk. `FileBondStore` does it where it is called: in simulated worlds,
whose time stands still meanwhile, and in threads of `folder`, which an engine in real time uses.

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

from bleio.backends.hci import entropy
from bleio.backends.hci.bonds.changes import Changes
from bleio.backends.hci.bonds.format import MAX_FILE_OCTETS, Contents, DamagedError, decode, encode
from bleio.backends.hci.bonds.store import Bond
from bleio.core.address import DeviceAddress
from bleio.files import open_own
from bleio.locks import FileLock
from bleio.ownership import risk_above

_log = logging.getLogger(__name__)

# How long to wait for another process to give the lock back. It needs milliseconds, unless it is
# stopped or the disk hangs.
LOCK_S = 0.25
_LOCK_STEP_S = 0.002
_DAMAGED_KEPT = 10  # of one file; then the last of them is replaced


class _LockedError(OSError):
    """Another process holds the lock."""


Stamp = tuple[int, int, int]  # tells one version of a file from another
WriteFile = Callable[[Path, bytes], Stamp]
_O_BINARY = getattr(os, "O_BINARY", 0)


class FileBondStore:
    """See `BondStore`. What cannot be written is kept, and is written with whatever can be later.

    Args: `folder`: made at the first writing, for this user alone; `identity`: the own one;
        `judged`: whether nobody else may be able to write it. Keys of simulated devices open
        nothing, and a checkout may be anybody's; `write`: writes a file, as `write_whole` does.
    """

    def __init__(
        self,
        folder: Path,
        identity: DeviceAddress,
        judged: bool = True,
        write: WriteFile | None = None,
    ) -> None:
        self._judged = judged
        self._write_file = write or write_whole
        kind = "random" if identity.random else "public"
        self.path = folder / f"{identity.octets[::-1].hex()}-{kind}.json"
        self._lock = FileLock(self.path.with_suffix(".lock"))
        self._file = Contents()  # as it was last read or written
        self._stamp: Stamp | None = None
        self._unsaved = Changes()
        self._erasure: object | None = None  # whose failure may have been told
        self._warned: set[str] = set()

    # What the host calls

    def irk(self) -> bytes:
        """Return the own Identity Resolving Key, made and saved at first use."""
        self._reread()
        if self._file.irk is None and self._unsaved.irk is None:
            self._unsaved.irk = entropy.token_bytes(16)
            self.write_unsaved(last=True)
        key = self._file.irk or self._unsaved.irk
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
        self._unsaved.put(bond, central, self._merged().bonds.get((central, bond.identity)))
        self.write_unsaved(last=True)

    def erase(self, peer: DeviceAddress | None = None) -> None:
        """Forget all bonds of both roles, or those with one peer; the own IRK stays."""
        self._unsaved.erase(peer)
        self.write_unsaved(last=True)

    def when_stored(self, then: Callable[[], None]) -> None:
        """Call `then`: all that was saved is written, or cannot be."""
        then()

    def look(self, then: Callable[[bool], None]) -> None:
        """Call `then`: all that others have saved is read whenever something is looked up."""
        then(False)

    # For `folder`: in one thread at a time

    def read(self) -> Contents | None:
        """Return what is in the file now; None if it cannot be read."""
        return self._file if self._reread() else None

    def write(self, changes: Changes, last: bool) -> Contents | None:
        """Write what is to be done to the file. Returns: what is in it now; None if that failed.

        Args: `last`: tell if the lock cannot be had; otherwise it will be tried again.
        """
        self._unsaved = changes
        return self._file if self.write_unsaved(last) else None

    def write_unsaved(self, last: bool) -> bool:
        """Write what is not written yet. Returns: whether nothing is left."""
        if self._unsaved.only_erase and not os.path.lexists(self.path):
            self._unsaved = Changes()  # nothing there, so no file need be made
        if not self._unsaved:
            return True
        erasure = self._unsaved.erasure
        if erasure is not self._erasure:
            self._erasure = erasure
            self._warned.discard("erase")
        error = self._attempt(self._merge_and_replace, LOCK_S)
        self._tell("write" if erasure is None else "erase", error, again=not last)
        return error is None

    def cannot_write(self, changes: Changes, why: str) -> None:
        """Tell that nothing could be written, if it has not been told."""
        self._warn("write" if changes.erasure is None else "erase", OSError(0, why))

    # Reading

    def _merged(self) -> Contents:
        """Return the file's contents with what could not be written yet."""
        return self._unsaved.on(self._file) if self._unsaved else self._file

    def _reread(self) -> bool:
        """Take in what another process has written. Returns: whether what we have is the file."""
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

    def _merge_and_replace(self) -> None:
        """The lock is held."""
        self._set_aside()  # reads the file, if it is a good one
        if self._unsaved.only_erase and not self._file.bonds:
            self._unsaved = Changes()
            return
        merged = self._merged()
        octets = encode(merged)
        if len(octets) > MAX_FILE_OCTETS:
            raise OSError(errno.EFBIG, "they are too many for a file")
        part = self.path.with_suffix(".part")
        try:
            stamp = self._write_file(part, octets)
            os.replace(part, self.path)
        except BaseException:
            with suppress(OSError):
                part.unlink(missing_ok=True)  # it has keys in it, and is of no use
            raise
        self._file, self._stamp = merged, stamp
        self._unsaved = Changes()
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


def write_whole(part: Path, octets: bytes) -> Stamp:
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


def _stamp_from(status: os.stat_result) -> Stamp:
    return status.st_ino, status.st_mtime_ns, status.st_size


def _stamp_of(path: Path) -> Stamp | None:
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
