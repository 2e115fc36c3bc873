"""What a host sees of a virtual controller, in this process or in another.

`local.attach` and `shared.join` both return one, so a host does not know where its controller is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

OnPacket = Callable[[bytes], None]  # one whole H4 packet
OnLost = Callable[[], None]  # the controller has gone, and not by `close`


class HciPort(Protocol):
    """A virtual controller of one host's own.

    Thread: that of the asyncio loop it was made on. `OnPacket` and `OnLost` are called from the
    loop, never from inside `send` or `close`.
    """

    def send(self, packet: bytes) -> None:
        """Hand the controller one whole H4 packet; ignored after the end."""

    def close(self) -> None:
        """Leave: the controller falls silent, and nothing is received any more; idempotent."""
