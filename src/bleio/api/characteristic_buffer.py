"""`_bleio.CharacteristicBuffer`: octets from a characteristic, read like those of a serial line.

A call that begins without the peer's link raises, even with octets left, as on a board: a program
that reads in a loop would else never learn of it. A call that has begun does not look at the link
again. If that ends meanwhile, the call ends at once with what has arrived, perhaps nothing, and the
next one raises. Were it to raise itself, the last line before a disconnection would be lost, since
both often come together; and `while connection.connected: buffer.readline()` would end in an error.

A buffer on a local characteristic has no link to lose; it takes what any client writes. What feeds
the FIFO holds no reference to the buffer, so that one which the program has dropped can go, see
`_listening`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any

from bleio.api._arguments import (
    DEINITIALIZED,
    WriteableBuffer,
    at_least,
    described,
    duration,
    instance,
    integer,
    public,
    writable,
)
from bleio.api._ends import LocalEnd, RemoteEnd
from bleio.api._listening import Listening, listen_local, listen_remote
from bleio.api.characteristic import Characteristic
from bleio.api.uuid import UUID
from bleio.runtime.buffers import ByteFifo

_ALL = -1
# How far a peer's indications, of which one is under way at a time, may be behind what it notifies.
_MAX_UNINDICATED = 64


class _LocalFeed:
    """Puts what clients write into the FIFO (engine thread)."""

    def __init__(self, fifo: ByteFifo) -> None:
        self._fifo = fifo

    def written(self, link: Any, value: bytes) -> None:
        self._fifo.put(value)

    def subscribed(self, link: Any, notify: bool, indicate: bool) -> None:
        """Of no concern here."""

    def link_closed(self, link: Any) -> None:
        """A local buffer counts as always connected."""


class _RemoteFeed:
    """Puts what the peer notifies or indicates into the FIFO (engine thread)."""

    def __init__(self, fifo: ByteFifo) -> None:
        self._fifo = fifo
        self._notified: deque[bytes] = deque(maxlen=_MAX_UNINDICATED)

    def notified(self, value: bytes) -> None:
        self._fifo.put(value)

    def doubled(self, value: bytes, indicated: bool) -> None:
        """Take each value once, also from a peer that only indicates.

        On boards such a buffer hears notifications only. To pass over all indications would lose
        the values of peers that choose to indicate when both are on.
        """
        if not indicated:
            self._notified.append(value)
        elif value in self._notified:
            while self._notified.popleft() != value:
                pass  # notified, and its indication never came
            return
        self._fifo.put(value)

    def link_closed(self) -> None:
        self._fifo.wake()


@public
class CharacteristicBuffer:
    """A queue of octets from a characteristic: a client's writes, or a peer's notifications and
    indications; where both are on, each value once. It never touches the CCCD. When full, surplus
    new octets are dropped.

    Args: timeout: how long reading waits for more, seconds. buffer_size: octets.
    Raises: TypeError, ValueError; every member raises ValueError after `deinit`.
    Thread: any; only reading waits.
    """

    def __init__(
        self, characteristic: Characteristic, *, timeout: float = 1, buffer_size: int = 64
    ) -> None:
        instance("characteristic", characteristic, Characteristic)
        self._timeout_s = duration("timeout", timeout)
        capacity = at_least("buffer_size", buffer_size, 1)
        self._end = characteristic._alive()
        session = self._end.session
        self._fifo = ByteFifo(session.engine.clock, capacity, session.counted)
        self._listening = self._listen()
        session.engine.wait(self._listening.beginning())
        self._listening.owned_by(self)

    @described
    def __repr__(self) -> str:
        """The characteristic, at which side, and what is in it. Never waits."""
        side = "local" if isinstance(self._end, LocalEnd) else "remote"
        now = f"{len(self._fifo.octets)} of {self._fifo.capacity_octets} octets"
        if not self._listening.alive:
            now = "deinitialized"
        elif self._end.link_gone:
            now += ", disconnected"
        uuid = UUID._on_air(self._end.model.uuid)
        return f"<CharacteristicBuffer of {side} {uuid!r}, {now}>"

    @property
    def in_waiting(self) -> int:
        """How many octets can be read at once. Raises: ConnectionError if none and no link."""
        if not self._listening.alive:  # programs spin on this, so it calls nothing that it need not
            self._alive()
        end = self._end
        end.session.engine.look()
        count = len(self._fifo.octets)
        if not count and end.link_gone:
            self._check_link()
        return count

    def read(self, nbytes: int | None = None) -> bytes:
        """Read up to nbytes; None or -1 means all until `timeout` passes without any.

        Waits up to `timeout` for the rest as long as each wait brings something, and no longer than
        the link lasts. Raises: ConnectionError if a peer's link is gone, even with octets left.
        """
        self._alive()
        wanted = _ALL if nbytes is None else integer("nbytes", nbytes)
        if not wanted:
            return b""
        self._check_link()
        result = bytearray()
        while wanted < 0 or len(result) < wanted:
            step = self._fifo.capacity_octets if wanted < 0 else wanted - len(result)
            taken = self._fifo.take(step, self._timeout_s, self._is_over)
            if not taken:
                break
            result += taken
        return bytes(result)

    def readinto(self, buf: WriteableBuffer, nbytes: int | None = None) -> int:
        """Read into `buf`, at most its length and nbytes. Returns: the count, 0 on time-out."""
        self._alive()
        view = writable(buf)
        count = len(view)
        if nbytes is not None and integer("nbytes", nbytes) >= 0:
            count = min(count, nbytes)
        octets = self.read(count)
        view[: len(octets)] = octets
        return len(octets)

    def readline(self, limit: int | None = None) -> bytes:
        """Read through the next newline, or what there is when `timeout` passes without more, or
        the link ends; at most `limit` octets, unless that is None or negative.

        Raises: ConnectionError if a peer's link is gone, even with octets left.
        """
        self._alive()
        left = _ALL if limit is None else integer("limit", limit)
        if not left:
            return b""
        self._check_link()
        line = bytearray()
        while left and not line.endswith(b"\n"):
            part = self._fifo.take_line(left, self._timeout_s, self._is_over)
            if not part:
                break
            line += part
            left -= len(part) if left > 0 else 0
        return bytes(line)

    def reset_input_buffer(self) -> None:
        """Drop all octets."""
        self._alive()
        self._fifo.clear()

    def deinit(self) -> None:
        """Stop listening. Idempotent."""
        self._listening.end()
        self._fifo.wake()

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        line = self.readline()
        if not line:
            raise StopIteration
        return line

    def _listen(self) -> Listening:
        end = self._end
        if isinstance(end, LocalEnd):
            return listen_local(end.session, end.model, _LocalFeed(self._fifo))
        return listen_remote(end.session, end.link, end.model, _RemoteFeed(self._fifo))

    def _alive(self) -> None:
        if not self._listening.alive:
            raise ValueError(DEINITIALIZED)

    def _is_over(self) -> bool:
        return not self._listening.alive or self._end.link_gone

    def _check_link(self) -> None:
        if isinstance(self._end, RemoteEnd):
            self._end.live_link()
