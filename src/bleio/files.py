"""Opening files, whatever lies in their place.

A name says little of what is there. A pipe holds what opens it until somebody opens its other end.
A symbolic link leads to any other file of this user, which would be emptied. A file that another
user has open goes on to show what is written to it, and what another user has written is not ours
to believe. So nothing is waited for, links are not followed, what was opened is looked at before it
is used, since what has its name may be another one a moment later, and what is written is a new
file. The folders above are judged by `ownership`.

Pipes and devices may be written to on purpose, as by a packet analyser that shows a capture while
it is made. They are opened as what they are, also by a link, since nothing of the user's is lost.
Not so a pipe of another user's, for that user would read what is written. What is in /dev is the
system's: /dev/stdout leads to whatever this program was given.

Errors are OSError with words for people in `strerror`.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import selectors
import stat
import sys
import threading
import time
import weakref
from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO

from bleio.ownership import others_may_write

if TYPE_CHECKING:
    from pathlib import Path

_log = logging.getLogger(__name__)

MOST_UNREAD_OCTETS = 1 << 20  # of a pipe; its reader may be busy for a while
CLOSE_S = 1.0
SLOW = "its reader does not keep up"

# Windows has no such pipes, links or terminals in its folders.
_AT_ONCE = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
_PRIVATE = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)


def open_descriptor(path: Path, flags: int) -> int:
    """Open an ordinary file, and nothing else; one that is made is for this user alone.

    Raises: OSError.
    """
    try:
        descriptor = os.open(path, flags | _AT_ONCE | _NO_LINK | _PRIVATE, 0o600)
    except OSError as error:
        # Of links; some systems say EMLINK or EFTYPE.
        if error.errno in (errno.ENOENT, errno.EACCES) or not path.is_symlink():
            raise
        raise OSError(errno.ELOOP, "it is a symbolic link", str(path)) from None
    with contextlib.ExitStack() as unless_ordinary:
        unless_ordinary.callback(os.close, descriptor)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "it is no ordinary file", str(path))
        unless_ordinary.pop_all()
    return descriptor


def open_own(path: Path, judged: bool = True) -> BinaryIO:
    """Open for reading what only this user, or root, can have written. Raises: OSError.

    Args: judged: without, anybody may have written it.
    """
    with contextlib.ExitStack() as unless_own:
        file = unless_own.enter_context(open(open_descriptor(path, os.O_RDONLY), "rb"))
        objection = objection_to(os.fstat(file.fileno())) if judged else None
        if objection is not None:
            raise PermissionError(errno.EACCES, objection, str(path))
        unless_own.pop_all()
    return file


def objection_to(status: os.stat_result) -> str | None:
    """Say why somebody else may have written a file. On Windows its folder decides that."""
    if sys.platform == "win32":
        return None
    if status.st_uid not in (0, os.geteuid()):
        return "it belongs to another user"
    return "other users may write it" if others_may_write(status) else None


@contextlib.contextmanager
def naming(path: str | os.PathLike[str]) -> Iterator[None]:
    """Let errors of writing a file say which one: the system tells that only of opening it."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            error.filename = str(path)
        raise


def create(name: str | os.PathLike[str]) -> int:
    """Make a file for this user alone in place of the one that is there; or open a pipe or device.

    Returns: a descriptor for writing; of a pipe or device one that does not wait.
    Raises: OSError.
    """
    from pathlib import Path  # most worlds, and all that only `import _bleio`, make no file

    path, flags = Path(name), os.O_WRONLY | os.O_CREAT | _PRIVATE
    if sys.platform == "win32":  # which removes no open files, and has no modes
        return os.open(path, flags | os.O_TRUNC)
    stream = _open_stream(path)
    if stream is not None:
        return stream
    if path.is_symlink():
        raise OSError(errno.ELOOP, "it is a symbolic link; name the file itself", str(path))
    path.unlink(missing_ok=True)
    return os.open(path, flags | os.O_EXCL | _NO_LINK, 0o600)


def _open_stream(path: Path) -> int | None:
    """Open a pipe or a device for writing; None if there is an ordinary file or nothing."""
    try:
        descriptor = os.open(path, os.O_WRONLY | _AT_ONCE | _PRIVATE)
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno != errno.ENXIO or not stat.S_ISFIFO(path.stat().st_mode):
            raise
        words = "nothing reads from that pipe; start its reader first"
        raise OSError(errno.ENXIO, words, str(path)) from None
    status = os.fstat(descriptor)
    others = stat.S_ISFIFO(status.st_mode) and status.st_uid not in (0, os.geteuid())
    is_file = stat.S_ISREG(status.st_mode)
    if not others and _may_be_shared(path, status.st_mode):
        os.set_blocking(descriptor, False)  # some systems forget it for /dev/fd
        return descriptor
    os.close(descriptor)
    if others:
        raise PermissionError(errno.EACCES, "it is a pipe of another user's", str(path))
    if not is_file:
        raise OSError(errno.EINVAL, "it is no ordinary file", str(path))
    return None


def _may_be_shared(path: Path, mode: int) -> bool:
    """Whether something is written as it is, though others may have it open."""
    given = path.parts[:2] == ("/", "dev") and stat.S_ISREG(mode)
    return stat.S_ISFIFO(mode) or stat.S_ISCHR(mode) or given


_recordings: weakref.WeakSet[Recording] = weakref.WeakSet()


class Recording:
    """A file that is written while something goes on which must neither wait for it nor fail by it.

    On a full disk, or where the reader of a pipe does not keep up, the recording ends, with an
    error in the log, and what comes later is left out.

    Thread: any. One adapter may be opened, which names it in a capture, while others are written.
    Args: hold_octets: how much of a file may be held to be written at once. Without, a program that
        is killed leaves all that it has seen. Of a pipe, which may be shown live, nothing is held.
    Raises: OSError if it cannot be opened.
    """

    def __init__(self, name: str | os.PathLike[str], hold_octets: int = 0) -> None:
        self._name = os.fspath(name)
        self._held = bytearray()
        self._lock = threading.Lock()  # without, octets are added while the system reads them
        _recordings.add(self)
        self._descriptor: int | None = create(name)
        is_file = stat.S_ISREG(os.fstat(self._descriptor).st_mode)
        self._hold_octets = hold_octets if is_file else 0

    @property
    def is_open(self) -> bool:
        """Whether what is added comes into it."""
        return self._descriptor is not None

    def write(self, octets: bytes) -> None:
        """Add octets. Never waits for a reader, never raises."""
        why = None
        with self._lock:
            if self._descriptor is None:
                return
            self._held += octets
            if len(self._held) > self._hold_octets:
                why = self._write_held(self._descriptor)
        self._tell(why)

    def close(self) -> None:
        """End it; a reader has a second to take what is left."""
        deadline_s = time.monotonic() + CLOSE_S
        while (descriptor := self._left()) is not None:
            left_s = deadline_s - time.monotonic()
            if left_s <= 0:
                break
            # A write that fails may end it meanwhile.
            with contextlib.suppress(OSError, ValueError), selectors.DefaultSelector() as selector:
                selector.register(descriptor, selectors.EVENT_WRITE)
                selector.select(left_s)
        with self._lock:
            why = SLOW if self._held else None
            self._end()
        self._tell(why)

    def _left(self) -> int | None:
        """Write what is held. Returns: the descriptor, if something is left."""
        with self._lock:
            descriptor = self._descriptor
            why = None if descriptor is None else self._write_held(descriptor)
            left = self._descriptor if self._held else None
        self._tell(why)
        return left

    def _write_held(self, descriptor: int) -> str | None:
        """Write as much as is taken at once. Returns: why it has ended here, if it has."""
        try:
            while self._held:
                del self._held[: os.write(descriptor, self._held)]
            return None
        except BlockingIOError:
            if len(self._held) <= self._hold_octets + MOST_UNREAD_OCTETS:
                return None
            why = SLOW
        except OSError as error:
            why = error.strerror or str(error)
        self._end()
        return why

    def _end(self) -> None:
        descriptor, self._descriptor = self._descriptor, None
        self._held.clear()
        if descriptor is not None:
            with contextlib.suppress(OSError):  # some disks are found to be full only now
                os.close(descriptor)

    def _tell(self, why: str | None) -> None:
        """Log it, without the lock: a handler may do anything, also what is recorded here."""
        if why is not None:
            _log.error("The capture %r ends here: %s", self._name, why)


def _after_fork() -> None:
    """A lock may be held by a thread that is not there in the child."""
    for each in tuple(_recordings):
        each._lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
