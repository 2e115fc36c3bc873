"""The end of the program, by which everything on the air has to end.

When the main thread has ended, Python waits for the threads that are not daemons, and calls atexit
functions after that. Such a thread may go on using Bluetooth as long as it likes. But after Ctrl-C,
one that waits for what nobody will stop any more (a scan without a time limit) must wake, or the
program would stay, and advertise, for ever. So Ctrl-C ends Bluetooth before Python waits.
"""

from __future__ import annotations

import atexit
import contextlib
import sys
import threading
from collections.abc import Callable


def call_at_end(stop: Callable[[], None]) -> None:
    """Have `stop` called at the end of the program, and before that if Ctrl-C ends its main thread.

    It is called twice then. Thread: any.
    """
    atexit.register(stop)
    # `_register_atexit` is what concurrent.futures uses. The last to register is called first, so
    # we are called before it waits for threads of its own.
    with contextlib.suppress(RuntimeError):  # the main thread has ended already
        import concurrent.futures.thread  # noqa: F401

        register = getattr(threading, "_register_atexit", None)
        if register is not None:
            register(lambda: stop() if _interrupted() else None)


def do_not_call(stop: Callable[[], None]) -> None:
    """Undo `call_at_end`, in a forked child; one that Ctrl-C ends may call it nevertheless."""
    atexit.unregister(stop)


def _interrupted() -> bool:
    """Whether Ctrl-C was the end of the main thread, which Python has reported by now."""
    return isinstance(getattr(sys, "last_value", None), KeyboardInterrupt)
