"""ACL data that is here before the event that tells of its link.

Events and data come by different ways: a USB controller has an endpoint for each, and either may be
tens of milliseconds behind the other. So a peer's first request may be here before the Connection
Complete that names its handle. Thrown away, it would never be answered: the peer's client waits for
30 seconds, and then its link is dead.

So data for a handle without a link is held for as long as its event may be behind, and within
bounds, for a controller may send anything. What no link has claimed by then belongs to none: it is
counted and dropped, as is what comes while there is no room.

Data may also be behind the event that its link has ended: see `closing`.
"""

from __future__ import annotations

import asyncio

from bleio.backends.hci.counters import HciCounters

HELD_S = 0.1  # twice the greatest distance that is put up with
MAX_HELD_PACKETS = 64  # of all handles together
MAX_HELD_OCTETS = 16384

Fragment = tuple[bool, bytes]  # whether it continues an L2CAP PDU, data


class _Held:
    """What is held for one handle, and until when."""

    __slots__ = ("fragments", "timer")

    def __init__(self, timer: asyncio.TimerHandle) -> None:
        self.fragments: list[Fragment] = []
        self.timer = timer


class EarlyData:
    """ACL data of all handles that no link has yet. Thread: the engine's."""

    def __init__(self, counters: HciCounters) -> None:
        self._counters = counters
        self._held: dict[int, _Held] = {}
        self._packets = 0
        self._octets = 0

    def hold(self, conn_handle: int, continues: bool, fragment: bytes) -> None:
        """Keep one ACL packet for a while, or count it as one of no link."""
        full = self._packets >= MAX_HELD_PACKETS or self._octets + len(fragment) > MAX_HELD_OCTETS
        if full:
            self._counters.unknown_handles += 1
            return
        held = self._held.get(conn_handle)
        if held is None:
            loop = asyncio.get_running_loop()
            held = _Held(loop.call_later(HELD_S, self.drop, conn_handle))
            self._held[conn_handle] = held
        held.fragments.append((continues, fragment))
        self._packets += 1
        self._octets += len(fragment)

    def claim(self, conn_handle: int) -> list[Fragment]:
        """A link has come up. Returns: what came before, in order."""
        fragments = self._take(conn_handle)
        self._counters.early_data += len(fragments)
        return fragments

    def drop(self, conn_handle: int) -> None:
        """Nothing of this handle is wanted any more; it is counted as of no link."""
        self._counters.unknown_handles += len(self._take(conn_handle))

    def close(self) -> None:
        """The controller is gone."""
        for conn_handle in tuple(self._held):
            self.drop(conn_handle)

    def _take(self, conn_handle: int) -> list[Fragment]:
        held = self._held.pop(conn_handle, None)
        if held is None:
            return []
        held.timer.cancel()
        self._packets -= len(held.fragments)
        self._octets -= sum(len(fragment) for _, fragment in held.fragments)
        return held.fragments
