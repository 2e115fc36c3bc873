"""The engine thread and the one door into it.

All protocol state belongs to one daemon thread that runs an asyncio loop, started at first need.
Programs' threads come in by `call` (start a coroutine there and wait), `run` (the same for a
plain function) and `post` (do not wait). A waiting thread always wakes: by the result, by its
deadline, by Ctrl-C (which cancels the coroutine), or because the engine stops.

At the program's end the engine gets two seconds to end what is on the air. A forked child gets an
engine of its own; the parent's is left alone there, for its sockets are shared with the parent.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from bleio.errors import BluetoothError, public_error
from bleio.runtime import ending
from bleio.runtime.clock import Clock

if TYPE_CHECKING:
    import asyncio
    from concurrent.futures import Future

    from bleio.backends.base import Backend
    from bleio.core.address import DeviceAddress

T = TypeVar("T")

_log = logging.getLogger(__name__)

_EXIT_S = 2.0  # for ending scans, advertising and links at interpreter exit
_CANCEL_S = 1.0  # for a cancelled coroutine to finish before its caller goes on
_OWN_THREAD = "This would block the thread of the Bluetooth engine; call it from another thread"
_STOPPED = "The Bluetooth engine has stopped"


class EngineUser(Protocol):
    """What the portal tells those who keep things open on the engine."""

    async def shut_down(self) -> None:
        """End everything on the air; engine thread."""

    def forget(self) -> None:
        """Drop all engine state untouched: this is a forked child, and it is the parent's."""


class _Call:
    """One coroutine wanted by another thread, and how it ended."""

    __slots__ = ("args", "condition", "done", "error", "function", "result", "task")

    def __init__(
        self, function: Callable[..., Coroutine[Any, Any, Any]], args: tuple[Any, ...]
    ) -> None:
        self.function = function
        self.args = args
        self.condition = threading.Condition(threading.Lock())
        self.done = False
        self.result: Any = None
        self.error: BaseException | None = None
        self.task: asyncio.Task[Any] | None = None

    def is_done(self) -> bool:
        return self.done

    def finish(self, result: Any, error: BaseException | None) -> None:
        with self.condition:
            if not self.done:
                self.result, self.error, self.done = result, error, True
                self.condition.notify()


class Portal:
    """One engine thread; `portal()` gives the process's, or that of a `use_portal` block."""

    def __init__(self, clock: Clock | None = None) -> None:
        self.clock = clock or Clock()
        # Makes the backend for an adapter string, where adapters are not chosen in the usual way.
        self.make_backend: Callable[[str, DeviceAddress | None], Backend] | None = None
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._stopped = False
        self._calls: set[_Call] = set()
        self._users: list[EngineUser] = []

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
        if self.on_engine_thread():
            raise RuntimeError(_OWN_THREAD)
        call = _Call(function, args)
        try:
            self._submit(call)
            with call.condition:
                if not self.clock.wait_for(call.condition, call.is_done, timeout_s):
                    raise TimeoutError(f"Not finished within {timeout_s:g} s")
        except BaseException:
            self._cancel(call)
            raise
        if call.error is None:
            result: T = call.result
            return result
        raise _as_public(call.error)

    def run(self, function: Callable[..., T], *args: Any) -> T:
        """Run the plain function on the engine and wait for its result; otherwise like `call`."""

        async def run() -> T:
            return function(*args)

        return self.call(run)

    def post(self, function: Callable[..., object], *args: Any) -> None:
        """Run the plain function on the engine soon, in the order of posting.

        Thread: any, also the engine's; does not wait.
        """
        self._started_loop().call_soon_threadsafe(function, *args)

    def on_engine_thread(self) -> bool:
        """Tell whether the caller runs on the engine's thread."""
        return threading.current_thread() is self._thread

    def stop(self, within_s: float = _EXIT_S) -> None:
        """Shut all users down, then end the thread; wakes all callers that still wait."""
        with self._lock:
            loop, thread = self._loop, self._thread
            if self._stopped or loop is None or thread is None:
                self._stopped = True
                return
        try:
            self.call(self._shut_down_all, timeout_s=within_s)
        except (BluetoothError, TimeoutError) as error:
            _log.warning("Bluetooth was not shut down cleanly: %s", error)
        with self._lock:
            self._stopped = True
        loop.call_soon_threadsafe(loop.stop)
        self.clock.join_engine(thread, _CANCEL_S)

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

    # Inside

    def _started_loop(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._stopped:
                raise BluetoothError(_STOPPED)
            if self._loop is None:
                from concurrent.futures import Future

                made: Future[asyncio.AbstractEventLoop] = Future()
                thread = threading.Thread(
                    target=self._main, args=(made,), name="bleio-engine", daemon=True
                )
                thread.start()
                self._loop, self._thread = made.result(), thread
            return self._loop

    def _submit(self, call: _Call) -> None:
        loop = self._started_loop()
        with self._lock:
            if self._stopped:
                raise BluetoothError(_STOPPED)
            self._calls.add(call)
            loop.call_soon_threadsafe(self._begin, call)

    def _begin(self, call: _Call) -> None:
        if call.done:  # given up before it began
            return
        assert self._loop is not None
        call.task = self._loop.create_task(call.function(*call.args))
        call.task.add_done_callback(lambda task: self._ended(call, task))

    def _ended(self, call: _Call, task: asyncio.Task[Any]) -> None:
        with self._lock:
            self._calls.discard(call)
        if task.cancelled():
            call.finish(None, BluetoothError(_STOPPED))
        elif (error := task.exception()) is not None:
            call.finish(None, error)
        else:
            call.finish(task.result(), None)

    def _cancel(self, call: _Call) -> None:
        """End a call that nobody waits for any more, and see it end."""
        with self._lock:
            if call not in self._calls or self._loop is None:
                return
            self._loop.call_soon_threadsafe(self._cancel_here, call)
        with call.condition:
            self.clock.wait_for(call.condition, call.is_done, _CANCEL_S)

    def _cancel_here(self, call: _Call) -> None:
        if call.task is not None:
            call.task.cancel()

    async def _shut_down_all(self) -> None:
        import asyncio

        results = await asyncio.gather(
            *(user.shut_down() for user in tuple(self._users)),
            return_exceptions=True,
        )
        for error in results:
            if error is not None:
                _log.warning("Bluetooth was not shut down cleanly: %s", error)

    def _main(self, made: Future[asyncio.AbstractEventLoop]) -> None:
        """Make the loop here, where no Ctrl-C can leave half of one, and run it."""
        import asyncio

        if self is not _portal:
            _of_context.set(self)
        try:
            loop = self.clock.new_event_loop()
        except BaseException as error:
            made.set_exception(error)
            return
        asyncio.set_event_loop(loop)
        made.set_result(loop)
        try:
            loop.run_forever()
        finally:
            with self._lock:
                self._stopped = True
                calls, self._calls = self._calls, set()
            for call in calls:
                call.finish(None, BluetoothError(_STOPPED))
            _close(loop)


def _close(loop: asyncio.AbstractEventLoop) -> None:
    """Cancel what still runs on a stopped loop, then close it."""
    import asyncio

    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    if tasks:
        loop.run_until_complete(asyncio.wait(tasks, timeout=_CANCEL_S))
    loop.close()


def _as_public(error: BaseException) -> BaseException:
    """Give what the program sees. The inner error stays as its cause, without engine frames, if
    it says more; the same sentence twice would only confuse."""
    public = public_error(error)
    if public is not error and str(public) != str(error):
        public.__cause__ = error.with_traceback(None)
    return public


_of_context: ContextVar[Portal | None] = ContextVar("bleio.portal", default=None)
_portal: Portal | None = None
_portal_lock = threading.Lock()
_parents: list[Portal] = []  # keeps a forking parent's sockets from being finalised in the child


def portal() -> Portal:
    """Give the portal of this context, by default the process's, whose thread starts with the
    first call."""
    global _portal
    if (own := _of_context.get()) is not None:
        return own
    with _portal_lock:
        if _portal is None:
            _portal = Portal()
            ending.call_at_end(_at_end)
        return _portal


def portal_of_context() -> Portal | None:
    """Give the portal of the `use_portal` block that this is in; None outside of any."""
    return _of_context.get()


@contextlib.contextmanager
def use_portal(own: Portal) -> Iterator[None]:
    """Use a portal in place of the process's for adapters made in this context."""
    token = _of_context.set(own)
    try:
        yield
    finally:
        _of_context.reset(token)


def _at_end() -> None:
    if _portal is not None:
        with contextlib.suppress(KeyboardInterrupt):  # a second Ctrl-C: leave at once
            _portal.stop()


def _after_fork() -> None:
    global _portal, _portal_lock
    _portal_lock = threading.Lock()
    if _portal is not None:
        ending.do_not_call(_at_end)
        _portal.forget_all()
        _parents.append(_portal)
        _portal = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
