"""The context of code that runs in a thread without one.

Which adapter is the current one, and which engine a new adapter uses, stands in context variables.
A thread that a library starts begins without them, even if what it runs there is a simulated
device's. In a process with such devices somebody can tell by the code that runs whose it is; that
one is asked here before the process's adapter, perhaps a real controller, is taken for it.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import Context

_finder: Callable[[], Context | None] | None = None


def home_context() -> Context | None:
    """Return the context that the calling code belongs to; None for the process's. Thread: any."""
    return None if _finder is None else _finder()


def find_home_by(finder: Callable[[], Context | None]) -> None:
    """Ask this from now on, in the thread and under the frames of the code in question."""
    global _finder
    _finder = finder
