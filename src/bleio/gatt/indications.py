"""Indications of ours: one at a time, each waits for its confirmation (Vol 3, Part F, 3.3.2).

Two kinds wait. A value that a program sends goes out once for each time that it was sent, in order;
programs' values wait in the line of all that a client is told (`teller`), which is bounded, and
come here when `idle`. Service Changed overtakes those, because a client that does not know of the
change may take their handles for others; and however often the table changes while it waits, one
range that covers all of it is told. A client that never confirms would otherwise make us store more
and more.

Only the last change's confirmation counts as the client's knowledge of the table.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from bleio.att import codec
from bleio.att.client import CallLater, DeadlineTimer
from bleio.att.codec import HANDLE_PAIR, OPCODE_U16

# Values that wait for one client, which may be slower than others that hear of them too.
MAX_UNTOLD = 256

Confirmed = Callable[["Exception | None"], None]


class _Indication(NamedTuple):
    handle: int
    value: bytes
    done: Confirmed


class Indications:
    """The indications of one bearer.

    `timed_out()`: no confirmation for 30 s. `withheld(handle)`: whether the client must not get a
    value. It is asked when the value's turn comes, since the link may have lost its security
    meanwhile.
    """

    def __init__(
        self,
        send: Callable[[bytes], None],
        call_later: CallLater,
        timed_out: Callable[[], None],
        withheld: Callable[[int], bool],
    ) -> None:
        self._send = send
        self._call_later = call_later
        self._timed_out = timed_out
        self._withheld = withheld
        self._waiting: deque[_Indication] = deque()
        self._current: _Indication | None = None
        self._timer: DeadlineTimer | None = None
        # Changed handles still to be told: one range however often the table changes meanwhile.
        self._changed: tuple[int, int] | None = None
        self._changed_done: Callable[[], None] | None = None
        self._changed_handle = 0

    def idle(self) -> bool:
        """Whether one that is sent now goes out at once."""
        return self._current is None

    def send(self, handle: int, value: bytes, done: Confirmed) -> None:
        """Send when its turn comes; `done(error)` when confirmed, withheld or failed."""
        self._waiting.append(_Indication(handle, value, done))
        self._send_next()

    def service_changed(
        self, handle: int, start: int, end: int, confirmed: Callable[[], None]
    ) -> None:
        """Send Service Changed before other indications that wait.

        `confirmed()` is called when the client has confirmed the last change there was.
        """
        low, high = self._changed or (start, end)
        self._changed = (min(low, start), max(high, end))
        self._changed_handle, self._changed_done = handle, confirmed
        self._send_next()

    def confirmed(self) -> bool:
        """A confirmation came; False if nothing waits for it."""
        current = self._end_current()
        if current is None:
            return False
        current.done(None)
        self._send_next()
        return True

    def close(self, error: Exception) -> None:
        """Fail all that waits."""
        current = self._end_current()
        failed = ([current] if current else []) + list(self._waiting)
        self._waiting.clear()
        self._changed = None
        for indication in failed:
            indication.done(error)

    def _send_next(self) -> None:
        if self._current is not None:
            return
        if self._changed is not None:
            self._current = self._take_service_changed(*self._changed)
        else:
            self._current = self._next_permitted()
        if self._current is not None:
            self._timer = self._call_later(codec.TRANSACTION_TIMEOUT_S, self._timed_out)
            head = OPCODE_U16.pack(codec.HANDLE_VALUE_IND, self._current.handle)
            self._send(head + self._current.value)

    def _next_permitted(self) -> _Indication | None:
        while self._waiting:
            indication = self._waiting.popleft()
            if not self._withheld(indication.handle):
                return indication
            indication.done(None)
        return None

    def _take_service_changed(self, start: int, end: int) -> _Indication:
        self._changed = None
        value = HANDLE_PAIR.pack(start, end)
        return _Indication(self._changed_handle, value, self._service_changed_done)

    def _service_changed_done(self, error: Exception | None) -> None:
        if error is None and self._changed is None and self._changed_done is not None:
            self._changed_done()

    def _end_current(self) -> _Indication | None:
        current, self._current = self._current, None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        return current
