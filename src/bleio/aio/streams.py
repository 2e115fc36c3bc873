"""Octets of a CharacteristicBuffer, or of a UARTService: see `bleio.aio`.

A task reads what has arrived also when the link is gone by then; only when that does not suffice is
it told. So no line is lost that came with the end of the link. What was not enough for a read that
has failed or was cancelled stays in the buffer. While a read waits it may take more than the buffer
holds, up to its `limit`; while none waits, new octets for which there is no room are dropped and
counted.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from bleio.aio.objects import octets_of
from bleio.api import CharacteristicBuffer
from bleio.api._arguments import ReadableBuffer, at_least, readable
from bleio.runtime.awaiting import until

LIMIT_OCTETS = 1 << 16


async def read_some(buffer: Any, most: int = LIMIT_OCTETS) -> bytes:
    """Read what there is, `most` octets at most; wait for the first if there is none.

    Raises: TypeError, ValueError; ConnectionError if a peer's link is gone and all was read.
    """
    inner, most = octets_of(buffer), at_least("most", most, 1)
    inner._alive()
    fifo = inner._fifo
    while True:
        seen = fifo.changes
        if octets := fifo.take_now(most):
            return octets
        await _more(inner, seen)


async def read_exactly(buffer: Any, count: int) -> bytes:
    """Read `count` octets.

    Raises: TypeError, ValueError; ConnectionError if a peer's link is gone and there are fewer,
        which stay in the buffer.
    """
    inner, count = octets_of(buffer), at_least("count", count, 0)
    inner._alive()
    fifo, taken = inner._fifo, bytearray()
    try:
        while len(taken) < count:
            seen = fifo.changes
            if octets := fifo.take_now(count - len(taken)):
                taken += octets
            else:
                await _more(inner, seen)
        result, taken = bytes(taken), bytearray()
        return result
    finally:
        fifo.put_back(taken)


async def read_until(
    buffer: Any, separator: ReadableBuffer = b"\n", *, limit: int = LIMIT_OCTETS
) -> bytes:
    """Read up to the separator, which is part of what is returned.

    Args: limit: octets; how many are kept for this while the separator does not come.
    Raises: TypeError, ValueError; ConnectionError if a peer's link is gone and there is none;
        asyncio.LimitOverrunError if there is none within the limit. The octets stay in the buffer.
    """
    inner, end = octets_of(buffer), readable(separator)
    if not end:
        raise ValueError("separator must not be empty")
    at_least("limit", limit, 1)
    inner._alive()
    return await _read_through(inner, end, limit)


async def _read_through(inner: CharacteristicBuffer, end: bytes, limit: int) -> bytes:
    fifo, taken = inner._fifo, bytearray()
    try:
        while True:
            seen = fifo.changes
            octets = fifo.take_now(limit) if taken else fifo.take_through(end)
            searched = max(0, len(taken) - len(end) + 1)
            taken += octets
            if (found := taken.find(end, searched)) >= 0:
                result = bytes(taken[: found + len(end)])
                del taken[: found + len(end)]
                return result
            if len(taken) > limit:
                text = f"No {end!r} within {limit} octets; read_some takes what there is"
                raise asyncio.LimitOverrunError(text, len(taken))
            if not octets:
                await _more(inner, seen)
    finally:
        fifo.put_back(taken)


async def read_line(buffer: Any, *, limit: int = LIMIT_OCTETS) -> bytes:
    """Read a line with its newline; see `read_until`."""
    return await read_until(buffer, b"\n", limit=limit)


def lines(buffer: Any, *, limit: int = LIMIT_OCTETS) -> AsyncIterator[bytes]:
    """Iterate over lines, with their newlines. It ends with a peer's link, after what is left
    without a newline. It can be cancelled and gone on with.

    Raises: TypeError, ValueError; asyncio.LimitOverrunError as `read_until`.
    """
    return _Lines(octets_of(buffer), at_least("limit", limit, 1))


class _Lines:
    def __init__(self, buffer: CharacteristicBuffer, limit: int) -> None:
        self._buffer = buffer
        self._limit = limit

    def __repr__(self) -> str:
        return f"<lines of {self._buffer!r}>"

    def __aiter__(self) -> _Lines:
        return self

    async def __anext__(self) -> bytes:
        buffer = self._buffer
        buffer._alive()
        try:
            return await _read_through(buffer, b"\n", self._limit)
        except ConnectionError:
            if rest := buffer._fifo.take_now(self._limit):
                return rest
            raise StopAsyncIteration from None


async def _more(inner: CharacteristicBuffer, seen: int) -> None:
    """Wait for octets that were not there when `changes` was looked at.

    Raises: ConnectionError if the link is gone, ValueError if the buffer was given up.
    """
    fifo = inner._fifo

    def ready() -> bool:
        return fifo.changes != seen or inner._is_over()

    await until(inner._end.session.engine, fifo.arrived, ready)
    if fifo.changes == seen:
        inner._alive()
        inner._check_link()
