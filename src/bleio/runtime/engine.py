"""Which engine a program uses, and its end with the program.

A process has one engine, which starts with the first call. A `use_portal` block has its own, so
that many simulated devices can live in one process.

When the main thread has ended, Python waits for the threads that are not daemons, and calls atexit
functions after that. Such a thread may go on using Bluetooth as long as it likes. But after Ctrl-C,
one that waits for what nobody will stop any more (a scan without a time limit) must wake, or the
program would stay, and advertise, for ever. So Ctrl-C ends Bluetooth before Python waits. In the
end the engine gets five seconds to end what is on the air, and so does what blocks beside it.

A forked child gets an engine of its own. The parent's is left alone there: the child has no engine
thread, and the sockets to the controller are shared with the parent, so that whatever the child
closed or sent would be the parent's.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import sys
import threading
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, TypeVar

from bleio.runtime import blocking
from bleio.runtime.calls import Call
from bleio.runtime.clock import Clock
from bleio.runtime.home import home_context
from bleio.runtime.portal import Portal, portal_of_context

T = TypeVar("T")
BLOCKING_S = 5.0  # for what blocks, such as a module that is being loaded; see `blocking`

_portal: Portal | None = None
_portal_lock = threading.Lock()
_parents: list[Portal] = []  # keeps a forking parent's sockets from being finalised in the child


def portal() -> Portal:
    """Return the portal of this context, by default the process's, whose thread starts with the
    first call."""
    global _portal
    if (own := _own_portal()) is not None:
        return own
    with _portal_lock:
        if _portal is None:
            _portal = Portal(of_process=True)
            _call_at_end(stop)
        return _portal


def has_own_portal() -> bool:
    """Whether the calling code's engine is not the process's, as of a simulated device."""
    return _own_portal() is not None


def _own_portal() -> Portal | None:
    """Return the portal of this context, or of the calling code's."""
    own = portal_of_context.get()
    if own is None and (home := home_context()) is not None:
        own = home.get(portal_of_context)
    return own


@contextlib.contextmanager
def use_portal(own: Portal) -> Iterator[None]:
    """Use a portal in place of the process's for adapters made in this context."""
    token = portal_of_context.set(own)
    try:
        yield
    finally:
        portal_of_context.reset(token)


class Engine:
    """The way of one adapter's objects to their engine: that of the context they were made in.

    The process's portal is looked up each time, since a forked child has another.
    """

    def __init__(self) -> None:
        self._own = _own_portal()
        # The program looks at what may change while it looks, see `Clock.look`. Real time, where
        # a look costs nothing, is the process's; so that one is not asked.
        self.look = _ignore if self._own is None else self._own.clock.look

    @property
    def portal(self) -> Portal:
        """The door to the engine's thread."""
        return self._own or portal()

    @property
    def clock(self) -> Clock:
        """The clock that everything of this adapter waits by."""
        return self.portal.clock

    def wait(self, call: Call[T]) -> T:
        """Have a call done by the engine and wait for it; see `Portal.wait`."""
        return (self._own or portal()).wait(call)

    def finish(self, function: Callable[..., Coroutine[Call[Any], Any, T]], *args: Any) -> T:
        """Carry out an operation (see `calls`), waiting for each of its calls.

        It is made here, so that none is left behind by a program that is at its recursion's end.
        """
        operation = function(*args)
        step, value = operation.send, None
        try:
            while True:
                call = step(value)
                try:
                    step, value = operation.send, self.wait(call)
                except BaseException as error:  # of any kind: it is the operation's to see
                    step, value = operation.throw, error
        except StopIteration as end:
            result: T = end.value
            return result
        finally:
            operation.close()

    def call(
        self,
        function: Callable[..., Coroutine[Any, Any, T]],
        *args: Any,
        timeout_s: float | None = None,
    ) -> T:
        """Run a coroutine function on the engine and wait for it; see `Portal.call`."""
        return (self._own or portal()).call(function, *args, timeout_s=timeout_s)

    def run(self, function: Callable[..., T], *args: Any) -> T:
        """Run a plain function on the engine and wait for it; see `Portal.run`."""
        return (self._own or portal()).run(function, *args)

    def post(self, function: Callable[..., object], *args: Any) -> None:
        """Run a plain function on the engine soon, without waiting; see `Portal.post`."""
        (self._own or portal()).post(function, *args)


def _ignore() -> None:
    """A look that costs nothing."""


# The end of the program


def _call_at_end(stop: Callable[[], None]) -> None:
    """Have `stop` called at the end of the program, and before that if Ctrl-C ends its main thread.

    It is called twice then.
    """
    atexit.register(stop)
    # `_register_atexit` is what concurrent.futures uses. The last to register is called first, so
    # we are called before it waits for threads of its own.
    with contextlib.suppress(RuntimeError):  # the main thread has ended already
        import concurrent.futures.thread  # noqa: F401

        register = getattr(threading, "_register_atexit", None)
        if register is not None:
            register(_call_if_interrupted, stop)


def _call_if_interrupted(stop: Callable[[], None]) -> None:
    """Stop early if Ctrl-C was the end of the main thread, which Python has reported by now."""
    if isinstance(getattr(sys, "last_value", None), KeyboardInterrupt):
        stop()


def stop() -> None:
    """End all that this process has on the air, for good; idempotent."""
    if _portal is not None:
        with contextlib.suppress(KeyboardInterrupt):  # a second Ctrl-C: leave at once
            _portal.stop()
            blocking.wait_for_ends(BLOCKING_S)


def _after_fork() -> None:
    global _portal, _portal_lock
    _portal_lock = threading.Lock()
    if _portal is not None:
        atexit.unregister(stop)
        _portal.forget_all()
        _parents.append(_portal)
        _portal = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
