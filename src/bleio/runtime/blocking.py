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

_threads: set[threading.Thread] = set()  # a step on it is undivided, so it needs no lock


def run_aside(function: Callable[[], object]) -> None:
    """Run a function that blocks. Thread: any, also after the main thread has ended."""

    def run() -> None:
        try:
            function()
        finally:
            _threads.discard(thread)

    thread = threading.Thread(target=run, name="bleio-blocking", daemon=True)
    _threads.add(thread)
    try:
        thread.start()
    except RuntimeError:  # the system has no more threads
        _threads.discard(thread)
        raise


def wait_for_ends(limit_s: float) -> None:
    """Wait until all that blocks has ended, or for so long; once for each. Thread: any."""
    end_s = time.monotonic() + limit_s
    for thread in tuple(_threads):
        if thread.is_alive():
            thread.join(max(0.0, end_s - time.monotonic()))
    _threads.clear()
