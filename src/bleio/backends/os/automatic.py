"""The operating system's Bluetooth as programs choose it, by `os` or by no choice at all.

A program without a setting (`auto`) gets the adapter that its computer has. The log says at INFO
which one that is; an error says what there is in place of one. It is never the simulated radio: a
program that finds no device there would look for the fault in its peer. Whoever has chosen `os`
knows what else there is, and is told only why that cannot be used.
"""

from __future__ import annotations

import asyncio
import logging
import sys

from bleio.backends.base import Events
from bleio.backends.os.backend import OsBackend
from bleio.backends.os.finding.machine import Machine, look
from bleio.backends.os.finding.report import explanation, hints
from bleio.errors import ControllerLost
from bleio.gatt.server import LocalServer

_log = logging.getLogger(__name__)


class ChosenBackend(OsBackend):
    """See `OsBackend`. An error when it is opened says what is behind that, too."""

    async def open(self, server: LocalServer, name: str, events: Events) -> None:
        try:
            await super().open(server, name, events)
        except ControllerLost as error:
            explained = await asyncio.to_thread(self._explained, str(error))  # reads files
            raise ControllerLost(explained) from None

    def _explained(self, reason: str) -> str:
        machine = _machine()
        return " ".join((reason, *(hints(reason, machine) if machine is not None else ())))


class AutomaticBackend(ChosenBackend):
    """The same, chosen by nobody."""

    async def open(self, server: LocalServer, name: str, events: Events) -> None:
        await super().open(server, name, events)
        _log.info("No adapter is chosen (BLEIO_ADAPTER); took %s (%s)", self.name, self.platform)

    def _explained(self, reason: str) -> str:
        return explain(reason)


def explain(reason: str) -> str:
    """Return the whole error for a program that has chosen no adapter, and has none."""
    return explanation(reason, _machine())


def _machine() -> Machine | None:
    return look() if sys.platform == "linux" else None
