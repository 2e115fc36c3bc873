"""ESPHome's Bluetooth proxies: microcontrollers in the network that scan and connect for programs.

Adapter strings are `esphome:HOST[:PORT][,HOST[:PORT]...]`. The parts, from top to bottom:

    fleet     the System: all proxies of an adapter, scanning, opening
    routes    which proxy a link goes through
    proxy     one proxy, connected to again and again
    client    links as bleak sees them
    api       a proxy's API, with bounds
    manager   habluetooth's manager, for one fleet
    heard     what a proxy has heard, within bounds
    problems  why a proxy cannot be used, as sentences
    quiet     what the libraries say of that, kept apart
    places    hosts and keys; needs no library

All but the last need the optional extra `esphome`, so this module imports none of them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

from bleio.backends.os.esphome.places import Keys, Place
from bleio.backends.os.system import System
from bleio.errors import ControllerLost


def fleet_of(places: Sequence[Place], read_keys: Callable[[], Keys]) -> System:
    """Return the System that is those proxies.

    Raises: ControllerLost with a sentence if the libraries are not installed.
    """
    try:
        from bleio.backends.os.esphome.fleet import Fleet
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == "bleio":
            raise
        raise ControllerLost(_missing(error.name)) from None
    return Fleet(places, read_keys)


def _missing(library: str | None) -> str:
    if sys.version_info < (3, 11):
        return (
            "ESPHome proxies take libraries that need Python 3.11 or newer: run the program there"
        )
    return (
        f"ESPHome proxies take libraries that are not installed, such as {library}:"
        ' run pip install "bleio[esphome]"'
    )
