"""Worlds of simulated devices for tests: programs on one simulated air, in simulated time.

Nothing is imported until it is used, since pytest loads `bleio.testing.plugin` at every start.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bleio.radio.air.propagation import Propagation
    from bleio.testing.device import Device
    from bleio.testing.errors import DeviceBlocked, DeviceFailed, Stalled, WorldError
    from bleio.testing.world import World

__all__ = [
    "Device",
    "DeviceBlocked",
    "DeviceFailed",
    "Propagation",
    "Stalled",
    "World",
    "WorldError",
]

_PLACES = {
    "Device": "bleio.testing.device",
    "Propagation": "bleio.radio.air.propagation",
    "World": "bleio.testing.world",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_PLACES.get(name, "bleio.testing.errors")), name)
