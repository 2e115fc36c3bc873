"""Which threads of this process work with files.

Python tells of opened, renamed and removed files by itself (`sys.addaudithook`), which cannot be
taken back, so this is for processes of their own; what only looks, reads, writes or syncs is
replaced by a function that tells of it. Sockets, pipes and devices are no files. What Python reads
to import a module counts.
"""

from __future__ import annotations

import os
import stat
import sys
import threading
from typing import Any

_EVENTS = frozenset(
    {"open", "fcntl.flock", "subprocess.Popen"}
    | {f"os.{name}" for name in ("chmod", "chown", "link", "listdir", "mkdir", "remove", "rename")}
    | {f"os.{name}" for name in ("rmdir", "scandir", "symlink", "truncate", "utime")}
)
_BY_PATH = ("lstat", "readlink", "stat")
_BY_DESCRIPTOR = ("fstat", "fsync", "read", "write")
_MOST_FRAMES = 8


class FileWork:
    """What was done since it was made, and by which threads."""

    def __init__(self) -> None:
        self._done: list[tuple[int, str]] = []
        self._status_of = os.fstat
        sys.addaudithook(self._audited)
        for name in _BY_PATH:
            setattr(os, name, self._told(name, getattr(os, name)))
        for name in _BY_DESCRIPTOR:
            setattr(os, name, self._told_of_files(name, getattr(os, name)))

    def of(self, thread: threading.Thread) -> list[str]:
        """Return what a thread has done, each with where in the code that was."""
        return [what for ident, what in self._done if ident == thread.ident]

    def of_others(self, thread: threading.Thread) -> list[str]:
        """Return what all other threads have done."""
        return [what for ident, what in self._done if ident != thread.ident]

    def _audited(self, event: str, args: tuple[Any, ...]) -> None:
        if event in _EVENTS and not (event == "open" and isinstance(args[0], int)):
            self._note(event, args[0] if args else "")

    def _told(self, name: str, function: Any) -> Any:
        def tells(path: Any, *args: Any, **kwargs: Any) -> Any:
            self._note(name, path)
            return function(path, *args, **kwargs)

        return tells

    def _told_of_files(self, name: str, function: Any) -> Any:
        def tells(descriptor: int, *args: Any) -> Any:
            if stat.S_ISREG(self._status_of(descriptor).st_mode):
                self._note(name, descriptor)
            return function(descriptor, *args)

        return tells

    def _note(self, what: str, target: object) -> None:
        frame, places = sys._getframe(2), list[str]()
        while frame is not None and len(places) < _MOST_FRAMES:
            code = frame.f_code
            places.append(f"{code.co_filename}:{frame.f_lineno} {code.co_name}")
            frame = frame.f_back  # type: ignore[assignment]
        self._done.append((threading.get_ident(), "\n    ".join((f"{what} {target}", *places))))
