"""The client side of one ATT bearer: one transaction at a time (Vol 3, Part F, 3.3).

A procedure is a generator: it yields request PDUs, is sent the response PDUs, and returns its
result. An Error Response is thrown into it as AttError. Procedures wait in line for the bearer.

So a procedure of many requests, such as discovery, reads as one function from top to bottom and
knows no clock, no thread and no future. Callbacks would scatter it over a method for each response,
with the state between them in attributes. Coroutines would tie it to asyncio, and let it await what
is no response.

What may surprise: a caller's time limit ends its procedure, not the transaction. ATT allows one
request at a time, and a response does not say which request it answers. If the next one were sent
early, the late response to the last would be taken for its own. So the bearer stays busy until the
response is there, at most 30 s from the request; after that nothing may be sent on it any more, and
the link is as good as lost (3.3.3).

A procedure may have a limit for the whole of it, too. Each answer of a peer that takes its time
comes within its own limit, and then a discovery of some thousand steps takes hours.

All these limits have one timer, which is set for the first and runs on when that has been met: then
it looks for the next. To set and cancel one for each request costs more than the request.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Generator
from typing import Any, Protocol, TypeVar

from bleio.att import codec
from bleio.att.counters import Counters
from bleio.errors import AttError, ProtocolViolation, TransactionTimeout

T = TypeVar("T")
Procedure = Generator[bytes, bytes, T]
Done = Callable[[Any, "Exception | None"], None]


class DeadlineTimer(Protocol):
    """What `call_later` returns."""

    def cancel(self) -> None: ...


CallLater = Callable[[float, Callable[[], None]], DeadlineTimer]

_EARLY_S = 0.001  # at most, for a timer


class Timing(Protocol):
    """A clock, as asyncio's loops are."""

    def time(self) -> float:
        """Return the time in seconds."""

    def call_later(self, delay_s: float, callback: Callable[[], None], /) -> DeadlineTimer:
        """Call once the delay is over, in seconds."""


class Job:
    """One procedure in line or under way; `done(result, error)` is called once, or abandoned.

    `due_s`: when the whole of it is to have ended, known from its first request on.
    """

    __slots__ = ("done", "due_s", "procedure", "step_limit_s", "whole_limit_s")

    def __init__(
        self,
        procedure: Procedure[Any],
        done: Done,
        step_limit_s: float,
        whole_limit_s: float | None,
    ) -> None:
        self.procedure: Procedure[Any] | None = procedure
        self.done = done
        self.step_limit_s = min(step_limit_s, codec.TRANSACTION_TIMEOUT_S)
        self.whole_limit_s = math.inf if whole_limit_s is None else whole_limit_s
        self.due_s = 0.0

    def finish(self, result: Any, error: Exception | None) -> None:
        """End the procedure and tell, unless it has ended already."""
        procedure, self.procedure = self.procedure, None
        if procedure is not None:
            procedure.close()
            self.done(result, error)


class AttClient:
    """Runs procedures against the peer's server.

    `timed_out()` is called when a transaction had no response for 30 s: the bearer is then dead.
    """

    def __init__(
        self,
        send: Callable[[bytes], None],
        timing: Timing,
        timed_out: Callable[[], None],
        counters: Counters | None = None,
    ) -> None:
        self.counters = counters or Counters()
        self._send = send
        self._timing = timing
        self._timed_out = timed_out
        self._waiting: deque[Job] = deque()
        self._job: Job | None = None
        self._request_opcode = 0  # of the outstanding request, 0 if there is none
        self._step_due_s = self._transaction_due_s = 0.0
        self._timer: DeadlineTimer | None = None
        self._timer_due_s = 0.0
        self._closed_by: Exception | None = None

    def run(
        self,
        procedure: Procedure[Any],
        done: Done,
        step_limit_s: float = codec.TRANSACTION_TIMEOUT_S,
        whole_limit_s: float | None = None,
    ) -> Job:
        """Run a procedure when its turn comes.

        Args: `step_limit_s`: how long it waits for each response, at most 30 s; the transaction
            itself stays open until the response or the end of 30 s. `whole_limit_s`: how long it
            may take from its first request on.
        """
        job = Job(procedure, done, step_limit_s, whole_limit_s)
        if self._closed_by is not None:
            job.finish(None, self._closed_by)
            return job
        self._waiting.append(job)
        self._run_next()
        return job

    def abandon(self, job: Job, error: Exception) -> None:
        """End a procedure early with `error`; a response under way is still awaited, for order."""
        if job in self._waiting:
            self._waiting.remove(job)
        job.finish(None, error)

    def respond(self, pdu: bytes) -> None:
        """Take a response PDU. One that nobody asked for is counted and otherwise ignored."""
        request_opcode = self._request_opcode
        error: Exception | None = None
        if pdu[0] == codec.ERROR_RSP:
            parsed = codec.parse_error_rsp(pdu)
            if parsed is None:
                error = ProtocolViolation("malformed Error Response")
            else:
                error = AttError(parsed[2], parsed[0], parsed[1])
            expected = request_opcode != 0 and (parsed is None or parsed[0] == request_opcode)
        else:
            expected = request_opcode != 0 and pdu[0] == request_opcode + 1
        if not expected:
            self.counters.unsolicited_responses += 1
            return
        self._request_opcode = 0
        if self._job is not None:
            self._step(self._job, pdu, error)
        if self._request_opcode == 0:
            self._run_next()

    def close(self, error: Exception) -> None:
        """Fail everything under way and in line, and all that comes later, with `error`."""
        self._closed_by = self._closed_by or error
        self._request_opcode = 0
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        jobs = [self._job] if self._job else []
        jobs += self._waiting
        self._job = None
        self._waiting.clear()
        for job in jobs:
            job.finish(None, error)

    def _run_next(self) -> None:
        """Start procedures until one waits for the air."""
        while self._request_opcode == 0:
            if self._job is not None:
                if self._job.procedure is not None:
                    return  # it is just being advanced, further up the stack
                self._job = None
            if not self._waiting:
                return
            self._job = self._waiting.popleft()
            self._step(self._job, None, None)

    def _step(self, job: Job, response: bytes | None, error: Exception | None) -> None:
        """Advance a procedure to its next request or its end."""
        procedure = job.procedure
        if procedure is None:
            return
        try:
            # A generator takes None to start; its type does not say so.
            request = procedure.throw(error) if error else procedure.send(response)  # type: ignore[arg-type]
        except StopIteration as end:
            job.finish(end.value, None)
        except Exception as failure:  # of any kind: it is the caller's to see
            job.finish(None, failure)
        else:
            now_s = self._timing.time()
            self._request_opcode = request[0]
            self._transaction_due_s = now_s + codec.TRANSACTION_TIMEOUT_S
            self._step_due_s = now_s + job.step_limit_s
            job.due_s = job.due_s or now_s + job.whole_limit_s
            if self._timer is None or self._timer_due_s > min(self._step_due_s, job.due_s):
                self._set_timer(now_s)
            self._send(request)

    def _set_timer(self, now_s: float) -> None:
        """Have the timer end with the first limit that is not met yet, if a response is awaited."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._request_opcode == 0:
            return
        due_s = self._transaction_due_s
        if self._job is not None and self._job.procedure is not None:
            due_s = min(self._step_due_s, self._job.due_s)
        self._timer_due_s = due_s
        self._timer = self._timing.call_later(due_s - now_s, self._look)

    def _look(self) -> None:
        """See whether a limit has passed, and wait for the next."""
        self._timer = None
        now_s = self._timing.time() + _EARLY_S
        if self._request_opcode and now_s >= self._transaction_due_s:
            self._timed_out()
            return
        if self._request_opcode and self._job is not None:
            if now_s >= self._job.due_s:
                slow = "The peer answered too slowly, step after step"
                self._job.finish(None, TransactionTimeout(slow))
            elif now_s >= self._step_due_s:
                self._job.finish(None, TransactionTimeout("The peer did not answer in time"))
        if self._timer is None:
            self._set_timer(now_s - _EARLY_S)
