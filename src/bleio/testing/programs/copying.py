"""Copies of modules in which some names are replaced: how most modules of a device are made."""

from __future__ import annotations

from types import ModuleType
from typing import Any


def copy_of(module: ModuleType, **replaced: Any) -> ModuleType:
    """Return a module like another one, with the same values but for these."""
    copy = ModuleType(module.__name__, module.__doc__)
    vars(copy).update(vars(module))
    vars(copy).update(replaced)
    return copy
