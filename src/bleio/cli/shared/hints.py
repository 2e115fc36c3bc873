"""What a user may want to know when a command hears nothing, which is no error: a sentence or two.

Most of them are those that programs are told (`backends.silence`). A command has `--adapter` and
one moment to say it, so of shared radios it names those on which something advertises.
"""

from __future__ import annotations

from typing import Any

from bleio.api import Adapter
from bleio.backends.silence import PRIVATE, of_real

_MOST_RADIOS = 3  # that a sentence names


def heard_nothing(adapter: Adapter) -> str:
    """Return what may be the reason that a scan hears nothing.

    Args: adapter: one that is open.
    Thread: any but an engine's: it asks the radios that run, for a second at most.
    """
    backend = adapter._session.life.backend
    if backend is None:
        return "Nothing is heard: the adapter is off."
    kind, _, name = backend.name.partition(":")
    if kind != "virtual":
        return of_real(backend.name, backend.platform)
    if others := _busy_radios(except_for=name):
        return (
            f"Nothing is heard on {backend.name}. Programs advertise on {' and '.join(others)};"
            " choose that by --adapter."
        )
    if not name:
        return PRIVATE
    return (
        f"Nothing is heard on {backend.name}: nothing advertises there. Programs join it with"
        f" BLEIO_ADAPTER={backend.name}."
    )


def _busy_radios(except_for: str) -> list[str]:
    """Return the adapter strings of other shared radios on which something advertises."""
    from bleio.radio.sharing.running import running_radios

    try:
        running = running_radios(within_s=1.0)
    except OSError:
        return []  # no folder of radios that can be read: none of which could be told
    return [
        f"virtual:{each.name}"
        for each in running
        if each.name != except_for and each.status and _advertises(each.status)
    ][:_MOST_RADIOS]


def _advertises(status: dict[str, Any]) -> bool:
    devices = status.get("devices")
    return isinstance(devices, list) and any(
        isinstance(each, dict) and each.get("advertising") for each in devices
    )
