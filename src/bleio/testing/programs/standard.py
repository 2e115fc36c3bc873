"""Which modules of the standard library a device has for itself, besides those that are made.

The standard library is shared with the process: it is large, most of it has nothing to do with
devices, and what one module makes, another one takes. But some modules in Python look at what is a
device's own, arguments, streams, time, chance, whenever they are asked: `argparse` at `sys.argv`,
`traceback.print_exc` at `sys.stderr`, `logging` at both streams and time. These a device loads
again for itself, as it does with libraries.
"""

from __future__ import annotations

import sys
from random import Random

OWN = frozenset(
    {
        *("argparse", "cmd", "email", "fileinput", "getpass", "logging", "optparse", "pprint"),
        *("sched", "secrets", "timeit", "traceback"),
    }
)

# What a test may have taken from a module that does not say where it is from.
_NAMELESS = {
    "os": ("environ", "environb", "urandom", "getrandom", "times", "putenv", "unsetenv"),
    "random": ("_inst",),
    "secrets": ("choice", "randbits"),
    "sys": ("argv", "stdout", "stderr", "modules"),
}


def nameless() -> dict[int, tuple[str, str]]:
    """Return where such values of the process are, module and name, by their identities."""
    found = {}
    for module, names in _NAMELESS.items():
        values = vars(sys.modules[module]) if module in sys.modules else {}
        bound = [name for name, value in values.items() if _is_of_generator(value)]
        for name in (*names, *bound):
            if values.get(name) is not None:
                found[id(values[name])] = module, name
    return found


def _is_of_generator(value: object) -> bool:
    return isinstance(getattr(value, "__self__", None), Random)
