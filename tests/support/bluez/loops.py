"""Tests that are coroutines, in real time: dbus-daemon is a process of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any

from support.patience import PATIENCE_S

FAULT = "stand_in_fault"  # in what a stand-in tells the loop's exception handler


def in_loop(test: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    """Run a test's coroutine to its end. It fails by faults of stand-ins, too."""

    async def judged(*arguments: Any, **named: Any) -> None:
        faults: list[BaseException] = []

        def handle(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
            if FAULT in context:
                faults.append(context[FAULT])
            loop.default_exception_handler(context)

        asyncio.get_running_loop().set_exception_handler(handle)
        await asyncio.wait_for(test(*arguments, **named), PATIENCE_S)
        assert not faults, faults

    @wraps(test)
    def run(*arguments: Any, **named: Any) -> None:
        asyncio.run(judged(*arguments, **named))

    return run
