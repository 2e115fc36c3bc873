"""How scanners that ask the same advertisers get out of each other's way.

All scanners that hear an advertiser ask it at the same moment, so their requests collide, and again
the next time. Each therefore counts a random number of opportunities down before it asks, from a
limit that doubles with every two failures and halves with every two successes.

Spec: Vol 6, Part B, 4.4.3.2.
"""

from __future__ import annotations

from random import Random

_MAX_LIMIT = 256
_IN_A_ROW = 2  # this number of the same result changes the limit


class Backoff:
    """Counts a scanner's opportunities and lets it use some of them."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self.reset()

    def reset(self) -> None:
        """Scanning begins: ask at the first opportunity."""
        self._limit = 1
        self._count = 1
        self._last = False
        self._row = 0

    def may_ask(self) -> bool:
        """Take an opportunity. Returns: whether to use it."""
        self._count -= 1
        return self._count <= 0

    def record(self, *, success: bool) -> None:
        """A request was answered or not."""
        self._row = self._row + 1 if success is self._last else 1
        self._last = success
        if self._row == _IN_A_ROW:
            self._row = 0
            self._limit = max(self._limit // 2, 1) if success else min(self._limit * 2, _MAX_LIMIT)
        # Without a choice nothing is drawn: an undisturbed scanner leaves the random numbers alone.
        self._count = 1 if self._limit == 1 else self._random.randint(1, self._limit)
