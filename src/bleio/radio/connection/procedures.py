"""The link layer procedures that one end has begun, and the answers for which it waits.

Spec: Vol 6, Part B, 5.2 (time-outs) and 5.3 (collisions). An end runs one procedure of its own at a
time. Its host knows nothing of that: it asks for longer PDUs and another PHY in one breath, and the
second request must stay back until the first has ended. So nothing begins a procedure by sending
its first PDU; it says `begin`, and the PDU is made when its turn comes, with the values of that
moment. What an end answers to its peer is no procedure of its own and waits for nothing.

A procedure with an instant goes on until the instant, though its answer came long before
(`answered`); only `settle` lets the next one begin. Two such procedures exclude each other, also
when one is the peer's: an end that has taken part in the peer's begins none until that instant
(`peer_began`, `peer_ended`). So they collide only where two requests cross on the air, which the
central decides (`updates.py`). Procedures without an instant overtake those that wait for one.

While a link begins to be encrypted nothing else is sent on it. Its peripheral begins no procedure
(`pause`): the central would have to end the link, as it expects no other PDU then. Its central
keeps back what it owes to a request that has crossed its own (`answer`); Vol 6, Part B, 5.1.3.1.
Not here is LL_TERMINATE_IND, which may be sent in the middle of anything.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Protocol

from bleio.core.codes import HciErrorCode
from bleio.radio.air.clock import Timeline, Timer
from bleio.radio.connection.control_pdus import LlOpcode

WITH_INSTANT = (
    LlOpcode.PHY_UPDATE_IND,
    LlOpcode.CONNECTION_UPDATE_IND,
    LlOpcode.CHANNEL_MAP_IND,
)
RESPONSE_TIMEOUT_US = 40_000_000


class Overdue(Protocol):
    """What hears that an answer stays out."""

    def answer_overdue(self, reason: int) -> None:
        """End the link, for the reason that was given when the answer began to be waited for."""


class Procedures:
    """What one end has begun or waits for, by the opcode of the answer, and until when.

    One procedure of a kind goes on at a time, so the opcode of its answer stands for it; commands
    of the host that would begin a second one look here first.
    """

    __slots__ = ("_clock", "_next", "_overdue", "_owed", "_paused", "_peers", "_waiting", "own")

    def __init__(self, clock: Timeline, overdue: Overdue) -> None:
        self._clock = clock
        self._overdue = overdue
        self.own: int | None = None  # the procedure that this end has begun
        self._next: deque[tuple[int, Callable[..., None], tuple[object, ...]]] = deque()
        self._paused = False
        self._peers = False  # a procedure with an instant that the peer has begun goes on
        self._owed: list[tuple[Callable[..., None], tuple[object, ...]]] = []
        self._waiting: dict[int, Timer] = {}

    # -- one after the other --

    def begin(self, opcode: int, start: Callable[..., None], *args: object) -> None:
        """Call `start(*args)`, which sends the first PDU, when the procedures before have ended.

        Args: opcode: of the PDU with which the procedure is known here; `settle` ends it.
        """
        self._next.append((opcode, start, args))
        self._go_on()

    def pause(self) -> None:
        """Begin nothing until `resume`, as the peer starts encryption."""
        self._paused = True

    def resume(self) -> None:
        """Begin what has waited."""
        self._paused = False
        self._go_on()

    def peer_began(self) -> None:
        """Begin no procedure with an instant until `peer_ended`: the peer's goes on."""
        self._peers = True

    def peer_ended(self) -> None:
        """Begin what has waited for the end of the peer's procedure."""
        self._peers = False
        self._go_on()

    def _go_on(self) -> None:
        if self.own is not None or self._paused:
            return
        for procedure in self._next:
            opcode, start, args = procedure
            if not (self._peers and opcode in WITH_INSTANT):
                self._next.remove(procedure)
                self.own = opcode
                start(*args)
                return

    # -- answers --

    def answer(self, send: Callable[..., None], *args: object) -> None:
        """Answer the peer by `send(*args)`: now, or once this central has encryption."""
        if self.own == LlOpcode.START_ENC_RSP:
            self._owed.append((send, args))
        else:
            send(*args)

    def expect(
        self,
        opcode: int,
        timeout_us: int = RESPONSE_TIMEOUT_US,
        reason: int = HciErrorCode.LL_RESPONSE_TIMEOUT,
    ) -> None:
        """Wait for an answer; the link ends if it stays out."""
        self.answered(opcode)
        at_us = self._clock.now_us + timeout_us
        self._waiting[opcode] = self._clock.schedule(at_us, self._overdue.answer_overdue, reason)

    def awaits(self, opcode: int) -> bool:
        """Whether an answer is outstanding, or its procedure is still to begin."""
        return opcode in self._waiting or any(opcode == each for each, _, _ in self._next)

    def answered(self, opcode: int) -> bool:
        """Wait no longer; the answer has come. Returns: whether it was waited for."""
        timer = self._waiting.pop(opcode, None)
        if timer is not None:
            timer.cancel()
        return timer is not None

    def settle(self, opcode: int) -> bool:
        """End a procedure, and begin the next one. Returns: whether this end was in it."""
        asked = self.answered(opcode)
        if self.own == opcode:
            self.own = None
            owed, self._owed = self._owed, []
            for send, args in owed:
                send(*args)
            self._go_on()
            return True
        return asked

    def cancel(self) -> None:
        """Wait for nothing any more; the link is over for this end."""
        self._next.clear()
        self._owed.clear()
        for timer in self._waiting.values():
            timer.cancel()
        self._waiting.clear()
