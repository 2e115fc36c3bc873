"""What a user may want to know when nothing happens: one or two sentences each.

Errors have their own texts (`errors`, `advice`). These are for what is no error: a scan that hears
nothing, a radio on which nobody else is.
"""

from __future__ import annotations

from typing import Any

_MOST_RADIOS = 3  # that a sentence names
SILENCE_S = 5.0  # from then on a scan that has heard nothing says so


def heard_nothing(adapter: str) -> str:
    """Return what may be the reason that a scan hears nothing.

    Args: adapter: the string that has chosen the adapter.
    Thread: any but an engine's: it asks the radios that run, for a second at most.
    """
    kind, _, name = adapter.partition(":")
    if kind != "virtual":
        return (
            f"Nothing is heard on {adapter}: there may be no device near that advertises, or the"
            " adapter does not hear. `bleio doctor` looks into that."
        )
    if not name:
        said = "Nothing is heard: 'virtual' is a radio of this process alone."
    else:
        said = (
            f"Nothing is heard on {adapter}: nothing advertises there. Programs join it with"
            f" BLEIO_ADAPTER={adapter}."
        )
    if others := _busy_radios(except_for=name):
        return f"{said} Programs advertise on {' and '.join(others)}; choose that by --adapter."
    if name:
        return said
    return (
        f"{said} For one that several programs share, choose the same name for each, such as"
        " --adapter virtual:desk here and BLEIO_ADAPTER=virtual:desk there."
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
