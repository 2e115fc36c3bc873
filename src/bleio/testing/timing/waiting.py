"""Those that wait for their turn in simulated time, and which of them is first.

Each wait has a sequence number: ties are broken by which began to wait first, and an entry of the
heap whose number is no longer its participant's is of a wait that has ended. Such entries are left
where they are, since to find one in a heap costs more than to skip it, and are tidied up in bulk.

A wait for a time can end early, with news for a program that looks: it gets a second entry then,
with the same number.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable

from bleio.testing.timing.participant import NEVER_US as NEVER_US, Participant
from bleio.testing.timing.room import has_room

_STALE_ALLOWED = 1024  # entries of waits that have ended, beside as many as there are of others

Predicate = Callable[[], bool]


class Waiting:
    """Everybody in here waits for a predicate, for a time, or for what comes first of both.

    Attributes:
        due: the heap of those that wait for a time, and of waits that have ended.
        disordered: `due` is no heap, since a RecursionError has fallen into its ordering.
        unasked_us: from when on a predicate could be heard that was not asked, or was true, when
            `first` was called last.
    """

    def __init__(self) -> None:
        self.due: list[tuple[int, int, Participant]] = []
        self.disordered = False
        self.unasked_us = NEVER_US
        self._for_predicates: dict[Participant, None] = {}
        self._sequence = 0
        self._tidy_at = _STALE_ALLOWED

    def enter(
        self,
        me: Participant,
        predicate: Predicate | None,
        due_us: int,
        now_us: int,
        hears_news: bool = False,
    ) -> None:
        """Put somebody in; it replaces what the same waited for before.

        A predicate is not heard before a look's time has passed, nor are news (`hear`).
        """
        self._sequence += 1
        me.sequence, me.predicate, me.due_us = self._sequence, predicate, due_us
        me.not_before_us, me.hears_news = now_us + me.look_us, hears_news
        if predicate is not None:
            self._for_predicates[me] = None
        if due_us < NEVER_US:
            heapq.heappush(self.due, (due_us, self._sequence, me))
            if len(self.due) >= self._tidy_at:
                self._tidy()

    def replace_first(self, me: Participant, due_us: int, now_us: int, hears_news: bool) -> None:
        """Put somebody in that waits for a time, and take the first of `due` out."""
        self._sequence += 1
        me.sequence, me.predicate, me.due_us = self._sequence, None, due_us
        me.not_before_us, me.hears_news = now_us + me.look_us, hears_news
        heapq.heapreplace(self.due, (due_us, self._sequence, me))

    def hear(self, who: Participant, now_us: int) -> None:
        """News have come for one that may be waiting, and then goes on now if it looks."""
        if who.hears_news and who.sequence:
            who.hears_news = False
            self._bring_forward(who, now_us)

    def wake(self, who: Participant, now_us: int) -> None:
        """There is work for one whose event loop may be waiting, or that looks."""
        if who.wants_work and who.sequence:
            self._bring_forward(who, now_us)
        else:
            who.news = True
            self.hear(who, now_us)

    def _bring_forward(self, who: Participant, now_us: int) -> None:
        heard_us = max(now_us, who.not_before_us)
        if heard_us < who.due_us:
            heapq.heappush(self.due, (heard_us, who.sequence, who))

    def _tidy(self) -> None:
        """Forget waits that ended before their time, or they would stay until it comes."""
        self.due[:] = [each for each in self.due if each[1] == each[2].sequence]
        heapq.heapify(self.due)
        self._tidy_at = 2 * len(self.due) + _STALE_ALLOWED

    def take_out(self, who: Participant) -> None:
        """Somebody waits no longer."""
        self._for_predicates.pop(who, None)
        who.sequence, who.predicate = 0, None

    def first_due(self) -> tuple[int, int, Participant] | None:
        """Return the first that waits for a time, its entry in `due`; None if nobody does."""
        due = self.due
        if self.disordered:
            heapq.heapify(due)
            self.disordered = False
        while due:
            first = due[0]
            if first[1] == first[2].sequence:
                return first
            try:
                heapq.heappop(due)
            except RecursionError:
                self.disordered = True
                raise
        return None

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
        who, at_us, number = None, NEVER_US, 0
        if (due := self.first_due()) is not None:
            at_us, number, who = due
        if due_us < at_us:
            who, at_us, number = me, due_us, self._sequence + 1
        unasked_us = NEVER_US
        for each in self._for_predicates:
            heard_us = each.not_before_us
            if heard_us < now_us:
                heard_us = now_us
            if heard_us < before_us and (
                heard_us < at_us or (heard_us == at_us and each.sequence < number)
            ):
                if not came(each):
                    continue
                # The one that was first until now is asked again, if it has a predicate.
                heard_us, who, at_us, number = at_us, each, heard_us, each.sequence
            if heard_us < unasked_us:
                unasked_us = heard_us
        if predicate is not None and me is not None:
            heard_us = now_us + me.look_us
            if heard_us >= at_us or heard_us >= before_us:
                unasked_us = min(unasked_us, heard_us)
            elif predicate():
                who, at_us, unasked_us = me, heard_us, min(unasked_us, at_us)
        self.unasked_us = unasked_us
        return who, at_us

    def without_limit(self) -> list[str]:
        """The names of those that wait for predicates, whatever happens."""
        return sorted(each.name for each in self._for_predicates)


def came(who: Participant) -> bool:
    """Ask the predicate that one waits for. What it raises is raised where that one waits.

    Raises: KeyboardInterrupt, which is the asking thread's; RecursionError, if it is the caller
        that has recursed.
    """
    assert who.predicate is not None
    try:
        return who.predicate()
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        if isinstance(error, RecursionError) and not has_room():
            raise
        who.error = error
        return True
