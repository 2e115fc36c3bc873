"""One line for people who wait in vain: a scan, or a connect, has heard nothing for some seconds.

What may be the reason is known by `backends.silence`; when to say it is decided here. A process is
told once, by a warning of the log. Worlds and other engines of a program's own have no hints, since
who makes them knows who is on the air; nor has pytest's own process.

A scan that hears something costs one call more, for its first packet: what takes reports is first
an ear, which then puts the scan's buffer in its own place.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from bleio.backends.base import Backend, Report
from bleio.backends.silence import why_silent
from bleio.runtime.loop import Tasks
from bleio.runtime.portal import portal_of_context
from bleio.runtime.scan_buffer import ScanBuffer

SETTING = "BLEIO_HINTS"
SILENCE_S = 5.0


class Sink(Protocol):
    """What takes reports."""

    def offer(self, report: Report) -> None:
        """Take one. Thread: the engine's."""


class _Once:
    """Whether this process may still be told something."""

    left = True


def leave_out() -> None:
    """Say nothing in this process, which has words of its own."""
    _Once.left = False


def are_wanted() -> bool:
    """Whether to watch at all. Thread: an engine's."""
    return (
        _Once.left
        and portal_of_context.get() is None  # the process's engine
        and os.environ.get(SETTING) != "0"
        and "pytest" not in sys.modules
    )


class Hearing:
    """Where the reports of an adapter's scans go. Attributes: sink: what takes them now."""

    def __init__(self, tasks: Tasks) -> None:
        self.sink: Sink | None = None
        self._tasks = tasks

    def begin(self, backend: Backend, buffer: ScanBuffer) -> None:
        """Begin a scan, of which the program is told if nothing is heard."""
        self.sink = buffer
        if are_wanted():
            ear = self.sink = _Ear(self, buffer)
            later(self._tasks, backend, lambda: not (ear.has_heard or buffer.finished))


class _Ear:
    """Hears the first report of a scan, and lets the buffer take those that follow."""

    def __init__(self, hearing: Hearing, buffer: ScanBuffer) -> None:
        self.has_heard = False
        self._hearing = hearing
        self._buffer = buffer

    def offer(self, report: Report) -> None:
        self.has_heard = True
        self._hearing.sink = self._buffer
        self._buffer.offer(report)


def later(
    tasks: Tasks, backend: Backend, is_in_vain: Callable[[], bool], *, listens: bool = True
) -> asyncio.TimerHandle:
    """Say after a while why nothing may be heard, if it is in vain then. Thread: the engine's."""

    def look() -> None:
        if is_in_vain() and are_wanted():
            tasks.spawn(_say(backend, is_in_vain, listens))

    return asyncio.get_running_loop().call_later(SILENCE_S, look)


@contextmanager
def while_connecting(tasks: Tasks, backend: Backend) -> Iterator[None]:
    """Say it of a connect that takes long on a simulated radio; on a real one that is usual."""
    if not are_wanted() or not backend.name.startswith("virtual"):
        yield
        return
    timer = later(tasks, backend, lambda: True)
    try:
        yield
    finally:
        timer.cancel()


async def _say(backend: Backend, is_in_vain: Callable[[], bool], listens: bool) -> None:
    text = await why_silent(backend.name, backend.platform, listens=listens)
    if text and is_in_vain() and _Once.left:
        _Once.left = False
        import logging  # not needed as long as all goes well

        logging.getLogger(__name__).warning("%s", text)
