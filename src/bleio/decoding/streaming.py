"""Decoding while packets come: each record is passed on once it is known whether it was lost.

Packets wait for at most the time that the link layer takes to tell, and no more than a number of
them, so memory is bounded and a pipe that is read sees them soon.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Generic, NoReturn, TypeVar

from bleio.decoding.air import AirDecoder
from bleio.decoding.records import AirPacket, Decoded

MAX_HELD = 10_000


T = TypeVar("T")


class Held(Generic[T]):
    """Records that wait in the order of time, and other things that wait among them.

    Args: decoder: whose records they are.
    """

    def __init__(self, decoder: AirDecoder) -> None:
        self._decoder = decoder
        self._records: deque[Decoded | T] = deque()

    def add(self, record: Decoded | T) -> None:
        """Take the next one."""
        self._records.append(record)

    def settled(self, now_us: int) -> Iterator[Decoded | T]:
        """Yield those that do not change any more, up to the first that may."""
        records = self._records
        while records:
            first = records[0]
            open_until_us = first.open_until_us if isinstance(first, Decoded) else 0
            if open_until_us and open_until_us < now_us:
                self._decoder.settle(now_us)
            elif open_until_us and len(records) < MAX_HELD:
                return
            yield records.popleft()

    def rest(self, now_us: int | None = None) -> Iterator[Decoded | T]:
        """Yield all that are left; no more packets come until now."""
        self._decoder.settle(now_us)
        while self._records:
            yield self._records.popleft()


def decode_air(packets: Iterable[AirPacket], decoder: AirDecoder) -> Iterator[Decoded]:
    """Decode packets as they come."""
    held: Held[NoReturn] = Held(decoder)
    for packet in packets:
        held.add(decoder.decode(packet))
        yield from held.settled(packet.time_us)
    yield from held.rest()
