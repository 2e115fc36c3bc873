"""The module `_thread` of one device: threads are participants of its world.

A thread of the operating system would run beside the world: what it does, and when it does it,
would depend on the machine, and while it computes, simulated time would run away. So a thread that
a program starts is a participant like the program itself, in a greenlet, in a copy of the context
of the one that starts it: it has the device's adapter.

Python's `threading` is written in Python on top of this module, so it need not know.
"""

from __future__ import annotations

import _thread
from collections.abc import Callable
from contextvars import copy_context
from itertools import count
from types import ModuleType
from typing import Any
from weakref import WeakKeyDictionary

from bleio.testing.errors import PowerOff
from bleio.testing.programs.threads.primitives import make_local_class, make_lock_class
from bleio.testing.timing.clock import VirtualClock
from bleio.testing.timing.participant import Participant

# What `threading` then has in Python, or has not at all.
_LEFT_OUT = ("RLock", "_excepthook", "_ExceptHookArgs", "set_name", "_set_name")


class DeviceThreads:
    """The threads of one device. Args: main: runs the program."""

    def __init__(self, clock: VirtualClock, main: Participant, device: str) -> None:
        self.clock = clock
        self.main = main
        self.lock = make_lock_class(clock)
        self._device = device
        self._idents: WeakKeyDictionary[Participant, int] = WeakKeyDictionary()
        self._counted = count(1)
        self._running: dict[Participant, None] = {}
        self._sentinels: dict[int, Any] = {}
        self._number = 0

    def ident(self, who: Participant | None = None) -> int:
        """Return the number of a thread, by default of the calling one."""
        who = who or self.clock.participant()
        if who.stranger:
            return _thread.get_ident()
        if who not in self._idents:
            self._idents[who] = next(self._counted)
        return self._idents[who]

    def start(
        self, function: Callable[..., object], args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> int:
        """See `_thread.start_new_thread`."""
        if not callable(function):
            raise TypeError("first arg must be callable")
        return self.ident(self.run(lambda: function(*args, **(kwargs or {}))))

    def run(self, body: Callable[[], object], at_end: Callable[[], None] | None = None) -> Any:
        """Start a thread. Returns: the participant."""
        context, starter = copy_context(), self.clock.participant()

        def live() -> None:
            try:
                context.run(body)
            except (PowerOff, SystemExit):
                pass
            finally:
                self._running.pop(me, None)
                sentinel = self._sentinels.pop(self.ident(me), None)
                # Who is interrupted in `join` has released it before, until Python 3.12.
                if sentinel is not None and sentinel.locked():
                    sentinel.release()
                if at_end is not None:
                    at_end()

        self._number += 1
        me: Participant = self.clock.start_thread(live, f"thread {self._number} of {self._device}")
        me.look_us, me.late = starter.look_us, starter.late
        self._running[me] = None
        return me

    def set_sentinel(self) -> Any:
        """Return a lock that is released when the calling thread ends; of Python to 3.12."""
        lock = self._sentinels[self.ident()] = self.lock()
        return lock

    def stop(self) -> None:
        """End all that still run, where they wait."""
        for each in tuple(self._running):
            self.clock.stop(each, PowerOff)


class _Handle:
    """What `threading` joins a thread by, from Python 3.13 on."""

    def __init__(self, threads: DeviceThreads) -> None:
        self.ident = 0
        self._threads = threads
        self._done = False

    def is_done(self) -> bool:
        return self._done

    def _set_done(self) -> None:
        self._done = True
        self._threads.clock.announce()

    def join(self, timeout: float | None = None) -> None:
        if timeout is not None and timeout < 0:
            timeout = None
        self._threads.clock.wait_until(self.is_done, timeout)


def make_low_module(threads: DeviceThreads) -> ModuleType:
    """Make the module."""
    module = ModuleType("_thread", _thread.__doc__)
    names = {name: value for name, value in vars(_thread).items() if name not in _LEFT_OUT}
    vars(module).update(names)

    def start_joinable_thread(
        function: Callable[[], object], handle: Any = None, daemon: bool = True
    ) -> Any:
        if not callable(function):
            raise TypeError("thread function must be callable")
        handle = handle or _Handle(threads)
        handle.ident = threads.ident(threads.run(function, handle._set_done))
        return handle

    def make_handle(ident: int) -> Any:
        handle = _Handle(threads)
        handle.ident = ident
        return handle

    own = {
        **dict.fromkeys(("allocate_lock", "allocate", "LockType", "lock"), threads.lock),
        **dict.fromkeys(("start_new_thread", "start_new"), threads.start),
        **dict.fromkeys(("get_ident", "get_native_id"), threads.ident),
        "start_joinable_thread": start_joinable_thread,
        "_ThreadHandle": lambda: _Handle(threads),
        "_make_thread_handle": make_handle,
        "_get_main_thread_ident": lambda: threads.ident(threads.main),
        "_set_sentinel": threads.set_sentinel,
        "_shutdown": lambda: None,
        "_local": make_local_class(threads.clock),
    }
    vars(module).update({name: each for name, each in own.items() if name in names})
    return module
