"""What arrived and the program has not read yet: octets in a row, or whole packets.

The engine puts in, the program's threads take out, without a call into the engine: a program may
read in a tight loop, and what has arrived need not wait for anything more. So both sides touch
these, as few other things (`ScanBuffer`, `PacketWriter`), and each has a lock of its own.

Both are bounded, by different rules, which are CircuitPython's. A full `ByteFifo` drops what is
new: it carries a stream, of which the beginning is of use and the rest of a cut line is not. A full
`PacketRing` drops what is oldest: each packet stands alone, and the latest is the one that counts.
What was dropped is counted.

The two wait differently, too. A reader of octets waits for a number of them, for a time, and must
wake when the link goes; a reader of packets never waits, since CircuitPython's does not.

The engine's side must be quick, and cannot wait for a lock that a program's thread holds for long.
No method here calls the program, or anything that waits, with the lock held. `give_up` may be
asked with the lock held and must only look.

A task of asyncio waits by the bell `arrived` (see `bell`), for either, and takes what is there
without waiting. What it took and has no use for yet it can put back.
"""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Callable

from bleio.runtime.bell import Bell
from bleio.runtime.clock import Clock
from bleio.runtime.counters import BUFFERS_DROPPED_OCTETS, BUFFERS_DROPPED_PACKETS

PACKET_OVERHEAD_OCTETS = 2  # each packet's length field


class ByteFifo:
    """A queue of octets with a fixed capacity. Surplus new octets are dropped.

    `octets`: what is there; how many that are may be asked without a call, as programs do in tight
    loops. Thread: any, to look.
    """

    def __init__(self, clock: Clock, capacity_octets: int, counted: Counter[str]) -> None:
        self.capacity_octets = capacity_octets
        self._counted = counted
        self._clock = clock
        self.octets = bytearray()
        self._condition = threading.Condition(threading.Lock())
        self.arrived = Bell()
        self.changes = 0  # how often something was added

    def put(self, octets: bytes) -> None:
        """Append what fits. Thread: the engine's."""
        with self._condition:
            fitting = octets[: max(0, self.capacity_octets - len(self.octets))]
            if len(fitting) < len(octets):
                self._counted[BUFFERS_DROPPED_OCTETS] += len(octets) - len(fitting)
            self.octets += fitting
            self.changes += 1
            self._condition.notify_all()
        if self.arrived.waiting:
            self.arrived.ring()

    def wake(self) -> None:
        """Let waiting readers look at their conditions again."""
        with self._condition:
            self._condition.notify_all()
        self._clock.announce()
        self.arrived.ring()

    def take(self, count: int, timeout_s: float, give_up: Callable[[], bool]) -> bytes:
        """Wait until `count` octets are there, the time is over or `give_up()`; take up to count.

        Thread: any but the engine's.
        """
        wanted = min(count, self.capacity_octets)
        with self._condition:
            self._wait(wanted, timeout_s, give_up)
            return self._remove(count)

    def take_line(self, limit: int, timeout_s: float, give_up: Callable[[], bool]) -> bytes:
        """Wait until any octet is there, the time is over or `give_up()`; take up to a newline,
        or all, but no more than `limit`, which is no bound if it is negative.

        Thread: any but the engine's.
        """
        with self._condition:
            self._wait(1, timeout_s, give_up)
            octets = self.octets.find(b"\n") + 1 or len(self.octets)
            return self._remove(octets if limit < 0 else min(octets, limit))

    def take_now(self, count: int) -> bytes:
        """Take up to `count` octets, as many as there are. Thread: any; does not wait."""
        with self._condition:
            return self._remove(count)

    def take_through(self, end: bytes) -> bytes:
        """Take all through the first `end`; all, if there is none. Thread: any; does not wait."""
        with self._condition:
            found = self.octets.find(end)
            return self._remove(len(self.octets) if found < 0 else found + len(end))

    def put_back(self, octets: bytes | bytearray) -> None:
        """Have these read first, again. They may be more than the capacity; new ones then are
        dropped. Thread: any."""
        if octets:
            with self._condition:
                self.octets[:0] = octets
                self.changes += 1
            self.wake()

    def _wait(self, wanted: int, timeout_s: float, give_up: Callable[[], bool]) -> None:
        def enough() -> bool:
            return len(self.octets) >= wanted or give_up()

        self._clock.wait_for(self._condition, enough, timeout_s)

    def _remove(self, count: int) -> bytes:
        removed = bytes(self.octets[:count])
        del self.octets[:count]
        return removed

    def clear(self) -> None:
        """Drop everything."""
        with self._condition:
            self.octets.clear()


class PacketRing:
    """A queue of packets bounded in octets, each costing two more than its length.

    The oldest are dropped to make room; one larger than the whole ring is dropped itself.
    `capacity_octets` is asked when a packet does not fit, since a larger MTU makes a larger ring;
    it never becomes less. `packets`: what is there; whether that is anything may be asked without
    a call, as programs do in tight loops. `dropped`: how many were. Thread: any, to look.
    """

    def __init__(self, capacity_octets: Callable[[], int], counted: Counter[str]) -> None:
        self._counted = counted
        self._ask_capacity = capacity_octets
        self._capacity_octets = 0
        self.packets: deque[bytes] = deque()
        self.dropped = 0
        self.arrived = Bell()
        self._used_octets = 0
        self._lock = threading.Lock()

    def put(self, packet: bytes) -> None:
        """Append a packet. Thread: the engine's."""
        cost = PACKET_OVERHEAD_OCTETS + len(packet)
        with self._lock:
            if self._used_octets + cost > self._capacity_octets:
                self._capacity_octets = self._ask_capacity()
            if cost > self._capacity_octets:
                self._drop()
                return
            while self._used_octets + cost > self._capacity_octets:
                self._used_octets -= PACKET_OVERHEAD_OCTETS + len(self.packets.popleft())
                self._drop()
            self.packets.append(packet)
            self._used_octets += cost
        if self.arrived.waiting:
            self.arrived.ring()

    def _drop(self) -> None:
        self.dropped += 1
        self._counted[BUFFERS_DROPPED_PACKETS] += 1

    def take(self) -> bytes | None:
        """Return the oldest packet, None if there is none. Thread: any; does not wait."""
        with self._lock:
            if not self.packets:
                return None
            packet = self.packets.popleft()
            self._used_octets -= PACKET_OVERHEAD_OCTETS + len(packet)
            return packet
