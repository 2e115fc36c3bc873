"""Opening files, whatever lies in their place.

A name says little of what is there. A pipe holds what opens it until somebody opens its other end,
and what has been written by another user is not ours to believe. So nothing is waited for, links
are not followed, and what was opened is looked at before it is used: the file itself, since what
has its name may be another one a moment later. The folders above it are judged by `ownership`.

Errors are OSError with words for people in `strerror`.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import sys
from pathlib import Path
from typing import BinaryIO

from bleio.ownership import others_may_write

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
        raise OSError(errno.ELOOP, "it is a symbolic link") from None
    with contextlib.ExitStack() as unless_ordinary:
        unless_ordinary.callback(os.close, descriptor)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "it is no ordinary file")
        unless_ordinary.pop_all()
    return descriptor


def open_own(path: Path) -> BinaryIO:
    """Open for reading what only this user, or root, can have written. Raises: OSError."""
    with contextlib.ExitStack() as unless_own:
        file = unless_own.enter_context(open(open_descriptor(path, os.O_RDONLY), "rb"))
        objection = objection_to(os.fstat(file.fileno()))
        if objection is not None:
            raise PermissionError(errno.EACCES, objection)
        unless_own.pop_all()
    return file


def objection_to(status: os.stat_result) -> str | None:
    """Say why somebody else may have written a file. On Windows its folder decides that."""
    if sys.platform == "win32":
        return None
    if status.st_uid not in (0, os.geteuid()):
        return "it belongs to another user"
    return "other users may write it" if others_may_write(status) else None
