"""Tasks and futures whose order in sets is the same in every run.

asyncio keeps tasks in sets: those of a TaskGroup, all that are to be cancelled at the end of
`asyncio.run`, what `asyncio.wait` returns. The order of a set goes by hashes, and a task's hash is
its place in memory, which is another in each run. Here it is a number, counted by the loop.
"""

from __future__ import annotations

import asyncio
from typing import Any


class _Numbered:
    """Args: the loop counts in `made`."""

    _number = 0

    def __hash__(self) -> int:
        if not self._number:
            loop: Any = self.get_loop()  # type: ignore[attr-defined]
            loop.made += 1
            self._number = loop.made
        return self._number


class NumberedTask(_Numbered, asyncio.Task):  # type: ignore[type-arg]
    """A task."""


class NumberedFuture(_Numbered, asyncio.Future):  # type: ignore[type-arg]
    """A future."""


NumberedTask.__name__, NumberedFuture.__name__ = "Task", "Future"
