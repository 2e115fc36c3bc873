"""Commands that await: from the first line to Ctrl-C."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def finish(work: Coroutine[Any, Any, T]) -> T:
    """Carry out what a command does.

    Ctrl-C cancels it at the place where it waits, so its `async with` and `finally` blocks run;
    then KeyboardInterrupt goes on, which ends the program with code 130. A command for which
    Ctrl-C is the usual end catches that here, and prints its summary.

    Raises: what the work raises.
    """
    return asyncio.run(work)
