"""The server of the page: who gets in, and what is bounded."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from bleio.web.address import PageAddress
from bleio.web.commands import Command, Move
from bleio.web.connections import MOST_CONNECTIONS
from bleio.web.server import LONGEST_COMMAND, MOST_VIEWERS, PageServer
from bleio.web.viewers import MOST_WAITING
from support.page_news import news
from support.patience import PATIENCE_S


def until(condition: Any) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


class Served:
    """A server, and what was asked of it."""

    def __init__(self) -> None:
        self.asked: list[Command] = []
        self.server = PageServer(PageAddress(), {"title": "test"}, self.asked.append)
        self.server.start()
        self.parts = urlsplit(self.server.url)
        self.token = self.parts.query.partition("=")[2]
        self.host = self.parts.netloc

    def get(self, path: str, *headers: str, host: str | None = None) -> tuple[int, str, str]:
        """Ask as a browser does. Returns: status, headers and body."""
        assert self.parts.port is not None
        with socket.create_connection(("127.0.0.1", self.parts.port), PATIENCE_S) as connection:
            lines = [
                f"GET {path} HTTP/1.1",
                f"Host: {self.host if host is None else host}",
                *headers,
            ]
            connection.sendall("\r\n".join([*lines, "", ""]).encode("latin-1"))
            answer = b""
            while data := connection.recv(65536):
                answer += data
        head, _, body = answer.decode().partition("\r\n\r\n")
        return int(head.split()[1]), head, body

    def stream(self, token: str | None = None, **options: Any) -> ClientConnection:
        """Open the stream of news."""
        token = self.token if token is None else token
        url = f"ws://{self.host}/stream?token={token}"
        return connect(url, open_timeout=PATIENCE_S, compression=None, max_size=None, **options)


@pytest.fixture
def served() -> Iterator[Served]:
    made = Served()
    try:
        yield made
    finally:
        made.server.close()


def test_the_page_is_for_whoever_knows_the_token(served: Served) -> None:
    status, head, body = served.get(f"/?token={served.token}")
    assert status == 200
    assert body.startswith("<!doctype html>")
    assert "Content-Security-Policy: default-src 'none'" in head
    assert "Cache-Control: no-store" in head
    assert "Server:" not in head
    assert served.token not in body
    for path in ("/", "/?token=x", f"/?token={served.token}x", "/stream", "/favicon.ico"):
        status, _, body = served.get(path)
        assert (status, "whole address" in body) == (403, True)
    assert served.get(f"/else?token={served.token}")[0] == 404


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("evil.example", None),
        ("evil.example", "http://evil.example"),
        (None, "http://evil.example"),
        (None, "null"),
    ],
)
def test_other_names_and_sites_get_neither_page_nor_stream(
    served: Served, host: str | None, origin: str | None
) -> None:
    headers = [f"Origin: {origin}"] if origin else []
    assert served.get(f"/?token={served.token}", *headers, host=host)[0] == 403
    upgrade = ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
               "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")  # fmt: skip
    path = f"/stream?token={served.token}"
    assert served.get(path, *upgrade, *headers, host=host)[0] == 403


def test_the_stream_is_for_whoever_knows_the_token(served: Served) -> None:
    served.server.tell(news(5, state={"paused": True}))
    with served.stream(origin=f"http://{served.host}") as stream:
        told = json.loads(stream.recv(PATIENCE_S))
        assert told["kind"] == "all"
        assert told["about"] == {"title": "test"}
        until(lambda: told["now_us"] == 5 or json.loads(stream.recv(PATIENCE_S))["now_us"] == 5)
    for token in ("", "x", served.token[:-1]):
        with pytest.raises(InvalidStatus) as caught:
            served.stream(token)
        assert caught.value.response.status_code == 403


def test_commands_are_checked_and_errors_told(served: Served) -> None:
    with served.stream() as stream:
        stream.recv(PATIENCE_S)
        stream.send(json.dumps({"do": "move", "device": 1, "x": 2, "y": 3}))
        until(lambda: served.asked == [Move(1, 2, 3)])
        stream.send("nonsense")
        told = json.loads(stream.recv(PATIENCE_S))
        assert told == {"kind": "refused", "text": "A page says what it wants in JSON"}
        stream.send("[" * (LONGEST_COMMAND + 1))
        with pytest.raises(ConnectionClosed) as caught:
            stream.recv(PATIENCE_S)
        assert caught.value.rcvd is not None
        assert caught.value.rcvd.code == 1009


def test_a_command_that_fails_ends_the_stream_and_not_the_page(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(command: Command) -> None:
        raise RuntimeError("a fault of ours")

    served.server._on_command = fail
    with served.stream() as stream:
        stream.recv(PATIENCE_S)
        stream.send(json.dumps({"do": "pause", "paused": True}))
        with pytest.raises(ConnectionClosed):
            stream.recv(PATIENCE_S)
    assert "failed to do what a browser asks for" in caplog.text
    assert served.get(f"/?token={served.token}")[0] == 200


def test_only_so_many_browsers(served: Served) -> None:
    with contextlib.ExitStack() as streams:
        for _ in range(MOST_VIEWERS):
            streams.enter_context(served.stream()).recv(PATIENCE_S)
        with pytest.raises(InvalidStatus) as caught:
            served.stream()
        assert caught.value.response.status_code == 503
    until(lambda: not served.server._viewers)
    with served.stream() as stream:
        assert json.loads(stream.recv(PATIENCE_S))["kind"] == "all"


def test_a_browser_that_does_not_read_holds_nobody_up(served: Served) -> None:
    """It misses what it has no room for, is told how much, and gets the state as it is then."""
    row = [0, "p", 0, 1, "ATT", "x" * 10_000, "", "", [], 1]
    with served.stream(max_queue=1) as slow, served.stream() as quick:
        seen = []
        reads = threading.Thread(target=lambda: seen.extend(_read_until(quick, 3000)))
        reads.start()
        slow.recv(PATIENCE_S)
        for number in range(3000):
            until(lambda: len(served.server._viewers) == 2)
            told = news(number + 1, rows=[row], devices=[{"id": 0, "x": number}])
            until(lambda told=told: served.server.tell(told))
        reads.join(PATIENCE_S)
        assert seen[-1] == 3000
        viewers = list(served.server._viewers)
        until(lambda: any(each.missed for each in viewers))
        assert all(len(each._waiting) <= MOST_WAITING for each in viewers)
        got, missed = 0, 0
        while True:
            told = json.loads(slow.recv(PATIENCE_S))
            got += len(told["rows"]) if told["kind"] == "news" else 0
            missed += told.get("missed", 0)
            if told["now_us"] == 3000:
                break
        assert missed > 1000
        assert told["devices"] == [{"id": 0, "x": 2999}]


def _read_until(stream: ClientConnection, now_us: int) -> Iterator[int]:
    while True:
        told = json.loads(stream.recv(PATIENCE_S))
        yield told["now_us"]
        if told["now_us"] == now_us:
            return


def test_a_taken_port_is_an_error(served: Served) -> None:
    assert served.parts.port is not None
    other = PageServer(PageAddress("127.0.0.1", served.parts.port), {}, served.asked.append)
    with pytest.raises(OSError, match="in use"):
        other.start()
    other.close()


def test_a_closed_server_takes_no_news() -> None:
    made = Served()
    made.server.close()
    made.server.close()
    assert not made.server.tell(news())
    with pytest.raises(ConnectionRefusedError):
        made.get("/")


def test_junk_on_the_port_is_no_matter(served: Served, capfd: pytest.CaptureFixture[str]) -> None:
    assert served.parts.port is not None
    for junk in (b"\x00\xff" * 1000, b"GET / HTTP/1.1\r\n", b"POST / HTTP/1.1\r\n\r\n",
                 b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 500 + b"\r\n"):  # fmt: skip
        with socket.create_connection(("127.0.0.1", served.parts.port), PATIENCE_S) as connection:
            connection.sendall(junk)
    assert served.get(f"/?token={served.token}")[0] == 200
    assert capfd.readouterr().err == ""


def test_connections_are_bounded_and_come_back(served: Served) -> None:
    """Anybody on the machine can open them, and each takes a file descriptor of the radio's."""
    with contextlib.ExitStack() as opened:
        silent = [opened.enter_context(silent_one(served)) for _ in range(MOST_CONNECTIONS)]
        for each in silent:
            each.setblocking(False)
        extra = opened.enter_context(silent_one(served))
        with contextlib.suppress(ConnectionResetError):
            assert extra.recv(1) == b"", "one too many is ended at once"
        with pytest.raises(BlockingIOError):
            silent[0].recv(1)
    until(lambda: gets_the_page(served))


def test_close_waits_for_no_connection_that_says_nothing(served: Served) -> None:
    """Browsers open some that they may never use."""
    with silent_one(served) as silent, served.stream() as stream:
        stream.recv(timeout=PATIENCE_S)  # so both have been taken
        served.server.close()
        assert not any(each.name == "bleio page" for each in threading.enumerate())
        with contextlib.suppress(ConnectionResetError):
            assert silent.recv(1) == b""


def silent_one(served: Served) -> socket.socket:
    assert served.parts.port is not None
    return socket.create_connection(("127.0.0.1", served.parts.port), PATIENCE_S)


def gets_the_page(served: Served) -> bool:
    try:
        return served.get(f"/?token={served.token}")[0] == 200
    except (ConnectionError, IndexError):
        return False
