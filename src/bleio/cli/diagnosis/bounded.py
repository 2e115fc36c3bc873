"""Time limits for what may hang: drivers, buses, file systems of others."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")


class TimedOut(Exception):
    """It has not ended in time. It may go on, in a thread that nothing waits for."""


def bounded(within_s: float, look: Callable[..., T], *args: Any) -> T:
    """Return what a function returns within a time. Raises: TimedOut; what it raises.

    Nothing can end a call of the operating system that hangs, so that is left alone: its thread is
    a daemon, and the process ends without it.
    """
    results: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(look(*args))
        except BaseException as error:  # of any kind: it is the caller's
            errors.append(error)

    thread = threading.Thread(target=run, daemon=True, name=f"doctor: {look.__name__}")
    thread.start()
    thread.join(within_s)
    if errors:
        raise errors[0]
    if not results:
        raise TimedOut(f"no answer within {within_s:g} s")
    return results[0]
