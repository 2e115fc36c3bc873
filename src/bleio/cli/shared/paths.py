"""What is said of files and folders that the user has named and that cannot be used."""

from __future__ import annotations

import errno

# What writing to standard output may end with.
_OF_OUTPUT = (errno.EPIPE, errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def unusable(error: OSError) -> str:
    """Return one sentence on a file or folder that the user has named.

    Raises: the error, if it is not about a file with a name but about standard output.
    """
    _let_pass(error)
    what = "" if error.filename is None else f" {error.filename!r}"
    return f"Cannot use{what}: {error.strerror or error}; give another place or make it writable."


def unreadable(error: OSError) -> str:
    """Return one sentence on a file that the user wants read. Raises: as `unusable`."""
    _let_pass(error)
    what = "" if error.filename is None else f" {error.filename!r}"
    return f"Cannot read{what}: {error.strerror or error}."


def _let_pass(error: OSError) -> None:
    """Raise an error of standard output: `bleio` itself has its sentence and its exit code."""
    if error.filename is None and error.errno in _OF_OUTPUT:
        raise error
