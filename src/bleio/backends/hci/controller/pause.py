"""Packets that wait, in order, until something is known without which they are not understood.

A new link's first packets are judged by the bonds: which device it is, by whose keys it can be
encrypted, which signatures have been used. Bonds may be in a file that another process has written
since, and to read it takes a moment. To let the link wait alone, each of its events and each of its
packets would have to wait in a place of its own, and all that may happen to a link would happen to
one that is not there yet. So all that the controller says waits for that moment: it is as if it had
come a little later. The moment has a limit, and so has what may come meanwhile; then what is known
has to do.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

MOST_PACKETS = 1024


class Pause:
    """One moment of waiting. `over`: called once, at its end."""

    def __init__(self, over: Callable[[], None]) -> None:
        self.packets: deque[bytes] = deque()
        self._over: Callable[[], None] | None = over
        self._timer: asyncio.TimerHandle | None = None

    def limit(self, limit_s: float) -> None:
        """End it after this time, if it has not ended."""
        if self._over is not None:
            self._timer = asyncio.get_running_loop().call_later(limit_s, self.end)

    def hold(self, packet: bytes) -> None:
        """Keep a packet that has come meanwhile."""
        self.packets.append(packet)
        if len(self.packets) > MOST_PACKETS:
            self.end()

    def end(self, _: bool = False) -> None:
        """What was waited for is there, or has taken too long. Idempotent."""
        over = self._over
        self.drop()
        if over is not None:
            over()

    def drop(self) -> None:
        """Its end is not wanted any more."""
        self._over = None
        if self._timer is not None:
            self._timer.cancel()
