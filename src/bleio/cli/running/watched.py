"""A program under --reload: notes which of its own files it imports, and ends when it is told to.

What is noted is the state of a file just before Python reads it, so a change that comes right after
is seen, and a file that a program writes and then imports does not make it begin anew for ever. A
module that was not found is noted too, by the files in which it would be: it may be written now.

The folder between the two processes has a file `imported`, a line for each note, and at last a file
`end`. Files, and no pipes or signals, since they are the same on all systems and survive a program
that resets its pretend board, which begins this process anew.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from functools import lru_cache
from importlib.abc import MetaPathFinder
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any

IMPORTED = "imported"
END = "end"
POLL_S = 0.1
GRACE_S = 3.0  # for what a program does at Ctrl-C
# Libraries are not the program's own, also where their environment is in its folder.
_NOT_OWN = ("site-packages", "dist-packages", "__pypackages__")

Signature = tuple[int, int, int]


def signature(path: str) -> Signature | None:
    """Return what changes when a file is saved; None if there is no such file."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


def begin(folder: str, own_folder: str) -> None:
    """Note imports from now on, and wait for the word to end. The program runs after this.

    Args: own_folder: that of the program's own modules.
    """
    place = os.path.join(folder, IMPORTED)
    notes = open(place, "a", encoding="utf-8", buffering=1)  # noqa: SIM115  # until the end
    own = os.path.realpath(own_folder)
    sys.meta_path.insert(0, _Noting(notes, own, found=True))
    sys.meta_path.append(_Noting(notes, own, found=False))
    threading.Thread(target=_wait_for_end, args=(folder,), name="bleio-reload", daemon=True).start()


class _Noting(MetaPathFinder):
    """Finds nothing, and notes what is looked for: what is there, or what nobody has found."""

    def __init__(self, notes: Any, own: str, *, found: bool) -> None:
        self._notes = notes
        self._own = own
        self._found = found

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> None:
        """Note the files of a module of the program's own."""
        name = fullname.rpartition(".")[2]
        for folder in sys.path if path is None else path:
            if isinstance(folder, str) and _is_within(folder, self._own):
                self._note(os.path.join(folder, f"{name}.py"))
                self._note(os.path.join(folder, name, "__init__.py"))

    def _note(self, path: str) -> None:
        state = signature(path)
        if (state is not None) == self._found:
            self._notes.write(f"{json.dumps([os.path.abspath(path), state])}\n")


@lru_cache(1024)  # each import asks for each folder of the search path
def _is_within(folder: str, own: str) -> bool:
    """Whether a folder has modules of the program's own."""
    real = os.path.join(os.path.realpath(folder), "")
    return real.startswith(os.path.join(own, "")) and not set(_NOT_OWN) & set(Path(real).parts)


def _wait_for_end(folder: str) -> None:
    """End the program as Ctrl-C does, once it is wanted; where that does not help, by force."""
    parent = os.getppid()
    end = os.path.join(folder, END)
    while not os.path.exists(end) and os.getppid() == parent:
        time.sleep(POLL_S)
    _hide_interrupt()
    if threading.main_thread().is_alive():
        _interrupt()
    time.sleep(GRACE_S)  # usually the process ends meanwhile, and this thread with it
    engine = sys.modules.get("bleio.runtime.engine")
    if engine is not None:
        engine.stop()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(1)


def _interrupt() -> None:
    if sys.platform == "win32":
        signal.raise_signal(signal.SIGINT)
        return
    number = threading.main_thread().ident
    assert number is not None
    signal.pthread_kill(number, signal.SIGINT)  # it may sleep, and has to wake


def _hide_interrupt() -> None:
    """Show no traceback of it."""
    show = sys.excepthook

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> Any:
        if not issubclass(kind, KeyboardInterrupt):
            show(kind, error, trace)

    sys.excepthook = hook
