"""The engine's asyncio loop in real time."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import threading
from collections.abc import Callable
from typing import Any

if sys.platform == "win32":
    _Loop = asyncio.ProactorEventLoop
else:
    _Loop = asyncio.SelectorEventLoop


class EngineLoop(_Loop):
    """What blocks runs in daemon threads of its own.

    An executor's threads cannot be started any more once the main thread has ended, although the
    program's other threads go on; and the program's end would wait for them.
    """

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

        threading.Thread(target=run, name="bleio-blocking", daemon=True).start()
        return outcome


def _settle(outcome: asyncio.Future[Any], result: Any, error: Exception | None) -> None:
    if outcome.done():
        return
    if error is None:
        outcome.set_result(result)
    else:
        outcome.set_exception(error)
