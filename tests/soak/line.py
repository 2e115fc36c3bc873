"""A line to a controller of a shared radio that can be cut, as a dongle is pulled out."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress

from support.patience import PATIENCE_S


class Line:
    """Carries octets between a TCP port of its own and another one. Its threads end with it."""

    def __init__(self, port: int) -> None:
        self._beyond = port
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self._ends: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def cut(self) -> None:
        """End what is connected; a new connection may come."""
        ends, self._ends = self._ends, []
        for end in ends:
            _close(end)
        for thread in self._threads[1:]:
            thread.join(PATIENCE_S)
        del self._threads[1:]

    def close(self) -> None:
        _close(self._listening)
        self.cut()
        self._threads[0].join(PATIENCE_S)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listening.accept()
                far = socket.create_connection(("127.0.0.1", self._beyond))
                self._ends += [near, far]
                for one, other in ((near, far), (far, near)):
                    thread = threading.Thread(target=_carry, args=(one, other), daemon=True)
                    self._threads.append(thread)
                    thread.start()


def _carry(one: socket.socket, other: socket.socket) -> None:
    with suppress(OSError):
        while octets := one.recv(65536):
            other.sendall(octets)
    _close(one)
    _close(other)


def _close(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()
