"""The engine thread and the one door into it.

All protocol state belongs to one daemon thread that runs an asyncio loop, started at first need.
So no lock guards protocol state anywhere, and what asyncio runs between two awaits is undivided.
Programs come in by `wait` (hand a call over and wait), `call` and `run` (the same for a coroutine
function or a plain one), `hand_over` (for a task of asyncio, which waits in its own way; see
`awaiting`) and `post` (do not wait).

The obvious door is `asyncio.run_coroutine_threadsafe(...).result()`. It falls short in four ways,
each of which would be a program that hangs:

* A thread that waits on a Future does not wake when the loop stops. Here every call is known to
  the portal until it has ended, and the end of the engine ends them all. A waiting thread always
  wakes: by the result, its deadline, Ctrl-C, or because the engine stops.
* Ctrl-C would leave the coroutine running, and connecting, say, with nobody there to take the
  link. Here the coroutine is cancelled, and its caller goes on when that has ended, or after 1 s.
* A call from the engine's own thread would wait for itself. It is refused.
* It waits by a clock of its own. All waiting here goes through `Clock`, so that a world of
  simulated devices can take its place.

Ctrl-C may interrupt the main thread between any two instructions. What must not be left half done,
such as the making of the loop, is therefore done on the engine's thread, where it never arrives
(`Clock.start_engine`).

In a world of simulated devices the caller may be in the engine's thread, beside it (`InPlace`). If
the engine has nothing else to do then, the call is done where the caller stands, up to its first
wait; there is nothing to hand over.

What may surprise: a posted function may run before `post` returns, and a call that was given up
before the engine came to it never begins. Inner errors become public ones here and nowhere else,
so a traceback that a program prints shows none of the engine's frames.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable, Coroutine
from contextvars import ContextVar
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from bleio.errors import BluetoothError, InnerError, public_error
from bleio.runtime.bell import Bell
from bleio.runtime.calls import STOPPED, Call, PlainCall
from bleio.runtime.clock import Clock, EngineThread, InPlace

if TYPE_CHECKING:
    import asyncio
    import logging

    from bleio.backends.base import Backend
    from bleio.core.address import DeviceAddress

    MakeBackend = Callable[[str, DeviceAddress | None], Backend]

T = TypeVar("T")

_EXIT_S = 5.0  # for ending scans, advertising and links at interpreter exit; bluetoothd takes 2 s
CANCEL_S = 1.0  # for a cancelled coroutine to finish before its caller goes on
_OWN_THREAD = "This would block the thread of the Bluetooth engine; call it from another thread"

_ASKED = (
    "A condition that is waited for cannot call what takes time on the Bluetooth engine; let it"
    " look at what is known already"
)

_portals: weakref.WeakSet[Portal] = weakref.WeakSet()


class EngineUser(Protocol):
    """What keeps something open on the engine, and has to let go of it."""

    async def shut_down(self) -> None:
        """End everything on the air; engine thread."""

    def forget(self) -> None:
        """Drop all engine state untouched: this is a forked child, and it is the parent's."""


class Portal:
    """One engine thread. See `engine.portal` for which one a program uses.

    Args: clock: what everything waits by. make_backend: makes the backend for an adapter string,
        where adapters are not chosen in the usual way. of_process: it is what code finds that is
        in no `use_portal` block, so its thread need not say which portal it belongs to.
    Attributes: ended: rung when the engine has stopped.
    """

    def __init__(
        self,
        clock: Clock | None = None,
        make_backend: MakeBackend | None = None,
        *,
        of_process: bool = False,
    ) -> None:
        self.clock = clock or Clock()
        self.make_backend = make_backend
        self._of_process = of_process
        self._lock = threading.Lock()
        self._engine: EngineThread | None = None
        self._in_place: InPlace | None = None
        self._stopped = False
        self._calls: set[Call[Any]] = set()
        self.ended = Bell()
        self._users: list[EngineUser] = []
        _portals.add(self)

    # Any thread

    def call(
        self,
        function: Callable[..., Coroutine[Any, Any, T]],
        *args: Any,
        timeout_s: float | None = None,
    ) -> T:
        """Run the coroutine function on the engine and wait for its result.

        Args: timeout_s: None waits without limit, for what ends by itself or by Ctrl-C.
        Raises: what the coroutine raised, inner errors as public ones; TimeoutError at the
            deadline; RuntimeError on the engine's own thread; BluetoothError if the engine stops.
        Thread: any but the engine's; waits.
        """
        return self.wait(Call(function, *args), timeout_s)

    def run(self, function: Callable[..., T], *args: Any) -> T:
        """Run the plain function on the engine and wait for its result; otherwise like `call`."""
        return self.wait(PlainCall(function, *args))

    def wait(self, call: Call[T], timeout_s: float | None = None) -> T:
        """Hand a call over and wait until it has ended; see `call`."""
        try:
            if self.hand_over(call) and not self.clock.wait_for_flag(call, timeout_s):
                raise TimeoutError(f"Not finished within {timeout_s:g} s")
        except BaseException:
            if self.give_up(call):
                self.clock.wait_for_flag(call, CANCEL_S)
            raise
        if call.error is not None:
            raise as_public(call)
        result: T = call.result
        return result

    def hand_over(self, call: Call[Any]) -> bool:
        """Have the engine begin a call.

        Returns: whether its flag is to be waited for; else it has ended, and took no time.
        Raises: RuntimeError on the engine's own thread; BluetoothError if the engine has stopped.
        """
        engine, in_place = self._engine, self._in_place
        if engine is not None and engine.is_here():
            if in_place is not None and in_place.is_asked():
                self._look(call, in_place)
                return False
            raise RuntimeError(_OWN_THREAD)
        if engine is not None and in_place is not None and in_place.is_free():
            call.known = self._calls
            self._calls.add(call)
            in_place.run(call.begin, engine.loop, in_place)
            return True
        with self._lock:
            loop = self._started_loop()
            in_place = self._in_place
            asked = in_place is not None and in_place.is_asked()
            if not asked:
                call.known = self._calls
                self._calls.add(call)
                loop.call_soon_threadsafe(call.begin, loop)
        if asked and in_place is not None:
            self._look(call, in_place)
            return False
        return True

    def give_up(self, call: Call[Any]) -> bool:
        """End a call that nobody waits for any more. Returns: whether it has not ended yet."""
        with self._lock:
            if self._engine is None or self._stopped:
                return False
            under_way = call in self._calls
            if under_way or call.undo is not None:
                self._engine.loop.call_soon_threadsafe(call.give_up)
        return under_way

    def give_up_forsaken(self) -> None:
        """End calls of tasks whose loop was closed: they would be in the way for ever."""
        for call in tuple(self._calls):
            if call.waker is not None and call.waker.is_forsaken():
                self.give_up(call)

    @property
    def stopped(self) -> bool:
        """Whether the engine has stopped for good."""
        return self._stopped

    def post(self, function: Callable[..., object], *args: Any) -> None:
        """Run the plain function on the engine soon, in the order of posting.

        Thread: any, also the engine's; does not wait.
        """
        with self._lock:
            loop = self._started_loop()
        loop.call_soon_threadsafe(function, *args)

    def on_engine_thread(self) -> bool:
        """Tell whether the caller runs on the engine's thread."""
        return self._engine is not None and self._engine.is_here()

    def stop(self, within_s: float = _EXIT_S) -> None:
        """Shut all users down, then end the thread; wakes all callers that still wait."""
        with self._lock:
            engine = self._engine
            if self._stopped or engine is None:
                self._stopped = True
                return
        try:
            self.call(self._shut_down_all, timeout_s=within_s)
        except (BluetoothError, TimeoutError) as error:
            _log().warning("Bluetooth was not shut down cleanly: %s", error)
        with self._lock:
            self._stopped = True
        engine.loop.call_soon_threadsafe(engine.loop.stop)
        engine.join(CANCEL_S)

    # Users: engine thread, except forget_all

    def join(self, user: EngineUser) -> None:
        """Have the user told when the engine stops."""
        if user not in self._users:
            self._users.append(user)

    def leave(self, user: EngineUser) -> None:
        """Undo `join`."""
        if user in self._users:
            self._users.remove(user)

    def forget_all(self) -> None:
        """Tell the users that this engine is the parent process's."""
        for user in self._users:
            user.forget()

    def _look(self, call: Call[Any], in_place: InPlace) -> None:
        """Do a call that a condition makes while it is asked, if that cannot wait."""
        if not isinstance(call, PlainCall):
            raise RuntimeError(_ASKED)
        with self._lock:
            loop = self._started_loop()
            call.known = self._calls
            self._calls.add(call)
        try:
            in_place.look(partial(call.begin, loop))
        finally:
            self._calls.discard(call)  # it has ended, or there was no room for it on the stack

    # The thread

    def _started_loop(self) -> asyncio.AbstractEventLoop:
        """Return the loop, whose thread starts with the first use. The caller holds the lock."""
        if self._stopped:
            raise BluetoothError(STOPPED)
        if self._engine is None:
            self._engine = self.clock.start_engine(self._run)
            self._in_place = self._engine.in_place
        return self._engine.loop

    async def _shut_down_all(self) -> None:
        import asyncio

        results = await asyncio.gather(
            *(user.shut_down() for user in tuple(self._users)),
            return_exceptions=True,
        )
        for error in results:
            if error is not None:
                _log().warning("Bluetooth was not shut down cleanly: %s", error)

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        """Be the engine, until its loop is stopped. Thread: the engine's."""
        if not self._of_process:
            portal_of_context.set(self)
        try:
            loop.run_forever()
        finally:
            with self._lock:
                self._stopped = True
                calls = tuple(self._calls)
                self._calls.clear()
            for call in calls:
                call.engine_stopped()
            self.ended.ring()
            _close(loop)


def _log() -> logging.Logger:
    """Return what is rarely needed: logging takes longer to load than half of `_bleio`."""
    import logging

    return logging.getLogger(__name__)


def _close(loop: asyncio.AbstractEventLoop) -> None:
    """Cancel what still runs on a stopped loop, then close it."""
    import asyncio

    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    if tasks:
        loop.run_until_complete(asyncio.wait(tasks, timeout=CANCEL_S))
    loop.close()


def as_public(call: Call[Any]) -> BaseException:
    """Return what the program sees of how a call has failed, with a note on what it wanted."""
    error = call.error
    assert error is not None
    if not isinstance(error, InnerError):
        return error
    from bleio.runtime.attempts import words_of  # not needed as long as all goes well

    return public_error(error, *words_of(call.function, call.args))


def _after_fork() -> None:
    """A lock may be held by a thread that is not there in the child."""
    for each in tuple(_portals):
        each._lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)

# The portal that code in a `use_portal` block uses, and what a portal's own thread runs.
portal_of_context: ContextVar[Portal | None] = ContextVar("bleio.portal", default=None)
