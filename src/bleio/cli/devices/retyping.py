"""What was typed, with another word in it: so hints can be typed as they stand."""

from __future__ import annotations

import shlex
import sys


def retyped(old: str, new: str) -> str | None:
    """Return the command line of this process with one word changed; None if it has no such."""
    words = sys.argv[1:]
    if old not in words:
        return None
    place = words.index(old)
    return shlex.join(["bleio", *words[:place], new, *words[place + 1 :]])


def typed_with(*more: str) -> str:
    """Return the command line of this process with more words at its end."""
    return shlex.join(["bleio", *sys.argv[1:], *more])
