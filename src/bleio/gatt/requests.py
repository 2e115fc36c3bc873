"""What a client asks of our server, taken one after the other.

Each request and command is done with at once, but for one case: a signed write whose signature is
good, while its counter is still being stored. Taken at once it could be valid a second time, after
a crash; refused, it would be lost. So it waits, and what the client sends behind it waits too, for
a client that writes and then reads expects to read what it wrote. That is milliseconds, unless the
disk hangs; so what waits is bounded, and what has no room is lost and counted.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from bleio.att.permissions import CounterNotStored
from bleio.att.server import AttServer

MAX_HELD = 256  # PDUs; a client sends one request at a time, and commands as it likes


class Requests:
    """The requests and commands of one client.

    Args: `send`: takes our responses. `died(error)`: something of ours has failed.
    """

    def __init__(
        self,
        server: AttServer,
        send: Callable[[bytes], None],
        died: Callable[[Exception], None],
    ) -> None:
        self._server = server
        self._send = send
        self._died = died
        self._held: deque[bytes] = deque()  # the first waits for its counter
        self._answers = True

    def take(self, pdu: bytes) -> None:
        """Act on a request or command, perhaps later. Raises: what is a fault of ours."""
        if not self._held:
            self._act(pdu)
        elif len(self._held) < MAX_HELD:
            self._held.append(pdu)
        else:
            self._server.counters.refused_commands += 1

    def closed(self) -> None:
        """The link is gone: nothing is answered any more."""
        self._answers = False

    def clear(self) -> None:
        """Forget what waits, and what was prepared."""
        self._held.clear()
        self._server.prepared.clear()

    def _act(self, pdu: bytes) -> None:
        try:
            answer = self._server.answer(pdu)
        except CounterNotStored as reason:
            self._held.appendleft(pdu)
            reason.when_stored(self._go_on)
            return
        if answer is not None and self._answers:
            self._send(answer)

    def _go_on(self) -> None:
        """The first may be taken now, and those behind it."""
        try:
            while self._held:
                waiting = len(self._held)
                self._act(self._held.popleft())
                if len(self._held) == waiting:
                    return  # it waits again
        except Exception as error:
            self._died(error)
