"""What all ways to a controller have in common: whole H4 packets in both directions.

A port is opened with two callables. `OnPacket` takes each packet that comes, in order and on the
loop's thread. `OnLost` is called at most once, when the way to the controller has ended by itself,
with words that say what is wrong and what to do; it is not called for `close`. A packet that is
sent after the end goes nowhere and is no error: the end is told by `OnLost` alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

OnPacket = Callable[[bytes], None]
OnLost = Callable[[str], None]


class Port(Protocol):
    """An open way to a controller. Thread: that of the asyncio loop it was opened on."""

    metadata: dict[str, Any]  # of the device, such as a dongle's vendor; for firmware drivers

    def send(self, packet: bytes) -> None:
        """Send one whole H4 packet."""

    async def close(self) -> None:
        """Release it; nothing is received any more."""
