"""`busio.UART`, and the far end of the line, which a test has."""

from __future__ import annotations

from typing import Any

from bleio.board.pins import Claim, Pin

_MOST_SENT = 1 << 20  # of what a program has written
_MOST_UNREAD = 4096  # of a serial line; what comes beyond is lost and counted


class SerialLine:
    """The far end of a board's serial line."""

    __slots__ = ("_unread", "lost_octets", "sent")

    def __init__(self) -> None:
        self.sent = bytearray()
        """What the program has written, the last 1,048,576 octets."""
        self.lost_octets = 0
        """What came when 4096 octets were unread."""
        self._unread = bytearray()

    def send(self, octets: bytes) -> None:
        """Let the program read this."""
        room = _MOST_UNREAD - len(self._unread)
        self._unread += octets[:room]
        self.lost_octets += len(octets[room:])

    def take(self, size: int) -> bytes:
        """Return what the program reads now, at most `size` octets."""
        taken = bytes(self._unread[:size])
        del self._unread[:size]
        return taken

    @property
    def unread(self) -> bytes:
        """What the program has not read yet."""
        return bytes(self._unread)


class UART(Claim):
    """`busio.UART`: a serial line, to `board.uart` of the test."""

    def __init__(
        self,
        tx: Pin | None = None,
        rx: Pin | None = None,
        *,
        baudrate: int = 9600,
        timeout: float = 1.0,
    ) -> None:
        if baudrate <= 0 or timeout < 0:
            raise ValueError("baudrate must be above 0, and timeout not below it")
        if tx is None and rx is None:
            raise ValueError("tx and rx cannot both be None")
        super().__init__(tx, rx)
        self._board = self._pins[0].board
        self._line = self._board.uart
        self.baudrate = baudrate
        self.timeout = timeout
        """How many seconds a read waits for the next octet."""

    @property
    def in_waiting(self) -> int:
        """How many octets can be read at once."""
        self._look()
        return len(self._line.unread)

    def read(self, nbytes: int | None = None) -> bytes | None:
        """Read `nbytes` octets, or what comes until `timeout` passes without any; None if none."""
        most = _MOST_UNREAD if nbytes is None else nbytes
        return self._collect(most, until=None)

    def readinto(self, buf: Any) -> int | None:
        """Read into a buffer. Returns: how many octets; None if none came."""
        view = memoryview(buf).cast("B")
        octets = self._collect(len(view), until=None)
        if octets is None:
            return None
        view[: len(octets)] = octets
        return len(octets)

    def readline(self) -> bytes | None:
        """Read to the end of a line, or what comes until `timeout`; None if nothing."""
        return self._collect(_MOST_UNREAD, until=ord("\n"))

    def write(self, buf: Any) -> int:
        """Write octets. Returns: how many."""
        self._check()
        octets = bytes(memoryview(buf))
        self._line.sent += octets
        del self._line.sent[:-_MOST_SENT]
        return len(octets)

    def reset_input_buffer(self) -> None:
        """Drop what is unread."""
        self._check()
        self._line.take(_MOST_UNREAD)

    def _collect(self, most: int, until: int | None) -> bytes | None:
        octets, idle_since_us = bytearray(), self._board.now_us()
        while len(octets) < most and not (octets and octets[-1] == until):
            self._look()
            if octet := self._line.take(1):
                octets += octet
                idle_since_us = self._board.now_us()
            elif self._board.now_us() - idle_since_us >= self.timeout * 1e6:
                break
        return bytes(octets) or None

    def _look(self) -> None:
        self._check()
        self._board.look()
