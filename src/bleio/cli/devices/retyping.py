"""What was typed, with another word in it: so hints can be typed as they stand."""

from __future__ import annotations

import shlex
import sys


def retyped(old: str, new: str) -> str | None:
    """Return the command line of this process with one word changed; None if it has no such.

    The command's own name is not meant: a device may be called "read".
    """
    command, words = sys.argv[1:2], sys.argv[2:]
    if old not in words:
        return None
    place = words.index(old)
    return shlex.join(["bleio", *command, *words[:place], new, *words[place + 1 :]])


def typed_with(*more: str) -> str:
    """Return the command line of this process with more options, before a "--" that ends them."""
    words = sys.argv[1:]
    end = words.index("--") if "--" in words else len(words)
    return shlex.join(["bleio", *words[:end], *more, *words[end:]])
