"""What the libraries say about bad proxies, kept out of a program's output.

A program that sets up no logging gets warnings on its standard error output, and aioesphomeapi
warns of each failed attempt, with a traceback if a proxy sends what is no message. All of that is
told to a fleet as well, which says it once, in a sentence. So while there is a fleet, what these
libraries say is there for those that ask for DEBUG, and without tracebacks.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

_NAMES = (
    "aioesphomeapi.client",
    "aioesphomeapi.client_base",
    "aioesphomeapi.connection",
    "aioesphomeapi.reconnect_logic",
    "aioesphomeapi._frame_helper.base",
    "bleak_esphome.backend.client",
    "bleak_esphome.backend.device",
    "bleak_esphome.backend.scanner",
    "habluetooth.base_scanner",
    "habluetooth.manager",
    "habluetooth.wrappers",
)


class Quiet:
    """Quiet from `begin` to `end` on one loop."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._former: Any = None

    def begin(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._former = self._loop.get_exception_handler()
        self._loop.set_exception_handler(self._handle)
        for name in _NAMES:
            logging.getLogger(name).addFilter(self._lower)

    def end(self) -> None:
        """Idempotent."""
        if self._loop is None:
            return
        if self._loop.get_exception_handler() == self._handle:
            self._loop.set_exception_handler(self._former)
        self._loop = None
        for name in _NAMES:
            logging.getLogger(name).removeFilter(self._lower)

    def _lower(self, record: logging.LogRecord) -> bool:
        record.levelno, record.levelname = logging.DEBUG, "DEBUG"
        record.exc_info = None
        return logging.getLogger(record.name).isEnabledFor(logging.DEBUG)

    def _handle(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Pass faults on, but not that a proxy has sent what is no message."""
        if isinstance(context.get("exception"), DecodeError):
            return
        if self._former is not None:
            self._former(loop, context)
        else:
            loop.default_exception_handler(context)
