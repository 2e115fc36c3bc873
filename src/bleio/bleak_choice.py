"""Which backend bleak takes where a program names none.

Three names in the package `bleak` decide it: functions that return the platform's classes. They are
replaced by ones that look who asks. A simulated device always gets `bleio.bleak`'s, since it has no
other radio; elsewhere bleak's own choice stands until `put_in_place`, so nothing changes for those
who have not asked. bleio itself, which uses the system's Bluetooth by bleak, names the platform's
classes.

Neither bleak nor `bleio.bleak` is imported before a program imports bleak: a finder waits for that.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec

# bleak's function: our class
_CHOICES = {
    "get_platform_adapter_backend_type": "Adapter",
    "get_platform_client_backend_type": "Client",
    "get_platform_scanner_backend_type": "Scanner",
}
_always = False


def put_in_place() -> None:
    """Let programs of this process that name no backend use bleio's adapters. Thread: any."""
    global _always
    _always = True
    watch()


@contextmanager
def in_place() -> Iterator[None]:
    """Do that for a while."""
    global _always
    before = _always
    put_in_place()
    try:
        yield
    finally:
        _always = before


def watch() -> None:
    """Look who asks, from now on. Idempotent. Thread: any."""
    if "bleak" in sys.modules:
        _replace(sys.modules["bleak"])
    elif not any(isinstance(each, _Waiting) for each in sys.meta_path):
        sys.meta_path.insert(0, _Waiting())


def _replace(bleak: ModuleType) -> None:
    for function, our_class in _CHOICES.items():
        before = getattr(bleak, function, None)
        if before is not None and not isinstance(before, partial):
            setattr(bleak, function, partial(_choose, before, our_class))


def _choose(platforms: Callable[[], Any], our_class: str) -> tuple[Any, Any]:
    """Return a class, and by what name programs know it."""
    from bleio.runtime.engine import has_own_portal

    if not _always and not has_own_portal():
        chosen, name = platforms()
        return chosen, name
    chosen = getattr(importlib.import_module("bleio.bleak"), our_class)
    return chosen, "bleio"


class _Waiting:
    """A finder that sees bleak being imported, and is gone then."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name != "bleak":
            return None
        from importlib.util import find_spec

        sys.meta_path.remove(self)
        spec = find_spec(name)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module
            spec.loader.exec_module = partial(_execute, execute)  # type: ignore[method-assign]
        return spec


def _execute(execute: Callable[[ModuleType], None], module: ModuleType) -> None:
    execute(module)
    _replace(module)
