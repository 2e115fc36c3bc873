"""What one browser is still to be sent: a few pieces of news, and then the whole anew.

A browser that is slow would make news pile up here. So there is room for little; what does not fit
is dropped, with the packets in it counted. Dropped news may say that a device has moved or gone, so
the next thing that such a browser is sent is the state as it then is.
"""

from __future__ import annotations

from collections import deque

MOST_WAITING = 40  # pieces of news, which is two seconds of them


class Viewer:
    """News on the way to one browser. Thread: the server's.

    Attributes: missed: how many packets it was not sent, since that was told last.
    """

    def __init__(self) -> None:
        self.missed = 0
        self._waiting: deque[tuple[str, int]] = deque()
        self._needs_all = True

    def add(self, news: str, packets: int) -> None:
        """Take a piece of news. Args: packets: how many it tells of."""
        if self._needs_all:
            self.missed += packets
        elif len(self._waiting) >= MOST_WAITING:
            self.missed += packets + sum(each for _, each in self._waiting)
            self._waiting.clear()
            self._needs_all = True
        else:
            self._waiting.append((news, packets))

    @property
    def needs_all(self) -> bool:
        """Whether the whole state is what it has to be sent next."""
        return self._needs_all

    def has_all(self) -> int:
        """It is sent the whole state now. Returns: how many packets it has missed."""
        missed, self.missed = self.missed, 0
        self._needs_all = False
        return missed

    def next(self) -> str | None:
        """Take out what is to be sent next; None if there is nothing."""
        return self._waiting.popleft()[0] if self._waiting else None
