"""Work of an adapter that nobody waits for: tasks that are started and left.

Events come as calls, and some of what they lead to takes several commands: such work is spawned.
asyncio keeps only weak references to tasks, so one that nobody holds may vanish half done; and an
exception that nobody awaits is told when the task is collected, if ever. Both are seen to here.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any, TypeVar

from bleio.errors import InnerError

T = TypeVar("T")

_log = logging.getLogger(__name__)


class Background:
    """Tasks that were started and left; they end with the adapter. Thread: the engine's."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def spawn(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Run something that nobody waits for; what fails in it is logged."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    async def cancel(self) -> None:
        """End all that is under way. Returns when it has ended."""
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if task.cancelled() or (error := task.exception()) is None:
            return
        if isinstance(error, InnerError):
            _log.debug("A background step failed: %s", error)  # the peer's fault, or a refusal
        else:
            _log.error("Fault in a background step", exc_info=error)
