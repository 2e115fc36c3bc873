"""Calling what may never return, since it has loops that go by a stranger's octets.

Some decoders of the library advance by a length that is in the value; one that says 0 keeps them
for ever, and their result grows. Nothing can be seen of that from outside, and a thread could not
be stopped. So the lines that Python runs are counted, as a debugger would, and the call ends with
an error when there are more than any value of 512 octets needs.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any, TypeVar

MOST_LINES = 200_000  # the longest values take some ten thousand

T = TypeVar("T")


class Endless(Exception):
    """The call has run for too long."""


def bounded(function: Callable[..., T], *args: Any) -> T:
    """Call a function. Raises: Endless after `MOST_LINES`; what the function raises."""
    before = sys.gettrace()
    counter = _Counter()
    sys.settrace(counter.trace)
    try:
        return function(*args)
    finally:
        sys.settrace(before)


class _Counter:
    def __init__(self) -> None:
        self._left = MOST_LINES

    def trace(self, frame: FrameType, event: str, argument: Any) -> Any:
        self._left -= 1
        if self._left < 0:
            raise Endless("its decoder does not come to an end with it")
        return self.trace
