"""A program that watches the air of a shared radio: it gets a capture, as it is made.

The capture is pcapng from its first octet to its last. One that reads slowly must not hold up the
radio, nor fill its memory: when too much is unread, packets are left out for that one alone, and
the next packet that it gets says how many. So a capture with gaps is known by its gaps.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from bleio.radio.capture.air_capture import AirCapture
from bleio.radio.sharing.driver import Driver

MOST_WATCHERS = 8  # each has a capture of its own made
MOST_UNREAD_OCTETS = 1024 * 1024
# The model shows packets when others follow; one that watches should not have to wait for those.
_POLL_S = 0.05


class Watching(asyncio.Protocol):
    """Sends what is on the air to a program, until it leaves.

    Args:
        transport: on which all words have been said; this becomes its protocol.
        on_end: is told, with this, when the program has left.
        decipher: whether encrypted packets are in clear text.
    """

    def __init__(
        self,
        driver: Driver,
        transport: asyncio.Transport,
        on_end: Callable[[Watching], None],
        *,
        decipher: bool,
    ) -> None:
        self._driver = driver
        self._transport = transport
        self._on_end = on_end
        driver.catch_up()
        transport.set_protocol(self)
        self._capture = AirCapture(
            driver.radio, transport.write, decipher=decipher, has_room=self._has_room
        )
        driver.radio.watch(self._capture.add)
        self._timer = asyncio.get_running_loop().call_later(_POLL_S, self._write_due)

    def _has_room(self) -> bool:
        return self._transport.get_write_buffer_size() < MOST_UNREAD_OCTETS

    def _write_due(self) -> None:
        self._driver.catch_up()
        self._capture.write_due()
        self._timer = asyncio.get_running_loop().call_later(_POLL_S, self._write_due)

    def finish(self) -> None:
        """The radio ends: send what is left."""
        self._capture.flush()
        self._transport.close()

    def data_received(self, data: bytes) -> None:
        """It has nothing to say."""

    def connection_lost(self, error: Exception | None) -> None:
        self._timer.cancel()
        self._driver.radio.unwatch(self._capture.add)
        self._on_end(self)
