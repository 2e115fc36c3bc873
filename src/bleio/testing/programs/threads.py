"""Threads that a program starts: they are the device's, as the program's own thread is.

Whose adapter `_bleio.adapter` is, and which engine a new adapter uses, stands in context variables.
A new thread begins without any, so it would be the process's: its `_bleio.adapter` would be the one
that the environment chooses, a real controller perhaps. Therefore what starts threads in a device's
`threading`, `_thread` and `concurrent.futures` has them begin with a copy of the context of the one
that starts them.

As all that is made for a device, these are copies of the real modules with some names replaced.
The classes are subclasses of the real ones. To load the modules again would do for threads, but
each copy would want to be told of forks and of the end of the process, and stay for ever.

Threads that other libraries start have no context. The code that runs there tells whose they are
(`modules.context_of_code`), as long as some of it is the device's.

What may surprise: a thread that the world has made, such as the program's own, is no instance of
the device's `threading.Thread`.
"""

from __future__ import annotations

import _thread
import concurrent.futures
import concurrent.futures.thread
import threading
from collections.abc import Callable
from contextvars import Context, copy_context
from functools import partial
from types import ModuleType
from typing import Any

_NO_ARGUMENTS = ()


class _StartsInContext(threading.Thread):
    """A thread that runs in a copy of the context in which it is started."""

    def start(self) -> None:
        # What subclasses define is `run`, and what `start` calls is the instance's.
        self.run = partial(copy_context().run, self.run)  # type: ignore[method-assign]
        super().start()


def make_thread_modules() -> dict[str, ModuleType]:
    """Make what starts threads in one device, by name."""
    low, high = _copy_of(_thread), _copy_of(threading)
    for name in ("start_new_thread", "start_new"):
        vars(low)[name] = _start_new_thread
    if hasattr(_thread, "start_joinable_thread"):
        vars(low)["start_joinable_thread"] = _start_joinable_thread
    thread = _own("Thread", threading.Thread, _StartsInContext)
    timer = _own("Timer", threading.Timer, _StartsInContext, threading.Timer)
    vars(high).update(Thread=thread, Timer=timer)

    package, futures = _copy_of(concurrent), _copy_of(concurrent.futures)
    pool = _copy_of(concurrent.futures.thread)
    executor = _own("ThreadPoolExecutor", concurrent.futures.ThreadPoolExecutor, _Executor)
    vars(pool).update(ThreadPoolExecutor=executor)
    vars(futures).update(ThreadPoolExecutor=executor, thread=pool)
    vars(package).update(futures=futures)
    return {each.__name__: each for each in (low, high, package, futures, pool)}


class _Executor(concurrent.futures.ThreadPoolExecutor):
    """Runs what it is given, and what is done with results, in the context that it was made in."""

    def __init__(
        self,
        max_workers: int | None = None,
        thread_name_prefix: str = "",
        initializer: Callable[..., object] | None = None,
        initargs: tuple[Any, ...] = _NO_ARGUMENTS,
        **more: Any,
    ) -> None:
        if initializer is not None and not callable(initializer):
            raise TypeError("initializer must be a callable")
        begin = partial(_begin, copy_context(), initializer)
        super().__init__(max_workers, thread_name_prefix, begin, initargs, **more)


def _begin(context: Context, initializer: Callable[..., object] | None, *args: Any) -> None:
    """Make a context that of the calling thread, which is new."""
    for variable, value in context.items():
        variable.set(value)
    if initializer is not None:
        initializer(*args)


def _start_new_thread(function: Callable[..., object], *more: Any) -> int:
    """Start a thread; see `_thread.start_new_thread`."""
    if not callable(function):
        raise TypeError("first arg must be callable")
    return _thread.start_new_thread(partial(copy_context().run, function), *more)


def _start_joinable_thread(function: Callable[[], object], **more: Any) -> Any:
    """Start a thread as `threading` does from Python 3.13 on."""
    start: Any = vars(_thread)["start_joinable_thread"]
    return start(partial(copy_context().run, function), **more)


def _own(name: str, original: type, *bases: type) -> type:
    """Make a class that shows itself as the original."""
    named = {each: getattr(original, each) for each in ("__module__", "__doc__")}
    return type(name, bases, named)


def _copy_of(module: ModuleType) -> ModuleType:
    copy = ModuleType(module.__name__, module.__doc__)
    vars(copy).update(vars(module))
    return copy
