"""Why nothing may be heard on an adapter, in one sentence: for people who wait.

It is no error that nobody is there. But beginners often wait for what cannot come: on a radio of
this process alone, on one whose name the other program spells otherwise, or on an adapter that is
not allowed to hear. Which it is follows from the adapter string, and for a shared radio from what
that says of itself. Commands know more to say of shared radios (`cli.shared.hints`).
"""

from __future__ import annotations

import asyncio
from difflib import get_close_matches

PRIVATE = (
    "Nothing is heard on 'virtual', which is a radio of this process alone; programs that are to"
    " meet need one name, such as BLEIO_ADAPTER=virtual:desk for each of them."
)
_MOST_NAMES = 5


async def why_silent(adapter: str, platform: str, *, listens: bool = True) -> str:
    """Return the sentence; "" if there is nothing to say.

    Args: adapter: the string that has chosen it. platform: see `Backend.platform`. listens: whether
        the program scans or connects; one that only advertises is told of other radios alone.
    Thread: a loop's; it waits a second or two for radios.
    """
    kind, _, name = adapter.partition(":")
    if kind == "virtual":
        if not name:
            return PRIVATE if listens else ""
        return await asyncio.to_thread(_of_shared, name, listens)
    return of_real(adapter, platform) if listens else ""


def _of_shared(name: str, listens: bool) -> str:
    from bleio.backends.hci.controller.virtual import neighbours

    others_here, radios = neighbours(name)
    if others_here or not (listens or radios):
        return ""
    near = get_close_matches(name, [each.partition(":")[2] for each in radios], n=1)
    if near:
        there = f"did you mean BLEIO_ADAPTER=virtual:{near[0]}, which runs"
    elif radios:
        more = ", ..." if len(radios) > _MOST_NAMES else ""
        there = f"running radios are: {', '.join(radios[:_MOST_NAMES])}{more}"
    else:
        there = "no other radio runs"
    return (
        f"Nobody else is on radio {name!r}; {there}; others join this one with"
        f" BLEIO_ADAPTER=virtual:{name}."
    )


def of_real(adapter: str, platform: str) -> str:
    """Return the sentence for an adapter that is not simulated. Args: as `why_silent`."""
    if platform == "macOS":
        return (
            "Nothing is heard: allow Bluetooth for the terminal or editor that runs this program,"
            " in macOS' System Settings, Privacy & Security, Bluetooth, and start that app anew."
        )
    kind = adapter.partition(":")[0]
    if kind == "esphome":
        why = "no proxy may be near a device that advertises"
    else:
        why = "no device near may advertise, or the adapter may be switched off (rfkill list)"
        if platform == "Windows":
            why = "no device near may advertise, or Bluetooth may be off in Windows' Settings"
    can_be_typed = kind in ("os", "hci", "esphome")
    look = f"`bleio doctor{f' --adapter {adapter}' if can_be_typed else ''}` looks into it"
    return f"Nothing is heard on {adapter}: {why}; {look}."
