"""Serves the page and its news, in a thread of its own, so that no browser holds up the radio.

`tell` and `on_command` are the two ways through: news go to the loop of this thread, commands of
browsers to whatever the subject makes of them. Both are bounded: what browsers are not fast enough
for is dropped (`viewers`), what they ask for too fast is refused.
"""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from collections.abc import Callable
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from bleio.pages.joining import joined
from bleio.web.address import PageAddress
from bleio.web.commands import Command, read_command
from bleio.web.connections import Connections
from bleio.web.guard import Guard, headers_for, new_token
from bleio.web.mirror import Mirror, News
from bleio.web.viewers import Viewer

MOST_VIEWERS = 8
LONGEST_COMMAND = 4_096
MOST_NEWS_ON_THE_WAY = 100
_STREAM = "/stream"
_START_S, _END_S = 10.0, 5.0

_log = logging.getLogger(__name__)
# Of the library: whoever connects and talks nonsense is of no interest, and could fill a log.
_silent = logging.getLogger(f"{__name__}.connections")
_silent.setLevel(logging.CRITICAL + 1)


class PageServer:
    """One page. Call `start` and `close`.

    Args:
        about: what never changes: title, kind of the subject, what can be done.
        on_command: is given what browsers ask for, in the server's thread. It may raise ValueError
            with a sentence, which that browser shows.
    Attributes: url: with the token, once it has started.
    """

    def __init__(
        self, address: PageAddress, about: News, on_command: Callable[[Command], None]
    ) -> None:
        self.url = ""
        self._address = address
        self._token = new_token()
        self._guard = Guard(self._token, address.host)
        self._page = joined("live")
        self._on_command = on_command
        self._mirror = Mirror(about)
        self._connections = Connections()
        self._viewers: dict[Viewer, asyncio.Event] = {}
        self._on_the_way = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._thread = threading.Thread(target=self._run, name="bleio page", daemon=True)
        self._started = threading.Event()
        self._error: OSError | None = None

    # Of any thread

    def start(self) -> None:
        """Listen. Raises: OSError."""
        self._thread.start()
        self._started.wait(_START_S)
        if self._error is not None:
            raise self._error
        if not self.url:
            raise OSError(f"the page could not be opened within {_START_S:g} s")

    def tell(self, news: News) -> bool:
        """Send news to all browsers. Returns: False if the server is too far behind to take it."""
        loop = self._loop
        if loop is None or loop.is_closed() or self._on_the_way >= MOST_NEWS_ON_THE_WAY:
            return False
        self._on_the_way += 1
        try:
            loop.call_soon_threadsafe(self._spread, news)
        except RuntimeError:  # it has just been closed
            return False
        return True

    def close(self) -> None:
        """End it, and its connections; idempotent."""
        loop, stop = self._loop, self._stop
        if loop is not None and stop is not None and self._thread.is_alive():
            loop.call_soon_threadsafe(stop.set)
            self._thread.join(_END_S)

    # The server's thread

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except OSError as error:
            self._error = error
        finally:
            self._started.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        server = await serve(
            self._talk,
            self._address.host,
            self._address.port,
            process_request=self._answer,
            create_connection=self._connections.new,  # type: ignore[arg-type]  # it is only called
            compression=None,
            max_size=LONGEST_COMMAND,
            max_queue=16,
            write_limit=64 * 1024,
            close_timeout=1,
            server_header=None,
            logger=_silent,
        )
        async with server:
            self.url = self._address.url(_port_of(server), self._token)
            self._started.set()
            await self._stop.wait()
            self._connections.abort_silent()

    def _answer(self, connection: ServerConnection, request: Request) -> Response | None:
        """Answer a request, before it becomes a stream; None lets it become one."""
        headers = request.headers
        hosts, origins = headers.get_all("Host"), headers.get_all("Origin")
        if not self._guard.lets_in(request.path, hosts, origins):
            return _plain(
                HTTPStatus.FORBIDDEN,
                "Not for you: use the whole address that the command has printed, with its token.",
            )
        path = urlsplit(request.path).path
        if path == _STREAM and "Upgrade" in headers:
            if len(self._viewers) < MOST_VIEWERS:
                return None
            return _plain(
                HTTPStatus.SERVICE_UNAVAILABLE, f"{MOST_VIEWERS} browsers show this page already."
            )
        if path == "/":
            return _response(
                HTTPStatus.OK, self._page, "text/html", headers_for(self._page, hosts[0])
            )
        return _plain(HTTPStatus.NOT_FOUND, "There is nothing here.")

    async def _talk(self, connection: ServerConnection) -> None:
        """Send one browser its news and take its commands, until it goes."""
        if len(self._viewers) >= MOST_VIEWERS:  # several came at once
            await connection.close(1013, "too many browsers show this page")
            return
        viewer, news = Viewer(), asyncio.Event()
        news.set()
        self._viewers[viewer] = news
        sending = asyncio.create_task(self._send(connection, viewer, news))
        try:
            async for message in connection:
                await self._take(connection, message)
        except ConnectionClosed:
            pass
        except Exception:
            _log.exception("The page has failed to do what a browser asks for")
        finally:
            del self._viewers[viewer]
            sending.cancel()

    async def _take(self, connection: ServerConnection, message: str | bytes) -> None:
        try:
            self._on_command(read_command(message))
        except ValueError as error:
            await connection.send(json.dumps({"kind": "refused", "text": str(error)}))

    async def _send(
        self, connection: ServerConnection, viewer: Viewer, news: asyncio.Event
    ) -> None:
        try:
            while True:
                await news.wait()
                news.clear()
                if viewer.needs_all:
                    await connection.send(_as_text(self._mirror.all(viewer.has_all())))
                while (text := viewer.next()) is not None:
                    await connection.send(text)  # waits for a browser that is slow
                if viewer.needs_all:
                    news.set()
        except ConnectionClosed:
            pass

    def _spread(self, news: News) -> None:
        self._on_the_way -= 1
        self._mirror.take(news)
        if not self._viewers:
            return
        text, packets = _as_text(news), len(news["rows"])
        for viewer, event in self._viewers.items():
            viewer.add(text, packets)
            event.set()


def _as_text(news: News) -> str:
    # What programs print may have halves of surrogate pairs, which are no text on the way.
    text = json.dumps(news, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "replace").decode()


def _port_of(server: Server) -> int:
    port: int = next(iter(server.sockets)).getsockname()[1]
    return port


def _plain(status: HTTPStatus, text: str) -> Response:
    headers = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "default-src 'none'"}
    return _response(status, f"{text}\n", "text/plain", headers)


def _response(status: HTTPStatus, text: str, kind: str, more: dict[str, Any]) -> Response:
    body = text.encode()
    headers = Headers(more)
    headers["Content-Type"] = f"{kind}; charset=utf-8"
    headers["Content-Length"] = str(len(body))
    headers["Connection"] = "close"
    return Response(status, status.phrase, headers, body)
