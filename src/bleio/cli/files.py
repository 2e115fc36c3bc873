"""What to say of files that cannot be used."""

from __future__ import annotations


def unusable(error: OSError) -> str:
    """Give one sentence on a file or folder that the user has named."""
    what = "" if error.filename is None else f" {error.filename!r}"
    return f"Cannot use{what}: {error.strerror or error}; give another place or make it writable."
