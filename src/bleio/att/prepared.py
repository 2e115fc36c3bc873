"""The prepare queue of one client (Core Specification Vol 3, Part F, 3.4.6).

A client sends a long value in parts, which are echoed, and has them executed or dropped. The parts
are kept as they came, not joined: what they mean depends on the table and the values at the time of
the execution. The queue is the one thing that a client can make grow here, so it has two bounds.
Nothing is written before all is checked: a client that writes several values at once is promised
that they change together or not at all.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from bleio.att.codec import MAX_VALUE_OCTETS
from bleio.att.database import Database, TableEntry
from bleio.core.codes import AttErrorCode
from bleio.errors import AttError

# A longest value in parts of 18 octets, all that the default MTU carries, needs 29 parts; reliable
# writes of several characteristics need a few times that.
MAX_PARTS = 128
MAX_QUEUED_OCTETS = 8 * MAX_VALUE_OCTETS


class _Part(NamedTuple):
    handle: int
    offset: int
    octets: bytes


class _Write:
    """One whole value in the making."""

    __slots__ = ("attribute", "value")

    def __init__(self, attribute: TableEntry, value: bytes) -> None:
        self.attribute = attribute
        self.value = bytearray(value)


class PrepareQueue:
    """Parts in the order they came; nothing is written before `execute`."""

    def __init__(self) -> None:
        self._parts: list[_Part] = []
        self._octets = 0

    def __len__(self) -> int:
        return len(self._parts)

    def clear(self) -> None:
        """Forget all parts."""
        self._parts = []
        self._octets = 0

    def add(self, handle: int, offset: int, octets: bytes) -> bool:
        """Queue one part; False if the queue is full."""
        if len(self._parts) >= MAX_PARTS or self._octets + len(octets) > MAX_QUEUED_OCTETS:
            return False
        self._parts.append(_Part(handle, offset, octets))
        self._octets += len(octets)
        return True

    def execute(
        self,
        database: Database,
        client: Any,
        check_writable: Callable[[TableEntry], None] | None = None,
    ) -> None:
        """Write all values or none, in the order in which their first parts came.

        A part at offset 0 begins a whole new value; one at another offset goes into the value begun
        in this queue, else into the attribute's present one. `check_writable` raises if one must
        not be written: table and security may be others than when it was prepared.

        Raises: AttError, before anything is written.
        """
        parts, self._parts, self._octets = self._parts, [], 0
        writes = _assemble(parts, database, client)
        for write in writes:
            if check_writable is not None:
                check_writable(write.attribute)
            code = write.attribute.check(client, bytes(write.value))
            if code:
                raise AttError(code, handle=write.attribute.handle)
        for write in writes:
            write.attribute.write(client, bytes(write.value))


def _assemble(parts: list[_Part], database: Database, client: Any) -> list[_Write]:
    writes: list[_Write] = []
    latest: dict[int, _Write] = {}
    for handle, offset, octets in parts:
        attribute = database.get(handle)
        if attribute is None:  # the table changed since it was prepared
            raise AttError(AttErrorCode.INVALID_HANDLE, handle=handle)
        write = latest.get(handle)
        if write is None or offset == 0:
            write = _Write(attribute, attribute.read(client) if offset else b"")
            latest[handle] = write
            writes.append(write)
        if offset > len(write.value):
            raise AttError(AttErrorCode.INVALID_OFFSET, handle=handle)
        if offset + len(octets) > MAX_VALUE_OCTETS:
            raise AttError(AttErrorCode.INVALID_ATTRIBUTE_VALUE_LENGTH, handle=handle)
        write.value[offset : offset + len(octets)] = octets
    return writes
