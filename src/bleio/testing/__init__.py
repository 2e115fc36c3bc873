"""Worlds of simulated devices for tests: programs on one simulated air, in simulated time.

Nothing is imported until it is used, since pytest loads `bleio.testing.plugin` at every start.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bleio.radio.air.propagation import Propagation
    from bleio.testing.air.limits import Limits
    from bleio.testing.campaigns.campaign import Results, campaign
    from bleio.testing.campaigns.errors import CampaignError
    from bleio.testing.device import Device
    from bleio.testing.errors import DeviceBlocked, DeviceFailed, Stalled, WorldError
    from bleio.testing.world import World

__all__ = [
    "CampaignError",
    "Device",
    "DeviceBlocked",
    "DeviceFailed",
    "Limits",
    "Propagation",
    "Results",
    "Stalled",
    "World",
    "WorldError",
    "campaign",
]

_PLACES = {
    "CampaignError": "bleio.testing.campaigns.errors",
    "Device": "bleio.testing.device",
    "Limits": "bleio.testing.air.limits",
    "Propagation": "bleio.radio.air.propagation",
    "Results": "bleio.testing.campaigns.campaign",
    "World": "bleio.testing.world",
    "campaign": "bleio.testing.campaigns.campaign",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_PLACES.get(name, "bleio.testing.errors")), name)
