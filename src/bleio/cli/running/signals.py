"""Ctrl-C and the like for a process that runs a program in another one and waits.

Ctrl-C at a terminal reaches both; `kill` reaches this one alone, which has to pass it on. But if
Ctrl-C were passed on as well, the program would get it twice, and be disturbed while it tidies up.
Linux tells which of them it was to a process that waits for signals in place of handling them.
Elsewhere a signal counts as the terminal's if this process is in its foreground.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from types import FrameType
from typing import Any

_PASSED = (signal.SIGINT, signal.SIGTERM)
# A program that goes on after Ctrl-C and ends much later has not ended by it.
_RECENT_S = 10.0


class Signals:
    """Passes signals on to `process`, the program. A context manager, of the main thread.

    When it is left this process ends, and what has come meanwhile is to change nothing of how.
    """

    process: subprocess.Popen[bytes] | None = None

    def __init__(self) -> None:
        self._came_s = -_RECENT_S
        self._before: Any = None

    @property
    def want_end(self) -> bool:
        """Whether the user has just asked for the end."""
        return time.monotonic() - self._came_s < _RECENT_S

    def __enter__(self) -> Signals:
        if sys.platform == "linux":
            waited = {*_PASSED, signal.SIGCHLD}
            self._before = signal.pthread_sigmask(signal.SIG_BLOCK, waited)
        else:
            for each in _PASSED:
                signal.signal(each, self._handle)
        return self

    def __exit__(self, *exc: Any) -> None:
        for number in _PASSED:
            signal.signal(number, signal.SIG_IGN)
        if sys.platform == "linux":
            signal.pthread_sigmask(signal.SIG_SETMASK, self._before)

    def in_child(self) -> None:
        """Let the program have signals as this process had them; before it begins."""
        if sys.platform == "linux":
            signal.pthread_sigmask(signal.SIG_SETMASK, self._before)

    def wait(self, seconds: float) -> None:
        """Wait; returns early when a signal has come or the program has ended."""
        if sys.platform != "linux":
            time.sleep(seconds)
            return
        while (info := signal.sigtimedwait({*_PASSED, signal.SIGCHLD}, seconds)) is not None:
            if info.si_signo in _PASSED:
                self._came(info.si_signo, pass_on=info.si_code <= 0)  # not from the kernel
            seconds = 0  # what has come besides

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        self._came(number, pass_on=not _is_terminals(number))

    def _came(self, number: int, *, pass_on: bool) -> None:
        self._came_s = time.monotonic()
        if pass_on and self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)


def _is_terminals(number: int) -> bool:
    if sys.platform == "win32" or number != signal.SIGINT:
        return number == signal.SIGINT  # which all of a console get
    try:
        terminal = os.open("/dev/tty", os.O_RDWR)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)


def end_as(code: int) -> None:
    """End this process as another one has ended, whose return code that is."""
    if code < 0:
        number = -code
        with contextlib.suppress(OSError):  # of those that nobody can handle
            signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    sys.exit(code)
