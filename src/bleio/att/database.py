"""The attribute table of a server, sorted by handle (Core Specification Vol 3, Part F, 3.2).

Everything that clients see is an entry here: services and characteristics are declarations, that
is attributes with a value that says what follows. So ATT needs to know nothing of them. Where an
entry's value is stored, and who may write it, is a matter of the functions it was made with; they
get the client that asks, since a CCCD has a value for each.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator
from operator import attrgetter
from typing import Any

from bleio.core.codes import SecurityMode
from bleio.core.uuid import expand

_handle_of = attrgetter("handle")


def _accept(client: Any, value: bytes) -> int:
    return 0


def _ignore(client: Any, value: bytes) -> None:
    """Nothing to store: no mode lets a write come here."""


class TableEntry:
    """One attribute: type, handle, permissions per kind of access, and how to read and write it.

    `read(client)` returns the whole value; `check(client, value)` the error code for storing
    `value` as the whole value, 0 if it may be; `write(client, value)` stores what was checked.
    `client` is the object that the bearer passes to its server. `group_end`: last handle of the
    group that this attribute declares, its own handle if it declares none.
    """

    __slots__ = (
        "check",
        "command_mode",
        "group_end",
        "handle",
        "notify_mode",
        "read",
        "read_mode",
        "signed_mode",
        "type",
        "write",
        "write_mode",
    )

    def __init__(
        self,
        handle: int,
        type: bytes,
        read: Callable[[Any], bytes],
        *,
        check: Callable[[Any, bytes], int] = _accept,
        write: Callable[[Any, bytes], None] = _ignore,
        read_mode: int = SecurityMode.OPEN,
        write_mode: int = SecurityMode.NO_ACCESS,
        command_mode: int = SecurityMode.NO_ACCESS,
        signed_mode: int = SecurityMode.NO_ACCESS,
        notify_mode: int = SecurityMode.NO_ACCESS,
        group_end: int = 0,
    ) -> None:
        self.handle = handle
        self.type = type
        self.read = read
        self.check = check
        self.write = write
        self.read_mode = read_mode
        self.write_mode = write_mode
        self.command_mode = command_mode
        self.signed_mode = signed_mode
        self.notify_mode = notify_mode
        self.group_end = group_end or handle


class Database:
    """All attributes, found by handle, by range of handles, and by type within a range."""

    def __init__(self) -> None:
        self._sorted: list[TableEntry] = []
        self._by_handle: dict[int, TableEntry] = {}
        self.get = self._by_handle.get  # the attribute with a handle, or None; data plane
        self._by_type: dict[bytes, list[TableEntry]] = {}

    def __iter__(self) -> Iterator[TableEntry]:
        return iter(self._sorted)

    def __len__(self) -> int:
        return len(self._sorted)

    def in_range(self, start: int, end: int) -> list[TableEntry]:
        """Return all attributes with handles from `start` to `end`, both included, ascending."""
        return _slice(self._sorted, start, end)

    def of_type(self, uuid: bytes, start: int, end: int) -> list[TableEntry]:
        """Return the attributes of one type in a range; UUID sizes 16 and 128 compare by value."""
        return _slice(self._by_type.get(expand(uuid), []), start, end)

    def replace(self, start: int, end: int, attributes: Iterable[TableEntry]) -> None:
        """Put `attributes`, ascending, in the place of all that lie from `start` to `end`."""
        for old in self.in_range(start, end):
            del self._by_handle[old.handle]
            self._by_type[expand(old.type)].remove(old)
        low, high = _bounds(self._sorted, start, end)
        new = list(attributes)
        self._sorted[low:high] = new
        for attribute in new:
            self._by_handle[attribute.handle] = attribute
            same_type = self._by_type.setdefault(expand(attribute.type), [])
            position = bisect_left(same_type, attribute.handle, key=_handle_of)
            same_type.insert(position, attribute)


def _bounds(attributes: list[TableEntry], start: int, end: int) -> tuple[int, int]:
    return (
        bisect_left(attributes, start, key=_handle_of),
        bisect_right(attributes, end, key=_handle_of),
    )


def _slice(attributes: list[TableEntry], start: int, end: int) -> list[TableEntry]:
    low, high = _bounds(attributes, start, end)
    return attributes[low:high]
