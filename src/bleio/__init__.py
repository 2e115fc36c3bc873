"""CircuitPython's `_bleio` (low-level Bluetooth Low Energy) for ordinary Python.

Importing this package adds a finder for the one name `_bleio`, ahead of those that would find
another distribution's. `bleio-precedence.pth` imports it at every start of Python in an
environment where bleio is installed, so it must stay as small as this: it imports only what
start-up has imported already. BLEIO_PRECEDENCE=0 leaves the finder out.

PYTEST_DONT_REWRITE: since it is imported so early, pytest, which would like to rewrite the packages
of its plugins, would warn that it comes too late.
"""

import os
import sys

TYPE_CHECKING = False  # type checkers take it as true; typing itself would cost start-up time
if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

    from bleio.api import Adapter

__version__ = "0.1.0"


def counters(adapter: "Adapter") -> "dict[str, int]":
    """Return what an adapter has dropped, refused or found wrong so far, by name, sorted.

    `docs/adapters.md` has the names. The numbers are of all times that the adapter was open, links
    that are gone included; names of the host are there once it was opened. Nothing is opened or
    waited for, and a number may be a moment old.

    Raises: TypeError. Thread: any.
    """
    from bleio.api import Adapter

    if not isinstance(adapter, Adapter):
        raise TypeError("adapter must be an Adapter")
    return adapter._session.counters()


class _Finder:
    """Finds `_bleio` and runs `bleio/dropin.py` as that module, from a folder or a zip file."""

    def find_spec(
        self, name: str, path: "Sequence[str] | None", target: "ModuleType | None" = None
    ) -> "ModuleSpec | None":
        if name != "_bleio":
            return None
        from importlib.util import spec_from_loader

        return spec_from_loader(name, self)  # type: ignore[arg-type]

    def get_code(self, name: str) -> None:
        """End `python -m _bleio`, which asks for code to run, with a sentence."""
        sys.exit(
            "_bleio is a module to import; run a program that imports it: bleio run PROGRAM.py"
        )

    def create_module(self, spec: "ModuleSpec") -> None:
        """Leave the making of the module object to the import system."""

    def exec_module(self, module: "ModuleType") -> None:
        from importlib.machinery import PathFinder

        source = PathFinder.find_spec("bleio.dropin", __path__)  # not others' finders
        if source is None:
            raise ImportError(
                f"Cannot import _bleio: {__path__[0]} has no dropin.py; install bleio again"
            )
        module.__file__ = source.origin
        code = source.loader.get_code("bleio.dropin")  # type: ignore[union-attr]
        exec(code, vars(module))


if os.environ.get("BLEIO_PRECEDENCE") != "0":
    sys.meta_path.insert(0, _Finder())
if os.environ.get("BLEIO_BLEAK") == "1":
    from bleio import bleak_choice

    bleak_choice.put_in_place()
