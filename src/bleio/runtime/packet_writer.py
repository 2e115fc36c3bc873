"""Outgoing packets of a PacketBuffer to one peer: one in flight, one pending.

While a packet is on its way, what is written next collects in the pending one, so small writes
share a packet. A writer waits only when the pending packet is full. So a program that writes in a
loop is as fast as the link, and never further ahead of it than one packet, as on a board.

A failed packet is not told to the program: CircuitPython's write has returned by then, and the next
one is the first to see that the link is gone.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from bleio.errors import InnerError
from bleio.runtime.counters import BUFFERS_FAILED_PACKETS
from bleio.runtime.engine import Engine

if TYPE_CHECKING:
    import asyncio


class PacketWriter:
    """Sends packets by `send`, a coroutine function of the engine, one after the other.

    A packet that fails or is refused is counted and otherwise silent.
    """

    def __init__(
        self, engine: Engine, send: Callable[[bytes], Awaitable[None]], counted: Counter[str]
    ) -> None:
        self._counted = counted
        self._engine = engine
        self._send = send
        self._pending = bytearray()
        self._sending = False
        self._closed = False
        self._condition = threading.Condition(threading.Lock())
        self._task: asyncio.Task[None] | None = None

    def write(self, data: bytes, header: bytes, limit_octets: int) -> int:
        """Start the pending packet with header and data, or add data alone to it if it fits.

        Returns: how many octets were taken; 0 if the peer is gone, or goes meanwhile.
        Thread: any but the engine's; waits while the pending packet has no room.
        """

        def room() -> bool:
            fits = len(self._pending) + len(data) <= limit_octets
            return self._closed or not self._pending or fits

        with self._condition:
            self._engine.clock.wait_for(self._condition, room)
            if self._closed:
                return 0
            octets = data if self._pending else header + data
            self._pending += octets
            if octets and not self._sending:
                self._sending = True
                self._engine.post(self._start)
            return len(octets)

    def close(self) -> None:
        """The peer is gone: forget the pending packet and take no more."""
        with self._condition:
            self._closed = True
            self._pending.clear()
            self._condition.notify_all()
        self._engine.clock.announce()

    def _start(self) -> None:
        import asyncio

        self._task = asyncio.get_running_loop().create_task(self._send_all())

    async def _send_all(self) -> None:
        while packet := self._next():
            try:
                await self._send(packet)
            except InnerError:
                self._counted[BUFFERS_FAILED_PACKETS] += 1

    def _next(self) -> bytes:
        """Take the pending packet; without one, sending is over."""
        with self._condition:
            packet = bytes(self._pending)
            self._pending.clear()
            self._sending = bool(packet)
            self._condition.notify_all()
            return packet
