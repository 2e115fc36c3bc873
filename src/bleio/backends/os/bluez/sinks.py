"""The sockets by which BlueZ takes values for one client alone.

bluetoothd reads at once and queues for the air. Should it stop reading, the values of that client
wait here, at most `VALUES_WAITING` of them; what comes then it misses.
"""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from collections.abc import Callable

from bleio.gatt.model import MAX_VALUE_OCTETS

VALUES_WAITING = 64


class Sink:
    """Our end of a socket. Args: `octets`: how long a value may be. `closed`: BlueZ closed it."""

    def __init__(self, octets: int, closed: Callable[[], None]) -> None:
        self.octets = min(octets, MAX_VALUE_OCTETS)
        self._closed = closed
        self._queue: deque[bytes] = deque()
        self._room: asyncio.Future[None] | None = None
        self._loop = asyncio.get_running_loop()
        # Each value is a packet: a stream would run values together.
        self._ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.descriptor = theirs.detach()  # whoever passes it on closes it
        self._ours.setblocking(False)
        self._loop.add_reader(self._ours, self._readable)

    def put(self, value: bytes) -> bool:
        """Send a value, or have it wait. Returns: False if this client misses it."""
        if len(self._queue) >= VALUES_WAITING:
            return False
        self._queue.append(value[: self.octets])
        if len(self._queue) == 1:
            self._write()
        return True

    async def room(self) -> None:
        """Wait until a value would not be missed, or the socket is closed."""
        while len(self._queue) >= VALUES_WAITING:
            if self._room is None:
                self._room = self._loop.create_future()
            await asyncio.shield(self._room)

    def close(self) -> None:
        """Close it. Idempotent."""
        if self._ours.fileno() >= 0:
            self._loop.remove_reader(self._ours)
            self._loop.remove_writer(self._ours)
            self._ours.close()
        self._queue.clear()
        self._make_room()

    def _readable(self) -> None:
        """BlueZ writes nothing; it has closed its end."""
        try:
            if self._ours.recv(MAX_VALUE_OCTETS):
                return
        except BlockingIOError:
            return
        except OSError:
            pass
        self.close()
        self._closed()

    def _write(self) -> None:
        try:
            while self._queue:
                self._ours.send(self._queue[0])
                self._queue.popleft()
        except BlockingIOError:
            self._loop.add_writer(self._ours, self._write)
        except OSError:
            self._queue.clear()  # it is closed, which is seen by reading
        if not self._queue and self._ours.fileno() >= 0:
            self._loop.remove_writer(self._ours)
        if len(self._queue) < VALUES_WAITING:
            self._make_room()

    def _make_room(self) -> None:
        if self._room is not None:
            self._room.set_result(None)
            self._room = None
