"""Threads for what blocks beside an engine: files, name lookups, the loading of modules.

They are daemon threads, since a program must be able to end although a file system hangs. But
Python ends such a thread wherever it next takes Python's lock, and in the middle of compiled code,
as while `cryptography` is loaded, that aborts the whole process. So the end of a program waits for
them, within a bound.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from weakref import WeakSet

_threads: WeakSet[threading.Thread] = WeakSet()


def run_aside(function: Callable[[], object]) -> None:
    """Run a function that blocks. Thread: any, also after the main thread has ended."""
    thread = threading.Thread(target=function, name="bleio-blocking", daemon=True)
    thread.start()
    _threads.add(thread)


def wait_for_ends(limit_s: float) -> None:
    """Wait until all that blocks has ended, or for so long; once for each. Thread: any."""
    end_s = time.monotonic() + limit_s
    for thread in tuple(_threads):
        thread.join(max(0.0, end_s - time.monotonic()))
    _threads.clear()
