"""How a command ends at Ctrl-C, at `kill` and with its terminal: in order, and once.

The first of these signals begins the end. What a signal does depends on what the command does:

    it computes    KeyboardInterrupt is raised where it is, as Python does
    it awaits      its task is cancelled where it waits; see `shared.running`
    it has ended   and Python closes adapters: it is left at once

A second signal would break what the first has begun: the way back from a screen of the command's
own, a file that is to be whole, the exit code. It mostly is the same wish: Ctrl-C is pressed twice,
a key is held, the window is closed after it. So for a second it does nothing. After that it says
that the end takes too long, since an adapter hangs, or nobody reads a pipe. A command that computes
gets another KeyboardInterrupt then. One that awaits is left at once; what would outlive it, such as
how the terminal is set, is put right by what the command has left in `undo`.

Python's own ways are not used. `asyncio.run` cancels at the first Ctrl-C and raises at the second
since 3.11, and raises at each before that; and what is raised at the end of the interpreter is
shown as a traceback.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

_SAME_WISH_S = 1.0
_BY_SIGNAL = 128  # and its number: an exit code, as shells have it
_KILLS = ("SIGTERM", "SIGHUP")


def interrupt() -> None:
    """Do as Python does at Ctrl-C. Raises: KeyboardInterrupt."""
    raise KeyboardInterrupt


class Ending:
    """What the signals do that end this process. Thread: the main one.

    Attributes: number: of the signal that came first; 0 if none has. undo: what to call before the
        command is left at once; in a signal's handler, so the terminal and the like are in any
        state.
    """

    def __init__(self) -> None:
        self.number = 0
        self.undo: list[Callable[[], object]] = []
        self._first: Callable[[], object] = interrupt
        self._again: Callable[[], object] = interrupt
        self._came_s = 0.0
        self._is_whole_process = False

    def begin(self) -> None:
        """Take Ctrl-C, until the process ends. Where it is ignored it still is."""
        self._is_whole_process = True
        atexit.register(self._keep_exit_code)  # the first, so it is called last
        self._take(signal.SIGINT, signal.default_int_handler)

    def calm(self) -> None:
        """Nothing is raised from now on: the command has ended, and only adapters are to close."""
        self._first = self._again = self.leave

    def give_back(self) -> None:
        """Let Ctrl-C be the program's that runs in this process from now on."""
        if signal.getsignal(signal.SIGINT) == self._handle:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    @property
    def exit_code(self) -> int:
        """That of a command that a signal has ended, or Ctrl-C before it was taken."""
        return _BY_SIGNAL + (self.number or signal.SIGINT)

    @contextlib.contextmanager
    def by(
        self, first: Callable[[], object], again: Callable[[], object] | None = None
    ) -> Iterator[None]:
        """Within this, end by calling something, at `kill` and when the terminal is closed, too.

        Args: first: at the first signal; in its handler. again: at one that comes later than in the
            same wish; by default the command is left then.
        """
        if not self._is_whole_process:
            self.number = 0
        usual: dict[int, Any] = {signal.SIGINT: signal.default_int_handler}
        usual.update((each, signal.SIG_DFL) for each in _kills())
        taken = {
            number: handler for number, handler in usual.items() if self._take(number, handler)
        }
        before = self._first, self._again
        self._first, self._again = first, again or self.leave
        try:
            yield
        finally:
            self._first, self._again = before
            if not (self._is_whole_process and self.number):  # else it is ending for good
                for number, handler in taken.items():
                    signal.signal(number, handler)

    def leave(self) -> None:
        """End the process at once."""
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # the terminal may hang, too
        for undo in reversed(self.undo):
            with contextlib.suppress(Exception):  # it is torn from what it does
                undo()
        os._exit(self.exit_code)

    def _take(self, number: int, usual: object) -> bool:
        """Handle a signal, unless somebody else does. Returns: whether."""
        if signal.getsignal(number) is not usual:
            return False
        signal.signal(number, self._handle)
        return True

    def _handle(self, number: int, _frame: object) -> None:
        now_s = time.monotonic()
        if self.number and now_s < self._came_s + _SAME_WISH_S:
            return
        act = self._again if self.number else self._first
        self.number, self._came_s = self.number or number, now_s
        act()

    def _keep_exit_code(self) -> None:
        """Ignore what would end Python on its last steps, which is no more to be changed."""
        if self.number:
            for number in (signal.SIGINT, *_kills(self._handle)):
                signal.signal(number, signal.SIG_IGN)


def _kills(handler: object = signal.SIG_DFL) -> Iterator[int]:
    """Yield the signals besides Ctrl-C that are handled so; none on Windows."""
    if sys.platform != "win32":
        for name in _KILLS:
            number = getattr(signal, name)
            if signal.getsignal(number) == handler:
                yield number


ENDING = Ending()
