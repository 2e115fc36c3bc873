"""What a program has of its process: arguments, streams, environment, random octets of the system.

`sys` and `os` are copies of the process's with these replaced. The environment begins as the
process's, at each power-on anew, and what a program changes there is its own. Child processes do
not see it, unless they are given `os.environ`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from random import Random
from types import ModuleType

from bleio.testing.programs.copying import copy_of
from bleio.testing.programs.environment import Environment, Octets
from bleio.testing.programs.output import Output


def make_sys(output: Output, argv: Sequence[str]) -> ModuleType:
    """Make a `sys` whose streams are the device's output."""
    return copy_of(sys, stdout=output, stderr=output, argv=list(argv))


def make_os(
    env: Mapping[str, str | None], octets: Random, seconds: Callable[[], float]
) -> ModuleType:
    """Make an `os` with an environment and random octets of its own.

    Args: env: what differs from the process's environment. octets: where random ones come from.
        seconds: how long the world has been running.
    """
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


def _register_at_fork(**handlers: Callable[[], object]) -> None:
    """A process that is forked ends at its first wait, so it has nobody to tell."""
