"""A lock between processes that the operating system frees when its holder dies.

A file that merely exists would be left behind by a process that is killed, and a number in it may
be another process's by then. So the lock is the operating system's, on an open file. The file is
removed when the lock is released, or folders would fill with them; then one that waits may have
opened the file that is being removed and lock what nobody else can find. Hence the look, after
locking, whether the file is still the one of that name.

Whatever goes wrong after the lock was taken frees it, or every process would wait for this one to
end. The number in the file is for people only: on a full disk there is none, and the lock is good.
"""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

from bleio.files import open_descriptor

if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # PermissionError if it is locked
else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


_NUMBER_OCTETS = 20  # of a process, and more than enough


class FileLock:
    """A lock on a file that exists only while somebody wants it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def try_acquire(self) -> bool:
        """Take the lock if nobody has it. Raises: OSError if the file cannot be made or locked."""
        while True:
            descriptor = open_descriptor(self._path, os.O_RDWR | os.O_CREAT)
            with contextlib.ExitStack() as unless_taken:
                unless_taken.callback(os.close, descriptor)
                try:
                    _lock(descriptor)
                except (BlockingIOError, PermissionError):
                    return False
                # Else the last holder removed it between our opening and our locking.
                if self._is_current(descriptor):
                    _write_number(descriptor)
                    unless_taken.pop_all()
                    self._descriptor = descriptor
                    return True

    def holder(self) -> int | None:
        """The process that has the lock, for people to read; None if it cannot be told."""
        try:
            with open(open_descriptor(self._path, os.O_RDONLY), "rb") as file:
                return int(file.read(_NUMBER_OCTETS))
        except (OSError, ValueError):
            return None

    def release(self) -> None:
        """Let others have it; harmless without it."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is None:
            return
        try:
            # Windows does not remove open files. Where somebody has removed ours, the one of that
            # name may be another holder's.
            if sys.platform != "win32" and self._is_current(descriptor):
                self._path.unlink(missing_ok=True)
        except OSError:
            pass  # it stays, and is free
        finally:
            os.close(descriptor)

    def _is_current(self, descriptor: int) -> bool:
        try:
            return os.path.samestat(os.fstat(descriptor), os.stat(self._path))
        except FileNotFoundError:
            return False


def _write_number(descriptor: int) -> None:
    """Write down which process has the lock, if there is room."""
    with contextlib.suppress(OSError):
        os.truncate(descriptor, 0)
        os.write(descriptor, b"%d\n" % os.getpid())
