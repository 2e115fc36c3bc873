"""Outgoing packets of a PacketBuffer to one peer: some in flight, one pending.

While the link takes no more, what is written next collects in the pending packet, so small writes
share one. A writer waits only when that is full. So a program that writes in a loop is as fast as
the link, and never further ahead of what it takes than one packet, as on a board.

To hand over each packet by itself would have the two threads wake each other at each. So as many
packets may lie here as the link had room for (`ahead`) when the engine had taken all before: it
takes all of these at once, too, and they go out as if it had taken each as it came.

A failed packet is not told to the program: CircuitPython's write has returned by then, and the next
one is the first to see that the link is gone.
"""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Awaitable
from functools import partial
from typing import Protocol

from bleio.backends.base import light
from bleio.errors import InnerError
from bleio.runtime.bell import Bell
from bleio.runtime.calls import Call
from bleio.runtime.counters import BUFFERS_FAILED_PACKETS
from bleio.runtime.engine import Engine

NO_ROOM = -1


class Way(Protocol):
    """The way to the peer."""

    def ahead(self) -> int:
        """How many packets it would take now without waiting, as far as is known. Thread: the
        engine's."""

    def is_light(self) -> bool:
        """Whether `send` waits for slots alone; see `backends.slots`. Thread: the engine's."""

    def send(self, packet: bytes) -> Awaitable[None]:
        """Send one packet. Thread: the engine's."""


class PacketWriter:
    """Sends packets one after the other. One that fails or is refused is counted and otherwise
    silent."""

    def __init__(self, engine: Engine, way: Way, counted: Counter[str]) -> None:
        self._counted = counted
        self._engine = engine
        self._clock = engine.clock
        self._way = way
        self._packets: deque[bytearray] = deque()  # not taken yet; what is added goes to the last
        self._ahead = 1  # how many may lie here
        self._sending = False
        self._closed = False
        self._lock = threading.Lock()
        self._condition = threading.Condition(self._lock)
        self._waits = False  # any thread, for room
        self._calls: set[Call[None]] = set()  # the one that sends
        self.room = Bell()  # rung when there may be room again, or the peer is gone

    def write(self, data: bytes, header: bytes, limit_octets: int, waits: bool = True) -> int:
        """Start a packet with header and data, or add data alone to the last one if it fits.

        Args: waits: while there is no room; else `NO_ROOM` is returned.
        Returns: how many octets were taken; 0 if the peer is gone, or goes meanwhile.
        Thread: any but the engine's.
        """
        clock, most = self._clock, limit_octets - len(data)
        with self._lock:
            if not waits:
                if not self._has_room(most):
                    return NO_ROOM
            elif clock.looks_take_time or not self._has_room(most):
                clock.wait_for(self._condition, partial(self._has_room, most))
            if self._closed:
                return 0
            packets = self._packets
            if packets and len(packets[-1]) <= most:
                octets = data
                packets[-1] += data
            elif octets := header + data:
                packets.append(bytearray(octets))
            if octets and not self._sending:
                self._sending = True
                self._engine.post(self._start)
            return len(octets)

    def _has_room(self, most_octets: int) -> bool:
        """Whether the last packet is no longer than that, or there may be another one."""
        packets = self._packets
        if len(packets) < self._ahead or len(packets[-1]) <= most_octets or self._closed:
            return True
        self._waits = True
        return False

    def close(self) -> None:
        """The peer is gone: forget what was not taken, and take no more."""
        with self._lock:
            self._closed = True
            self._packets.clear()
            self._condition.notify_all()
        self._clock.announce()
        self.room.ring()

    def _start(self) -> None:
        import asyncio

        send_all = self._send_all_lightly if self._way.is_light() else self._send_all
        call: Call[None] = Call(send_all)
        call.known = self._calls
        self._calls.add(call)
        call.begin(asyncio.get_running_loop())

    async def _send_all(self) -> None:
        while packet := self._next():
            try:
                await self._way.send(packet)
            except InnerError:
                self._counted[BUFFERS_FAILED_PACKETS] += 1

    @light
    async def _send_all_lightly(self) -> None:
        await self._send_all()

    def _next(self) -> bytes:
        """Take the first packet; without one, sending is over."""
        with self._lock:
            if self._packets:
                packet = bytes(self._packets.popleft())
            else:
                packet, self._sending = b"", False
                self._ahead = max(1, self._way.ahead())
            if self._waits:
                self._waits = False
                self._condition.notify_all()
        if self.room.waiting:
            self.room.ring()
        return packet
