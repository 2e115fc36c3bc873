"""`auto`: the operating system's Bluetooth, chosen by nobody.

A program without a setting gets the adapter that its computer has. The log says at INFO which one
that is; an error says what there is in place of one. It is never the simulated radio: a program
that finds no device there would look for the fault in its peer.
"""

from __future__ import annotations

import logging
import sys

from bleio.backends.base import Events
from bleio.backends.os.backend import OsBackend
from bleio.backends.os.finding.machine import look
from bleio.backends.os.finding.report import explanation
from bleio.errors import ControllerLost
from bleio.gatt.server import LocalServer

_log = logging.getLogger(__name__)


class AutomaticBackend(OsBackend):
    """See `OsBackend`; it explains itself when it cannot be opened."""

    async def open(self, server: LocalServer, name: str, events: Events) -> None:
        try:
            await super().open(server, name, events)
        except ControllerLost as error:
            raise ControllerLost(explain(error)) from None
        _log.info("No adapter is chosen (BLEIO_ADAPTER); took %s (%s)", self.name, self.platform)


def explain(error: ControllerLost) -> str:
    """Return the whole error for a program that has no adapter."""
    return explanation(str(error), look() if sys.platform == "linux" else None)
