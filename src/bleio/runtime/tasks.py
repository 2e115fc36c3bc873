"""Tasks that nobody waits for."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

from bleio.errors import InnerError

_log = logging.getLogger(__name__)


class Tasks:
    """Keeps tasks alive until they end, and says how those ended that failed."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[Any]] = set()

    def spawn(self, coroutine: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run a coroutine on the engine. Thread: the engine's."""
        task = asyncio.get_running_loop().create_task(coroutine)
        self._running.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if task.cancelled():
            return
        match task.exception():
            case None:
                pass
            case InnerError() as error:  # a lost link or controller, of which others tell
                _log.debug("in the background: %s", error)
            case error:
                _log.error("in the background:", exc_info=error)
