"""What a program has of its process: arguments, streams, environment, random octets of the system.

`sys` and `os` are copies of the process's with these replaced. The environment begins as the
process's, at each power-on anew, and what a program changes there is its own. Child processes do
not see it, unless they are given `os.environ`.
"""

from __future__ import annotations

import atexit
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from random import Random
from types import ModuleType
from typing import Any

from bleio.testing.programs.copying import copy_of
from bleio.testing.programs.ends import said_of
from bleio.testing.programs.environment import Environment, Octets
from bleio.testing.programs.output import Output


def make_sys(output: Output, argv: Sequence[str]) -> ModuleType:
    """Make a `sys` whose streams are the device's output."""
    return copy_of(sys, stdout=output, stderr=output, argv=list(argv))


def make_os(env: Mapping[str, str | None], seed: str, seconds: Callable[[], float]) -> ModuleType:
    """Make an `os` with an environment and random octets of its own.

    Args: env: what differs from the process's environment. seed: of the octets. seconds: how long
        the world has been running.
    """
    octets = Random(seed)
    environ = Environment(env)
    environ_octets = Octets(environ)

    def urandom(size: int, /) -> bytes:
        if size < 0:
            raise ValueError("negative argument not allowed")
        return octets.randbytes(size)

    def getrandom(size: int, flags: int = 0) -> bytes:
        if size < 0:
            raise OSError(22, "Invalid argument")
        return octets.randbytes(size)

    def times() -> os.times_result:
        """Computing takes no time in a world."""
        return os.times_result((0.0, 0.0, 0.0, 0.0, seconds()))

    replaced = {
        "environ": environ,
        "environb": environ_octets,
        "getenv": environ.get,
        "getenvb": environ_octets.get,
        "putenv": environ.__setitem__,
        "unsetenv": environ.__delitem__,
        "urandom": urandom,
        "getrandom": getrandom,
        "times": times,
        "register_at_fork": _register_at_fork,
    }
    return copy_of(os, **{name: value for name, value in replaced.items() if hasattr(os, name)})


class Exits:
    """What a program wants to have done at its end: its `atexit`.

    Args: write: takes what is to be said of a call that fails.
    """

    def __init__(self, write: Callable[[str], object]) -> None:
        self._write = write
        self._calls: list[tuple[Callable[..., object], Callable[[], object]]] = []

    def make_module(self) -> ModuleType:
        """Make the module."""
        return copy_of(
            atexit,
            register=self._register,
            unregister=self._unregister,
            _clear=self._calls.clear,
            _run_exitfuncs=self.run,
            _ncallbacks=self._calls.__len__,
        )

    def _register(self, function: Any, /, *args: Any, **kwargs: Any) -> Any:
        if not callable(function):
            raise TypeError("the first argument must be callable")
        self._calls.append((function, partial(function, *args, **kwargs)))
        return function

    def _unregister(self, function: object, /) -> None:
        self._calls[:] = [each for each in self._calls if each[0] != function]

    def run(self) -> None:
        """Do it, the last first. What one raises ends that one alone, and is shown."""
        while self._calls:
            function, call = self._calls.pop()
            try:
                call()
            except (Exception, SystemExit) as error:
                self._write(f"Exception ignored in atexit callback {function!r}:\n")
                self._write(said_of(error))


def _register_at_fork(**handlers: Callable[[], object]) -> None:
    """A process that is forked ends at its first wait, so it has nobody to tell."""
