"""What becomes of tasks that nobody wants any more: some are left, some are waited for."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any


def abandon(task: asyncio.Future[Any]) -> None:
    """Cancel what nobody waits for any more, and take note of its error."""
    task.cancel()
    task.add_done_callback(_take_note)


def _take_note(task: asyncio.Future[Any]) -> None:
    if not task.cancelled():
        task.exception()


async def to_the_end(task: asyncio.Future[Any]) -> None:
    """Wait for what undoes something, however often the waiting is cancelled meanwhile.

    What is half undone would hit whoever begins anew. So the task has to end by itself, and its
    outcome does not matter.
    """
    while not task.done():
        with suppress(asyncio.CancelledError):
            await asyncio.wait({task})
    _take_note(task)
