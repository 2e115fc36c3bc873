"""The environment of one device, `os.environ` and `os.environb` there."""

from __future__ import annotations

import os
from collections import UserDict
from collections.abc import Iterator, Mapping, MutableMapping


class Environment(UserDict[str, str]):
    """Variables by name, as the process's `os.environ` has them, but the device's own.

    Args: changes: what differs from the process's environment; None is not there.
    """

    def __init__(self, changes: Mapping[str, str | None]) -> None:
        super().__init__(os.environ)
        for name, value in changes.items():
            if value is None:
                self.pop(name, None)
            else:
                self[name] = value

    def __getitem__(self, key: str) -> str:
        return self.data[_as_key(key)]

    def __setitem__(self, key: str, value: str) -> None:
        self.data[_as_key(key)] = _checked(value)

    def __delitem__(self, key: str) -> None:
        del self.data[_as_key(key)]

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and _as_key(key) in self.data

    def __repr__(self) -> str:
        return f"environ({self.data!r})"

    def copy(self) -> dict[str, str]:  # type: ignore[override]  # as of os.environ
        """Return the variables as a dictionary, changes of which change nothing here."""
        return dict(self.data)


class Octets(MutableMapping[bytes, bytes]):
    """The same environment, in octets."""

    def __init__(self, texts: Environment) -> None:
        self._texts = texts

    def __getitem__(self, key: bytes) -> bytes:
        return os.fsencode(self._texts[os.fsdecode(key)])

    def __setitem__(self, key: bytes, value: bytes) -> None:
        self._texts[os.fsdecode(key)] = os.fsdecode(value)

    def __delitem__(self, key: bytes) -> None:
        del self._texts[os.fsdecode(key)]

    def __iter__(self) -> Iterator[bytes]:
        return map(os.fsencode, self._texts)

    def __len__(self) -> int:
        return len(self._texts)


def _as_key(name: str) -> str:
    """Windows does not tell cases apart."""
    return _checked(name).upper() if os.name == "nt" else _checked(name)


def _checked(text: str) -> str:
    if not isinstance(text, str):
        raise TypeError(f"str expected, not {type(text).__name__}")
    return text
