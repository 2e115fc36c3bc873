"""The counters of signing keys that links use, which are stored ahead.

The counter of a key only ever grows, so that no signature is good for twice, neither on another
link nor after a restart. It has to be stored for that. But a peer can send thousands of signed
writes in a second, of 16 octets each, and to write a file for each would be the peer's to decide.
So it is stored ahead (`SigningKey.ahead`): one writing allows some signatures more, the next one is
begun when half of them are used, and their number grows with those that were. When no link uses the
key any more, what was used is stored as it is.

A program that was killed leaves the store ahead, and the next run begins there: the peer's next few
signatures count for nothing then, for which of them were used is not known. A peer that seldom
signs loses a few, one that signs much no more than `MAX_STEP` and half of that.
"""

from __future__ import annotations

from bleio.backends.hci.bonds.store import SigningKey

MIN_STEP, MAX_STEP = 8, 256  # signatures for one writing
END = 1 << 32  # of a counter's range


class Count:
    """The counter of one key in use.

    `next`: the least that is good. `stored`: signatures with it or more have to wait. `asked`: what
    `stored` will be. `links`: how many use the key; data of one may be late when the next is up.
    """

    __slots__ = ("_first", "asked", "csrk", "links", "next", "stored")

    def __init__(self, key: SigningKey) -> None:
        self.csrk = key.csrk
        self.links = 0
        self.next = self.stored = self.asked = self._first = key.least

    def ask(self, following: int) -> int | None:
        """Return how far ahead to store when `following` is the next; None if that is done."""
        step = min(MAX_STEP, max(MIN_STEP, following - self._first))
        if self.asked == END or self.asked - following > step // 2:
            return None
        self.asked = min(following + step, END)
        return self.asked

    def settle(self) -> int:
        """Return what to store now that it is not used any more."""
        self.asked = self.next
        return self.next

    def is_stored(self, asked: int) -> None:
        """What was asked for is; unless something else has been asked for since."""
        if asked == self.asked:
            self.stored = asked


class CountsInUse:
    """The counters of all keys of one direction that links use at present, by key."""

    def __init__(self) -> None:
        self._counts: dict[bytes, Count] = {}

    def of(self, key: SigningKey, former: Count | None) -> Count:
        """Return the counter of a key for a link that may have used another key before."""
        if former is not None:
            if former.csrk == key.csrk:
                return former
            self.left(former)
        count = self._counts.setdefault(key.csrk, Count(key))
        count.links += 1
        return count

    def left(self, count: Count) -> bool:
        """A link does not use it any more. Returns: whether none does."""
        count.links -= 1
        if not count.links:
            del self._counts[count.csrk]
        return not count.links
