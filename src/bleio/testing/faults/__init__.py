"""Faults as values: what breaks in a world, when, and for how long.

fault       the kinds of faults
text        faults as text that can be typed
schedule    faults happen to a world
strategies  faults that hypothesis thinks of; needs hypothesis, the extra `hunt`

Nothing is imported until it is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bleio.testing.faults.fault import (
        Corrupt,
        DropLinks,
        Fault,
        FullDisk,
        Jam,
        Loss,
        NoAntenna,
        PowerCut,
        RefuseConnections,
        Slow,
        Wifi,
    )
    from bleio.testing.faults.strategies import faults, schedules
    from bleio.testing.faults.text import parse

__all__ = [
    "Corrupt",
    "DropLinks",
    "Fault",
    "FullDisk",
    "Jam",
    "Loss",
    "NoAntenna",
    "PowerCut",
    "RefuseConnections",
    "Slow",
    "Wifi",
    "faults",
    "parse",
    "schedules",
]

_PLACES = {"parse": "text", "faults": "strategies", "schedules": "strategies"}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_PLACES.get(name, 'fault')}"), name)
