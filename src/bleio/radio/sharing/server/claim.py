"""A claim to a path outside the radio's folder, where it listens or has a link; one radio has it.

What lies at such a path does not tell whether it is in use: a killed radio leaves its socket, and
its link leads to a terminal whose number the next program gets. A lock tells. Its file is in this
user's runtime folder and not beside the path, where in a folder like /tmp another user could have
put anything of that name: a link to a file that would be emptied and removed as a lock.

Radios of other users have claims of their own. They cannot take what lies at the path, as long as
each removes only what belongs to its own user.
"""

from __future__ import annotations

import errno
import hashlib
import os
from pathlib import Path

from bleio.locks import FileLock
from bleio.radio.sharing.place import runtime_folder


class Claim:
    """Held from before a path is made until after it is removed.

    Attributes: inherited: whether a radio that claimed this path was killed, and what lies there
    may be its own.
    Raises: OSError (EADDRINUSE) if a radio of this user has it, ControllerLost if there is no
    folder for locks.
    """

    def __init__(self, path: Path) -> None:
        path = path.parent.resolve() / path.name  # the same path by other links is the same claim
        digest = hashlib.sha256(os.fsencode(path)).hexdigest()[:32]
        file = runtime_folder() / f".{digest}.lock"  # no radio's name begins with a dot
        self.inherited = file.exists()
        self._lock = FileLock(file)
        if not self._lock.try_acquire():
            raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))

    def release(self) -> None:
        """Let others have the path."""
        self._lock.release()
