"""How blocking calls wait, and by which clock: the one place to change for simulated time.

Everything that blocks a program's thread waits through `Clock.wait_for`, and everything that the
engine times runs on the loop that `Clock.new_event_loop` makes.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import asyncio
    from concurrent.futures import Future

# A wait on a lock lets Ctrl-C through at once on Linux only; elsewhere we look every 50 ms. On
# Linux too a signal that comes just before the thread blocks is seen only when the wait ends.
_SLICE_S = 1.0 if sys.platform == "linux" else 0.05


class Flag:
    """Set once, by the engine; one thread waits for it.

    It is a lock that is held until then. A Condition would do, but costs a dozen Python calls at
    each use, and every call that a program makes into the engine needs one of these.
    """

    __slots__ = ("done", "lock")

    def __init__(self) -> None:
        self.done = False
        self.lock = threading.Lock()
        self.lock.acquire()

    def is_set(self) -> bool:
        """Whether it is set. Any thread."""
        return self.done

    def set(self) -> None:
        """Wake the thread that waits. To be called once. Thread: the engine's."""
        self.done = True
        self.lock.release()


class Alive(Protocol):
    """What was started by `Clock.start_thread`."""

    def is_alive(self) -> bool:
        """Whether it has not ended."""


class InPlace(Protocol):
    """Lets a caller be the engine for a moment, in place of handing it something to do."""

    def is_free(self) -> bool:
        """Whether the caller may be: the engine has nothing to do, and runs in its thread."""

    def run(self, function: Callable[..., object], *args: object) -> None:
        """Be the engine while `function(*args)` runs, if it is free."""

    def is_asked(self) -> bool:
        """Whether the caller is a condition that somebody waits for: it can look, but not wait."""

    def look(self, function: Callable[[], object]) -> None:
        """Run `function()`, which does not wait, while a condition is asked."""

    def start(self, coroutine: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Make a task that has run up to its first wait, or its end, when this returns.

        To be called inside of `run`.
        """


class EngineThread(Protocol):
    """Where an engine runs. Thread: any.

    in_place: the way to it for callers in its own thread; None if there are none.
    """

    @property
    def loop(self) -> asyncio.AbstractEventLoop: ...

    @property
    def in_place(self) -> InPlace | None: ...

    def is_here(self) -> bool:
        """Whether the caller runs there."""

    def join(self, timeout_s: float) -> None:
        """Wait for its end. The loop has been told to stop."""


class OwnThread:
    """An engine's daemon thread. The loop is made there, where no Ctrl-C can leave half of one."""

    in_place = None

    def __init__(
        self,
        make_loop: Callable[[], asyncio.AbstractEventLoop],
        run: Callable[[asyncio.AbstractEventLoop], None],
    ) -> None:
        from concurrent.futures import Future

        made: Future[asyncio.AbstractEventLoop] = Future()
        self._ident = 0
        self._thread = threading.Thread(
            target=self._main, args=(make_loop, run, made), name="bleio-engine", daemon=True
        )
        self._thread.start()
        self.loop = made.result()

    def _main(
        self,
        make_loop: Callable[[], asyncio.AbstractEventLoop],
        run: Callable[[asyncio.AbstractEventLoop], None],
        made: Future[asyncio.AbstractEventLoop],
    ) -> None:
        import asyncio

        try:
            loop = make_loop()
        except BaseException as error:
            made.set_exception(error)
            return
        asyncio.set_event_loop(loop)
        self._ident = threading.get_ident()
        made.set_result(loop)
        try:
            run(loop)
        finally:
            self._ident = 0  # another thread may get the number

    def is_here(self) -> bool:
        return threading.get_ident() == self._ident

    def join(self, timeout_s: float) -> None:
        self._thread.join(timeout_s)


class Clock:
    """Real time. `looks_take_time`: to look at what is there already is a wait, too.
    `kind_of_loops`: those of programs whose tasks can wait for the engine; None is all."""

    looks_take_time = False
    kind_of_loops: type[asyncio.AbstractEventLoop] | None = None

    def start_engine(self, run: Callable[[asyncio.AbstractEventLoop], None]) -> EngineThread:
        """Start what runs the engine: `run(loop)`, which ends when the loop was stopped.

        Raises: what making the loop raises. Thread: any.
        """
        return OwnThread(self.new_event_loop, run)

    def new_event_loop(self) -> asyncio.AbstractEventLoop:
        """Make the engine's loop. asyncio is imported here since `import _bleio` must be quick."""
        from bleio.runtime.loop import EngineLoop

        return EngineLoop()

    def wait_for(
        self,
        condition: threading.Condition,
        predicate: Callable[[], bool],
        timeout_s: float | None = None,
    ) -> bool:
        """Wait until `predicate()` holds; what makes it true must notify `condition`.

        Args: condition: held by the caller. timeout_s: None waits without limit.
        Returns: what the predicate returned last: False after the time-out.
        Raises: KeyboardInterrupt in the main thread.
        Thread: any but the engine's.
        """
        end = None if timeout_s is None else time.monotonic() + timeout_s
        while not predicate():
            left = _SLICE_S if end is None else end - time.monotonic()
            if left <= 0:
                return False
            condition.wait(min(left, _SLICE_S))
        return True

    def wait_for_flag(self, flag: Flag, timeout_s: float | None = None) -> bool:
        """Wait until the flag is set; otherwise like `wait_for`."""
        end = None if timeout_s is None else time.monotonic() + timeout_s
        while not flag.done:
            left = _SLICE_S if end is None else end - time.monotonic()
            if left <= 0:
                return False
            flag.lock.acquire(timeout=min(left, _SLICE_S))
        return True

    def look(self) -> None:
        """A program's thread looks at what the engine or the air changes, perhaps in a loop.

        It costs nothing here; simulated time has to go on even then. Thread: any.
        """

    def announce(self) -> None:
        """What somebody waits for by `wait_for` may have come, by another thread than the engine's.

        The condition is notified as well. Simulated time must be told even then. Thread: any.
        """

    def start_thread(self, target: Callable[[], None], name: str) -> Alive:
        """Start what runs a program's code beside it, as a daemon thread does. Thread: any."""
        thread = threading.Thread(target=target, name=name, daemon=True)
        thread.start()
        return thread
