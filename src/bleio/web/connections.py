"""The connections of a page, bounded, also those that have said nothing yet.

Any user of this machine can connect before a token is asked for. Each connection takes a file
descriptor of the process that also serves the radio, so only some may be open; and a page that
closes waits for nobody, since browsers open connections that they may never use.
"""

from __future__ import annotations

import asyncio
from typing import Any

from websockets.asyncio.server import ServerConnection
from websockets.protocol import State

MOST_CONNECTIONS = 64


class Connections:
    """Those that are open. Thread: the server's."""

    def __init__(self) -> None:
        self._open: set[_Connection] = set()

    def new(self, *arguments: Any, **options: Any) -> ServerConnection:
        """Make one, as `create_connection` of the server does."""
        return _Connection(self._open, *arguments, **options)

    def abort_silent(self) -> None:
        """End those that have not become a stream."""
        for each in tuple(self._open):
            if each.protocol.state is not State.OPEN:
                each.transport.abort()


class _Connection(ServerConnection):
    """Args: room: where it is while it is open."""

    def __init__(self, room: set[_Connection], *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._room = room

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        if len(self._room) < MOST_CONNECTIONS:
            self._room.add(self)
        else:
            self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._room.discard(self)
        super().connection_lost(exc)
