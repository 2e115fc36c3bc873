"""What is random in one device: it comes of the seed, so it is the same in every run.

There are two generators. One is that of `random`, which a program may seed; one is in place of the
system's, for `os.urandom` and all that is made of it: `random.SystemRandom`, `secrets`, `uuid`, and
a `Random` without a seed. Each power-on has others, or a device would tell the same "unique" number
again.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable
from random import Random
from types import ModuleType
from typing import Any

from bleio.testing.programs.copying import copy_of, rebound
from bleio.testing.programs.standins import alike

_SEED_OCTETS = 64
Octets = Callable[[int], bytes]


def make_random(seed: str, urandom: Octets) -> ModuleType:
    """Make a `random` whose functions have a generator of their own.

    They are methods of one that the real module has. To execute that module again would do, but
    each time leave a handler of forks behind, and with it all that the module is.
    """
    seeded, system = _make_random(urandom), _make_system(urandom)
    own = seeded(seed)
    replaced: dict[str, Any] = {"Random": seeded, "SystemRandom": system, "_urandom": urandom}
    for name, value in vars(random).items():
        if isinstance(getattr(value, "__self__", None), Random):
            replaced[name] = getattr(own, value.__name__)
        elif isinstance(value, Random):
            replaced[name] = own
    return copy_of(random, **replaced)


def _make_random(urandom: Octets) -> Any:
    made: Any = None

    def seed(self: Random, a: Any = None, version: int = 2) -> None:
        given = int.from_bytes(urandom(_SEED_OCTETS), "little") if a is None else a
        super(made, self).seed(given, version)

    def reduce(self: Random, protocol: Any) -> Any:
        kind, *state = super(made, self).__reduce__()
        return (Random if kind is made else kind, *state)

    made = alike(Random, {"seed": seed, "__reduce_ex__": reduce})
    return made


def _make_system(urandom: Octets) -> Any:
    def draw(self: Random) -> float:
        return (int.from_bytes(urandom(7), "big") >> 3) * 2.0**-53

    def getrandbits(self: Random, k: int, /) -> int:
        if k < 0:
            raise ValueError("number of bits must be non-negative")
        octets = (k + 7) // 8
        return int.from_bytes(urandom(octets), "big") >> (octets * 8 - k)

    def randbytes(self: Random, n: int) -> bytes:
        return urandom(n)

    return alike(
        random.SystemRandom, {"random": draw, "getrandbits": getrandbits, "randbytes": randbytes}
    )


def make_uuid(names: dict[str, Any], own_os: ModuleType) -> ModuleType:
    """Make a `uuid` whose functions draw from the device, with the device's time.

    Args: names: the device's builtins.
    """
    # A random number with the bit of multicast set: such is the node where there is no other.
    node = int.from_bytes(own_os.urandom(6), "big") | 1 << 40
    return rebound(
        uuid,
        names,
        os=own_os,
        _node=node,
        _generate_time_safe=None,
        _UuidCreate=None,
        _last_timestamp=None,
    )
