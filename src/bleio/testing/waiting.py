"""Those that wait for their turn in simulated time, and which of them is first.

Each wait has a sequence number: ties are broken by who began to wait first, and an entry of the
heap whose number is no longer its participant's is of a wait that has ended. Such entries are left
where they are, since to find one in a heap costs more than to skip it, and are tidied up in bulk.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable

from bleio.testing.participant import Participant

NEVER_US = 1 << 62
_STALE_ALLOWED = 1024  # entries of waits that have ended, beside as many as there are of others

Predicate = Callable[[], bool]


class Waiting:
    """Everybody in here waits for a predicate, for a time, or for what comes first of both."""

    def __init__(self) -> None:
        self._for_predicates: dict[Participant, None] = {}
        self._due: list[tuple[int, int, Participant]] = []
        self._sequence = 0
        self._tidy_at = _STALE_ALLOWED

    def enter(self, me: Participant, predicate: Predicate | None, due_us: int, now_us: int) -> None:
        """Put somebody in; it replaces what the same waited for before.

        A predicate is not heard before a look's time has passed.
        """
        self._sequence += 1
        me.sequence, me.predicate, me.due_us = self._sequence, predicate, due_us
        me.not_before_us = now_us + me.look_us
        if predicate is not None:
            self._for_predicates[me] = None
        if due_us < NEVER_US:
            heapq.heappush(self._due, (due_us, self._sequence, me))
            if len(self._due) >= self._tidy_at:
                self._tidy()

    def _tidy(self) -> None:
        """Forget waits that ended before their time, or they would stay until it comes."""
        self._due = [each for each in self._due if each[1] == each[2].sequence]
        heapq.heapify(self._due)
        self._tidy_at = 2 * len(self._due) + _STALE_ALLOWED

    def take_out(self, who: Participant) -> None:
        """Somebody waits no longer."""
        self._for_predicates.pop(who, None)
        who.sequence, who.predicate = 0, None

    def first(
        self,
        now_us: int,
        before_us: int = NEVER_US,
        me: Participant | None = None,
        predicate: Predicate | None = None,
        due_us: int = NEVER_US,
    ) -> tuple[Participant | None, int]:
        """Find the one that can go on earliest, and of several the first to wait.

        Args:
            before_us: no predicate is asked that would not be heard before.
            me, predicate, due_us: one that would begin to wait now, after all others.

        Returns: it, and when; None and `NEVER_US` if nobody can.
        """
        due = self._due
        while due and due[0][1] != due[0][2].sequence:
            heapq.heappop(due)
        who, at_us, number = None, NEVER_US, 0
        if due:
            at_us, number, who = due[0]
        if due_us < at_us:
            who, at_us, number = me, due_us, self._sequence + 1
        for each in self._for_predicates:
            heard_us = each.not_before_us
            if heard_us < now_us:
                heard_us = now_us
            if heard_us < before_us and (
                heard_us < at_us or (heard_us == at_us and each.sequence < number)
            ):
                assert each.predicate is not None
                if each.predicate():
                    who, at_us, number = each, heard_us, each.sequence
        if predicate is not None and me is not None:
            heard_us = now_us + me.look_us
            if heard_us < at_us and heard_us < before_us and predicate():
                return me, heard_us
        return who, at_us

    def without_limit(self) -> list[str]:
        """The names of those that wait for predicates, whatever happens."""
        return sorted(each.name for each in self._for_predicates)
