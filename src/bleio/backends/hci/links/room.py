"""Room in one link's send queue, and what waits for it.

A controller has a few buffers, and a peer may take nothing from its own for as long as it likes: a
host that uses flow control and gives no buffers back is enough. So what a program sends waits for
room; else a program that is faster than the air would pile up its data. What waits is a call, made
as soon as there is room, in the order of asking. A coroutine that is let in would do, too, but then
the place that it was let in for has to be kept until it runs, and a value for twenty clients would
need twenty tasks.

A peer that takes nothing must hold neither the program nor other links. Two bounds see to that:

* If the peer has taken nothing for `TAKES_NOTHING_S`, as long as ATT lets a peer be silent, while
  something waited, all that waits fails, and the link is ended: its peer will not miss what it does
  not take. One that takes a packet now and then is slow, and stays.
* A value that is set for all clients may be missed (`may_be_missed`): of those at most
  `MAX_UNTOLD` wait, and one more makes the oldest give way. The latest is what a client needs most.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Protocol

from bleio.att.codec import TRANSACTION_TIMEOUT_S
from bleio.backends.hci.counters import HciCounters
from bleio.errors import TransactionTimeout, ValueMissed
from bleio.gatt.indications import MAX_UNTOLD

TAKES_NOTHING_S = TRANSACTION_TIMEOUT_S

Done = Callable[["Exception | None"], None]


class SendQueue(Protocol):
    """The queue whose room it is."""

    def free_packets(self) -> int:
        """How many packets there is room for; senders of more should wait."""


class Waiting:
    """A call that waits for room; `done(error)` is called once it was made, or will not be."""

    __slots__ = ("done", "may_be_missed", "ready", "send")

    def __init__(
        self,
        send: Callable[[], None],
        done: Done,
        may_be_missed: bool,
        ready: Callable[[], bool] | None,
    ) -> None:
        self.send = send
        self.done = done
        self.may_be_missed = may_be_missed
        self.ready = ready


class Room:
    """See the module. `waiting`: what has no room yet.

    Args: `stalled()`: the peer has taken nothing for too long. Thread: the engine's.
    """

    def __init__(
        self, queue: SendQueue, stalled: Callable[[], None], counters: HciCounters
    ) -> None:
        self._queue = queue
        self._stalled = stalled
        self._counters = counters
        self.waiting: deque[Waiting] = deque()
        self._may_be_missed = 0  # of those that wait
        self._taken_s = 0.0  # when the peer last took something, while anything waited
        # It runs on while nothing waits, for a busy link's would be set at each value.
        self._timer: asyncio.TimerHandle | None = None
        self._closed_by: Exception | None = None

    @property
    def free(self) -> bool:
        """Whether something may be sent at once. Data plane."""
        return not self.waiting and self._closed_by is None and self._queue.free_packets() > 0

    @property
    def packets(self) -> int:
        """How many may be sent at once."""
        return 0 if self.waiting or self._closed_by is not None else self._queue.free_packets()

    def wait(
        self,
        send: Callable[[], None],
        done: Done,
        *,
        may_be_missed: bool = False,
        ready: Callable[[], bool] | None = None,
    ) -> Waiting | None:
        """Call `send` when its turn has come and there is room, then `done` with what it raised.

        Args: `ready`: what waits until this gives True, too, and all behind it with it; who knows
            that it may have come true calls `grant`.
        Returns: what to `give_up`; None if the link is gone, or as good as that.
        """
        if self._closed_by is not None:
            done(self._closed_by)
            return None
        waiting = Waiting(send, done, may_be_missed, ready)
        if not self.waiting:
            self._taken_s = asyncio.get_running_loop().time()
            if self._timer is None:
                self._set_timer(TAKES_NOTHING_S)
        self.waiting.append(waiting)
        self._may_be_missed += may_be_missed
        if self._may_be_missed > MAX_UNTOLD:
            self._miss_oldest()
            self._let_in()
        return waiting

    def give_up(self, waiting: object) -> None:
        """Do not send what `wait` has returned, if it still waits; `done` is not called."""
        if isinstance(waiting, Waiting) and waiting in self.waiting:
            self._take_out(waiting)
            self._let_in()

    def grant(self) -> None:
        """The peer has taken something, so there may be room: let what waits send, as far as it
        goes."""
        self._taken_s = asyncio.get_running_loop().time()
        self._let_in()

    def _let_in(self) -> None:
        while self.waiting and self._queue.free_packets() > 0:
            waiting = self.waiting[0]
            if waiting.ready is not None and not waiting.ready():
                return
            self.waiting.popleft()
            self._may_be_missed -= waiting.may_be_missed
            try:
                waiting.send()
            except Exception as error:  # of any kind: it is the sender's to see
                waiting.done(error)
            else:
                waiting.done(None)

    def close(self, error: Exception) -> None:
        """The link is gone: fail all that waits."""
        self._closed_by = self._closed_by or error
        waiting, self.waiting = self.waiting, deque()
        self._may_be_missed = 0
        self._stop_timer()
        for each in waiting:
            each.done(error)

    def _miss_oldest(self) -> None:
        oldest = next(waiting for waiting in self.waiting if waiting.may_be_missed)
        self._take_out(oldest)
        self._counters.att.missed_values += 1
        oldest.done(ValueMissed())

    def _take_out(self, waiting: Waiting) -> None:
        self.waiting.remove(waiting)  # it is one of the first, or its program has given it up
        self._may_be_missed -= waiting.may_be_missed

    def _overdue(self) -> None:
        """Look whether the peer has taken nothing since the timer was set."""
        self._timer = None
        if not self.waiting:
            return
        waited_s = asyncio.get_running_loop().time() - self._taken_s
        if waited_s < TAKES_NOTHING_S - 0.001:
            self._set_timer(TAKES_NOTHING_S - waited_s)
            return
        self.close(TransactionTimeout("The peer has taken nothing for 30 seconds"))
        self._stalled()

    def _set_timer(self, delay_s: float) -> None:
        self._timer = asyncio.get_running_loop().call_later(delay_s, self._overdue)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
