"""What all targets with a loop need: simulated time, the same keys each time, and faults told.

A fault of ours need not be an exception that comes out of the call: one in a callback goes to the
loop's handler, one in the handling of a packet to the log. Both are faults of the target here.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from random import Random
from typing import Any
from unittest import mock

from bleio.backends.hci import entropy
from bleio.radio.sharing import local
from support.hci.engine import checked
from support.hci.simulated import SimulatedLoop


class _Faults(logging.Handler):
    """Keeps the errors that are logged, or only those with a traceback."""

    def __init__(self, only_tracebacks: bool) -> None:
        super().__init__(logging.ERROR)
        self._only_tracebacks = only_tracebacks
        self.texts: list[str] = []
        self._format = logging.Formatter().format

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info or not self._only_tracebacks:
            self.texts.append(self._format(record))


@contextmanager
def no_faults(*, only_tracebacks: bool = False) -> Iterator[None]:
    """Raise AssertionError if an error is logged meanwhile.

    Args: only_tracebacks: errors that are told in a sentence are none of ours.
    """
    faults, logger = _Faults(only_tracebacks), logging.getLogger("bleio")
    propagate, logger.propagate = logger.propagate, False
    logger.addHandler(faults)
    try:
        yield
    finally:
        logger.removeHandler(faults)
        logger.propagate = propagate
    assert not faults.texts, "\n".join(faults.texts)


def in_simulated_time(work: Coroutine[Any, Any, None], *, only_tracebacks: bool = False) -> None:
    """Run a coroutine that must end with no task left; keys are the same in each run."""
    loop = SimulatedLoop()
    generator = Random(1)
    try:
        with (
            no_faults(only_tracebacks=only_tracebacks),
            entropy.predictable(generator),
            mock.patch.object(local.secrets, "randbits", generator.getrandbits),
        ):
            loop.run_until_complete(checked(work))
    finally:
        for task in asyncio.all_tasks(loop):  # of a run that has failed
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()


def largest(root: object) -> tuple[int, str]:
    """Find the largest list, set, dict, deque or byte array that an object of ours holds.

    Returns: its length (of octets, in pages of 256) and where it is.
    """
    seen: set[int] = set()
    todo: list[tuple[object, str]] = [(root, type(root).__name__)]
    found = (0, "")
    while todo:
        each, where = todo.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        if isinstance(each, asyncio.AbstractEventLoop):
            continue  # what the test itself does is in it, too
        if isinstance(each, bytearray):
            found = max(found, (len(each) // 256, where))
        elif isinstance(each, dict):
            found = max(found, (len(each), where))
            todo += [(value, f"{where}[...]") for value in (*each, *each.values())]
        elif isinstance(each, (list, set, deque, tuple, frozenset)):
            found = max(found, (len(each), where))
            todo += [(value, f"{where}[...]") for value in each]
        elif any(kind.__module__.startswith("bleio.") for kind in type(each).__mro__):
            todo += [(value, f"{where}.{name}") for name, value in _attributes(each)]
    return found


def _attributes(each: object) -> list[tuple[str, Any]]:
    slots = [name for kind in type(each).__mro__ for name in getattr(kind, "__slots__", ())]
    found = {name: getattr(each, name) for name in slots if hasattr(each, name)}
    return [*found.items(), *getattr(each, "__dict__", {}).items()]
