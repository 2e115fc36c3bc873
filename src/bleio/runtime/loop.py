"""What the engine takes of asyncio: its loop in real time, and tasks that nobody waits for.

asyncio keeps only weak references to tasks. One that nobody holds can be collected in the middle,
and its exception is shown when that happens, if ever. `Tasks` holds them and looks at each end.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
from collections.abc import Callable, Coroutine
from typing import Any

from bleio.errors import InnerError
from bleio.runtime.blocking import run_aside

_log = logging.getLogger(__name__)

if sys.platform == "win32":
    _Loop = asyncio.ProactorEventLoop
else:
    _Loop = asyncio.SelectorEventLoop


class EngineLoop(_Loop):
    """What blocks runs in daemon threads of its own, and lost devices are no faults.

    An executor's threads cannot be started any more once the main thread has ended, although the
    program's other threads go on; and the program's end would wait for them.
    """

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Show a fault; not that a transport has ended, which its owner is told with words."""
        error = context.get("exception")
        if "transport" in context and isinstance(error, OSError):  # as of serial ports
            _log.debug("%s", context.get("message"), exc_info=error)
        else:
            super().call_exception_handler(context)

    def run_in_executor(  # type: ignore[override]
        self, executor: Any, func: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:
        """Run a function that blocks. `executor` is None, as for `asyncio.to_thread`."""
        assert executor is None
        outcome: asyncio.Future[Any] = self.create_future()

        def run() -> None:
            try:
                result, error = func(*args), None
            except Exception as raised:
                result, error = None, raised
            except BaseException as raised:  # would end the loop, which it is not meant for
                result, error = None, RuntimeError(f"ended by {raised!r}")
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits
                self.call_soon_threadsafe(_settle, outcome, result, error)

        run_aside(run)
        return outcome


def _settle(outcome: asyncio.Future[Any], result: Any, error: Exception | None) -> None:
    if outcome.done():
        return
    if error is None:
        outcome.set_result(result)
    else:
        outcome.set_exception(error)


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
            case InnerError() as error:  # a lost link or controller, which is told elsewhere
                _log.debug("in the background: %s", error)
            case error:
                _log.error("in the background:", exc_info=error)
