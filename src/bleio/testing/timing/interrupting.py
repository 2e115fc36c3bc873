"""Raising an exception in another thread, which may be in the middle of a call into C.

Python keeps such an exception with its thread, and has a flag for all threads that there is one.
The flag stays up until that thread comes back to Python. While it is up, Python 3.11 never gets
past the beginning of a traced function, in any thread: coverage and debuggers would hang for as
long as a program of an abandoned world sleeps. So the flag is taken down again at once, by an
exception of the calling thread's own, which takes it down as it is raised. The other thread puts it
up again when it comes back.
"""

from __future__ import annotations

import threading


class _Own(BaseException):
    """Raised in the calling thread, and caught there."""


def interrupt(ident: int, reason: type[BaseException]) -> None:
    """Raise `reason` in a thread at its next step of Python, if it comes to one."""
    _leave(ident, reason)
    me = threading.get_ident()
    try:
        _leave(me, _Own)
        while True:
            pass  # it is raised at a jump back, at the latest
    except _Own:
        pass
    except BaseException:  # Ctrl-C, which has come first
        _leave(me, None)
        raise


def _leave(ident: int, reason: type[BaseException] | None) -> None:
    import ctypes  # worlds that end in order need none of it

    exception = None if reason is None else ctypes.py_object(reason)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(ident), exception)
