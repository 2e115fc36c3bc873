"""What to say of a name that nothing has."""

from __future__ import annotations

from collections.abc import Iterable

MOST_SHOWN = 20


def suggestion(name: str, names: Iterable[str]) -> str:
    """Return what was meant, probably, or else what there is, as the end of a sentence."""
    from difflib import get_close_matches  # names are rarely wrong

    known = list(names)
    if close := get_close_matches(name, known, 1):
        return f"; did you mean {close[0]!r}?"
    if not known:
        return "; there is none yet"
    more = len(known) - MOST_SHOWN
    shown = ", ".join(map(repr, known[:MOST_SHOWN]))
    return f"; there are {shown}" + (f" and {more} more" if more > 0 else "")
