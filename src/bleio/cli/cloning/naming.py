"""Names for the variables of a program, each once: of what they stand for, or by number."""

from __future__ import annotations

import keyword
import re

_LONGEST = 36
_OTHERS = re.compile(r"[^a-z0-9]+")


class Names:
    """Gives out names. taken: those that the program has already."""

    def __init__(self, taken: frozenset[str]) -> None:
        self._taken = set(taken)

    def of(self, said: str, otherwise: str) -> str:
        """Return a new name, made of what is said, or of the other if nothing is left of that."""
        name = _cut(_OTHERS.sub("_", said.lower()).strip("_"))
        if not name or name[0].isdigit() or keyword.iskeyword(name) or keyword.issoftkeyword(name):
            name = otherwise
        return self._unique(name)

    def derived(self, name: str, ending: str) -> str:
        """Return a new name that says which one it goes with."""
        return self._unique(f"{name}_{ending}")

    def _unique(self, name: str) -> str:
        number, unique = 1, name
        while unique in self._taken or unique.upper() in self._taken:
            number += 1
            unique = f"{name}_{number}"
        self._taken.update((unique, unique.upper()))
        return unique


def _cut(name: str) -> str:
    """Return the words that there is room for, or the beginning of the first."""
    if len(name) <= _LONGEST:
        return name
    return name[: _LONGEST + 1].rpartition("_")[0] or name[:_LONGEST]
