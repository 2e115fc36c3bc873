"""When one end of a link has heard the other, where packets can be lost."""

from __future__ import annotations


class Heard:
    """The last packet that one end has received.

    Where nothing can be lost nobody keeps it: all has been heard. `begin` says so for the moment
    from which packets can be lost.
    """

    __slots__ = ("at_us", "event", "ever")

    def __init__(self) -> None:
        self.at_us = 0
        self.event = -1
        self.ever = False

    def begin(self, now_us: int, event: int, *, ever: bool) -> None:
        """Until now all packets have arrived, if there were any.

        Args: event: the last until now.
        """
        self.at_us, self.event, self.ever = now_us, event, ever

    def note(self, now_us: int, event: int) -> None:
        """A packet has just arrived."""
        self.at_us, self.event, self.ever = now_us, event, True
