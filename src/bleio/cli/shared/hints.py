"""What a user may want to know when nothing happens: one or two sentences each.

Errors have their own texts (`errors`, `advice`). These are for what is no error: a scan that hears
nothing, a radio on which nobody else is.
"""

from __future__ import annotations

SILENCE_S = 5.0  # from then on a scan that has heard nothing says so


def heard_nothing(adapter: str) -> str:
    """Return what may be the reason that a scan hears nothing.

    Args: adapter: the string that has chosen the adapter.
    """
    kind, _, name = adapter.partition(":")
    if kind == "virtual" and not name:
        return (
            "Nothing is heard: 'virtual' is a radio of this process alone. For one that several"
            " programs share, choose the same name for each, such as --adapter virtual:desk here"
            " and BLEIO_ADAPTER=virtual:desk there."
        )
    if kind == "virtual":
        return (
            f"Nothing is heard on {adapter}: nothing advertises there. Programs join it with"
            f" BLEIO_ADAPTER={adapter}."
        )
    return (
        f"Nothing is heard on {adapter}: there may be no device near that advertises, or the"
        " adapter does not hear. `bleio doctor` looks into that."
    )
