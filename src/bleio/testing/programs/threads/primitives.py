"""Locks and thread-local values of a device's program.

The program's threads are greenlets of one thread of the operating system. A real lock that one of
them waits for would stop them all, the one that is to release it, too. So these wait by the world's
clock. A lock goes to those that wait for it in the order in which they came.
"""

from __future__ import annotations

from collections import deque
from typing import Any
from weakref import WeakKeyDictionary

from bleio.testing.timing.clock import VirtualClock
from bleio.testing.timing.participant import Participant


class _Turn:
    """One that waits for a lock. `came`: it has the lock now."""

    __slots__ = ("came",)

    def __init__(self) -> None:
        self.came = False

    def has_come(self) -> bool:
        return self.came


def make_lock_class(clock: VirtualClock) -> type:
    """Make the class of one device's locks."""

    class lock:
        """See `_thread.lock`."""

        __slots__ = ("__weakref__", "_held", "_waiting")

        def __init__(self) -> None:
            self._held = False
            self._waiting: deque[_Turn] = deque()

        def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
            """Take it. Returns: whether it was to be had in that time."""
            if not blocking and timeout != -1:
                raise ValueError("can't specify a timeout for a non-blocking call")
            if timeout < 0 and timeout != -1:
                raise ValueError("timeout value must be a non-negative number")
            if not self._held:
                self._held = True
                return True
            if not blocking:
                clock.look()  # a program may try again and again
                return False
            return self._wait(None if timeout == -1 else timeout)

        def _wait(self, timeout_s: float | None) -> bool:
            turn = _Turn()
            self._waiting.append(turn)
            try:
                clock.wait_until(turn.has_come, timeout_s)
            except BaseException:
                if turn.came:
                    self.release()
                else:
                    self._waiting.remove(turn)
                raise
            if not turn.came:
                self._waiting.remove(turn)
            return turn.came

        def release(self) -> None:
            """Give it to the next that waits, or to nobody."""
            if not self._held:
                raise RuntimeError("release unlocked lock")
            if self._waiting:
                self._waiting.popleft().came = True
                clock.announce()
            else:
                self._held = False

        def locked(self) -> bool:
            """Whether somebody has it."""
            return self._held

        def _at_fork_reinit(self) -> None:
            self._held = False
            self._waiting.clear()

        __enter__ = acquire

        def __exit__(self, *error: object) -> None:
            self.release()

        def __repr__(self) -> str:
            return f"<{'locked' if self._held else 'unlocked'} _thread.lock at {id(self):#x}>"

    return lock


def make_local_class(clock: VirtualClock) -> type:
    """Make the class of one device's thread-local values."""

    class local:
        """See `threading.local`."""

        __slots__ = ("__dict__", "_local__all", "_local__args")

        def __new__(cls, /, *args: Any, **named: Any) -> Any:
            if (args or named) and cls.__init__ is object.__init__:
                raise TypeError("Initialization arguments are not supported")
            self = object.__new__(cls)
            values: WeakKeyDictionary[Participant, dict[str, Any]] = WeakKeyDictionary()
            values[clock.participant()] = {}
            object.__setattr__(self, "_local__all", values)
            object.__setattr__(self, "_local__args", (args, named))
            return self

        def __getattribute__(self, name: str) -> Any:
            _turn_to_mine(self, clock)
            return object.__getattribute__(self, name)

        def __setattr__(self, name: str, value: Any) -> None:
            _turn_to_mine(self, clock)
            object.__setattr__(self, name, value)

        def __delattr__(self, name: str) -> None:
            _turn_to_mine(self, clock)
            object.__delattr__(self, name)

    return local


def _turn_to_mine(instance: Any, clock: VirtualClock) -> None:
    """Let an instance have the attributes that it has in the calling thread."""
    values = object.__getattribute__(instance, "_local__all")
    me = clock.participant()
    mine = values.get(me)
    if mine is None:
        mine = values[me] = {}
        object.__setattr__(instance, "__dict__", mine)
        args, named = object.__getattribute__(instance, "_local__args")
        type(instance).__init__(instance, *args, **named)
    object.__setattr__(instance, "__dict__", mine)
