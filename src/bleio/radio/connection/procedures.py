"""The link layer procedures of which one end waits for an answer. Spec: Vol 6, Part B, 5.2."""

from __future__ import annotations

from typing import Protocol

from bleio.core.codes import HciErrorCode
from bleio.radio.air.clock import Timeline, Timer

RESPONSE_TIMEOUT_US = 40_000_000


class Overdue(Protocol):
    """What hears that an answer stays out."""

    def answer_overdue(self, reason: int) -> None:
        """End the link, for the reason that was given when the answer began to be waited for."""


class Procedures:
    """What one end waits for, by the opcode of the answer, and until when.

    One procedure of a kind goes on at a time, so the opcode of its answer stands for it; commands
    of the host that would begin a second one look here first.
    """

    __slots__ = ("_clock", "_overdue", "_waiting")

    def __init__(self, clock: Timeline, overdue: Overdue) -> None:
        self._clock = clock
        self._overdue = overdue
        self._waiting: dict[int, Timer] = {}

    def expect(
        self,
        opcode: int,
        timeout_us: int = RESPONSE_TIMEOUT_US,
        reason: int = HciErrorCode.LL_RESPONSE_TIMEOUT,
    ) -> None:
        """Wait for an answer; the link ends if it stays out."""
        self.settle(opcode)
        at_us = self._clock.now_us + timeout_us
        self._waiting[opcode] = self._clock.schedule(at_us, self._overdue.answer_overdue, reason)

    def awaits(self, opcode: int) -> bool:
        """Whether an answer is outstanding."""
        return opcode in self._waiting

    def settle(self, opcode: int) -> bool:
        """Wait no longer; the answer has come. Returns: whether it was waited for."""
        timer = self._waiting.pop(opcode, None)
        if timer is not None:
            timer.cancel()
        return timer is not None

    def cancel(self) -> None:
        """Wait for nothing any more; the link is over for this end."""
        for timer in self._waiting.values():
            timer.cancel()
        self._waiting.clear()
