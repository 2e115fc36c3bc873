"""A shared radio's sockets, seen from hosts; the radio runs in the test's own process."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from io import BytesIO
from pathlib import Path

import pytest

from bleio.cli.capturing.blocks import Blocks
from bleio.core import pcapng
from bleio.decoding.reading.files import decode, read
from bleio.errors import CallerError, ControllerLost
from bleio.radio.sharing import place as place_module, shared
from bleio.radio.sharing.h4 import HARDWARE_ERROR
from bleio.radio.sharing.server import connection as connection_module, watching as watching_module
from bleio.radio.sharing.server.address import parse_listen_address
from bleio.radio.sharing.server.connection import HostConnection
from bleio.radio.sharing.server.process import RadioProcess
from support.patience import PATIENCE_S

RESET = bytes.fromhex("01 03 0c 00")
RESET_COMPLETE = bytes.fromhex("04 0e 04 01 03 0c 00")
READ_BD_ADDR = bytes.fromhex("01 09 10 00")


class Watcher:
    """Waits for a radio to be ready."""

    def __init__(self) -> None:
        self.addresses: asyncio.Future[list[str]] = asyncio.get_running_loop().create_future()

    def ready(self, process: RadioProcess, addresses: list[str]) -> None:
        self.addresses.set_result(addresses)

    def ended(self, process: RadioProcess) -> None:
        """Its task has ended then, too."""

    def host_came(self, name: str) -> None:
        """Hosts are counted by the radio itself."""

    def host_left(self, name: str) -> None:
        """Hosts are counted by the radio itself."""


@contextlib.asynccontextmanager
async def running(
    background: bool = False, *, listen: str = "tcp:127.0.0.1:0"
) -> AsyncIterator[tuple[RadioProcess, int]]:
    """A radio named desk. Yields: it and its TCP port."""
    watcher = Watcher()
    addresses = [parse_listen_address(listen)]
    process = RadioProcess("desk", watcher, listen=addresses, background=background)
    ready, serving = watcher.addresses, asyncio.ensure_future(process.run())
    await asyncio.wait((ready, serving), return_when=asyncio.FIRST_COMPLETED)
    try:
        yield process, int(ready.result()[0].rpartition(":")[2])
    finally:
        process.stop()
        await serving


@pytest.fixture(autouse=True)
def runtime(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="bleio-") as folder:
        monkeypatch.setenv("XDG_RUNTIME_DIR", folder)
        yield Path(folder) / "bleio"


def in_loop(test: Callable[[], Awaitable[None]]) -> None:
    async def main() -> None:
        await asyncio.wait_for(test(), PATIENCE_S)

    asyncio.run(main())


async def until(condition: Callable[[], object]) -> None:
    while not condition():
        await asyncio.sleep(0.005)


@pytest.mark.parametrize("unix", [True, False])
def test_joining_a_radio_that_runs(
    unix: bool, monkeypatch: pytest.MonkeyPatch, runtime: Path
) -> None:
    monkeypatch.setattr(place_module, "HAS_UNIX_SOCKETS", unix)

    async def test() -> None:
        lost = asyncio.Event()
        async with running() as (process, _):
            heard: asyncio.Queue[bytes] = asyncio.Queue()
            port = await shared.join("desk", heard.put_nowait, lost.set)
            port.send(RESET)
            assert await heard.get() == RESET_COMPLETE
            assert process.served is not None
            assert process.served.hosts == 1
            port.close()
            await until(lambda: process.served and process.served.hosts == 0)
            assert not lost.is_set()
            await shared.join("desk", heard.put_nowait, lost.set)
        await lost.wait()
        assert list(runtime.iterdir()) == []

    in_loop(test)


@pytest.mark.parametrize("words", [b"GET / HTTP/1.1\r\n", RESET * 50, b"bleio radio 1 desk 0\n"])
def test_strangers_get_no_controller(
    words: bytes, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(place_module, "HAS_UNIX_SOCKETS", False)

    async def test() -> None:
        async with running() as (process, _):
            family, address, secret = process.place.target()
            assert family == socket.AF_INET and len(secret) == 32
            reader, writer = await asyncio.open_connection(*address)  # type: ignore[misc]
            writer.write(words)
            with contextlib.suppress(ConnectionResetError):
                assert await reader.read() == b""
            writer.close()
            assert process.served is not None
            assert process.served.hosts == 0

    in_loop(test)
    assert "does not speak our language" in caplog.text


def test_connections_send_at_once() -> None:
    async def test() -> None:
        async with running() as (process, port):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(RESET)
            assert await reader.readexactly(7) == RESET_COMPLETE
            assert process.served is not None
            (connection,) = process.served.connections
            transport = connection._transport
            assert transport is not None
            sock = transport.get_extra_info("socket")
            assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            own_port = writer.get_extra_info("sockname")[1]
            assert connection.name == f"tcp:127.0.0.1:{own_port}"
            writer.close()
            await until(lambda: process.served and not process.served.connections)

    in_loop(test)


def test_a_stream_out_of_step_ends_that_connection_alone(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def test() -> None:
        async with running() as (process, port):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            other_reader, other_writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(RESET + b"\xff")
            with contextlib.suppress(ConnectionResetError):
                await reader.read()
            other_writer.write(RESET)
            assert await other_reader.readexactly(7) == RESET_COMPLETE
            assert process.served is not None
            for each in (writer, other_writer):
                each.close()

    in_loop(test)
    assert "0xff is no HCI packet type; closing the connection" in caplog.text


def test_a_serial_line_is_found_again_after_each_fault() -> None:
    """Also after those that come in one read, each with a reset behind it."""
    served_reset = HARDWARE_ERROR + RESET_COMPLETE

    async def test() -> None:
        async with running() as (process, _):
            served, loop = process.served, asyncio.get_running_loop()
            assert served is not None
            radio_end, host_end = socket.socketpair()
            transport, _ = await loop.connect_accepted_socket(
                lambda: HostConnection(served, "a line", serial=True), radio_end
            )
            reader, writer = await asyncio.open_connection(sock=host_end)
            writer.write((b"\0 noise" + RESET) * 3)
            assert await reader.readexactly(3 * len(served_reset)) == 3 * served_reset
            writer.write(RESET)
            assert await reader.readexactly(7) == RESET_COMPLETE
            writer.close()
            transport.close()

    in_loop(test)


def test_a_host_that_does_not_read_is_disconnected(caplog: pytest.LogCaptureFixture) -> None:
    async def test() -> None:
        async with running() as (process, port):
            loop = asyncio.get_running_loop()
            assert process.served is not None
            with socket.socket() as host:
                host.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # or it would take long
                host.connect(("127.0.0.1", port))
                host.setblocking(False)
                with pytest.raises(ConnectionError):
                    while True:  # and never reads the answers, which are longer
                        await loop.sock_sendall(host, bytes.fromhex("01 02 10 00") * 1000)
            await until(lambda: process.served and not process.served.connections)

    with caplog.at_level(logging.ERROR):
        in_loop(test)
    assert "it leaves more than 1048576 octets unread" in caplog.text


def test_a_background_radio_leaves_after_its_last_host_and_not_before(
    monkeypatch: pytest.MonkeyPatch, runtime: Path
) -> None:
    monkeypatch.setattr("bleio.radio.sharing.server.process.GRACE_S", 0.05)

    async def test() -> None:
        watcher = Watcher()
        process = RadioProcess("desk", watcher, background=True)
        serving = asyncio.ensure_future(process.run())
        await watcher.addresses
        ports = [await shared.join("desk", lambda packet: None, lambda: None) for _ in range(2)]
        ports[0].close()
        assert process.served is not None
        await until(lambda: process.served and process.served.hosts == 1)
        assert process._leaving is None
        ports[1].close()
        await serving
        assert list(runtime.iterdir()) == []

    in_loop(test)


def test_a_background_radio_that_nobody_joins_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bleio.radio.sharing.server.process.FIRST_HOST_TIMEOUT_S", 0.05)

    async def test() -> None:
        await RadioProcess("desk", Watcher(), background=True).run()

    in_loop(test)


async def host_at(port: int) -> tuple[str, asyncio.StreamWriter]:
    """Connect a host. Returns: its controller's public address, and what ends it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(READ_BD_ADDR)
    answer = await reader.readexactly(13)
    return answer[:6:-1].hex(":"), writer


@pytest.mark.parametrize(
    ("listen", "expected"),
    [
        ("tcp:127.0.0.1:0", ["00:ff:f1:01:00:00", "00:ff:f1:01:00:01"]),
        (
            "tcp:127.0.0.1:0,address=00:11:22:33:44:ff",
            ["00:11:22:33:44:ff", "00:11:22:33:45:00"],
        ),
    ],
    ids=["of the listener", "named"],
)
def test_hosts_have_the_same_addresses_each_time(listen: str, expected: list[str]) -> None:
    async def test() -> None:
        for _ in range(2):
            async with running(listen=listen) as (process, port):
                # A program that joins by name does not count.
                member = await shared.join("desk", lambda _: None, lambda: None)
                first, writer = await host_at(port)
                second, other = await host_at(port)
                assert [first, second] == expected
                writer.close()
                assert process.served is not None
                served = process.served
                await until(lambda: served.hosts == 2)  # noqa: B023
                again, writer = await host_at(port)
                assert again == first
                for each in (writer, other):
                    each.close()
                member.close()

    in_loop(test)


@pytest.mark.parametrize("text", ["tcp:127.0.0.1:0,address=1", "pty:a,address="])
def test_an_address_that_is_none(text: str) -> None:
    with pytest.raises(CallerError, match="is not a device address such as"):
        parse_listen_address(text)


ADVERTISES = (
    RESET,
    bytes.fromhex("01 06 20 0f 20 00 20 00 00 00 00 00 00 00 00 00 00 07 00"),  # every 20 ms
    bytes.fromhex("01 0a 20 01 01"),
)


def test_one_that_watches_slowly_misses_packets_alone_and_is_told_how_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Two watch; one of them does not read for a while. The host on the radio notices nothing."""
    monkeypatch.setattr(watching_module, "MOST_UNREAD_OCTETS", 2_000)

    async def test() -> None:
        async with running() as (process, port):
            got = {"slow": bytearray(), "quick": bytearray()}
            watches = {
                name: await shared.watch("desk", octets.extend, list)
                for name, octets in got.items()
            }
            assert process.served is not None
            for watching in process.served.watching:  # no room below for what is not read
                small = watching._transport.get_extra_info("socket")
                small.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
            watches["slow"].pause()
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"".join(ADVERTISES))
            blocks = {name: Blocks() for name in got}

            def counted(name: str) -> Blocks:
                for _ in blocks[name].add(bytes(got[name])):
                    pass
                got[name].clear()
                return blocks[name]

            await until(lambda: counted("quick").packets > 150)
            assert counted("slow").packets < 150
            watches["slow"].resume()
            await until(lambda: counted("slow").missing > 0)
            assert counted("quick").missing == 0
            for watch in watches.values():
                watch.close()
            await until(lambda: not process.served or not process.served.watching)
            writer.close()
            del reader

    in_loop(test)


def test_no_more_watch_than_a_radio_can_bear(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_module, "MOST_WATCHERS", 1)

    async def test() -> None:
        async with running():
            first = await shared.watch("desk", bytearray().extend, list)
            with pytest.raises(ControllerLost, match="'desk' is watched by as many programs"):
                await shared.watch("desk", bytearray().extend, list)
            first.close()

    in_loop(test)


def test_what_was_missed_is_told_by_the_decoder() -> None:
    """It is in the capture as the format has it, with the packet that comes next."""
    packet = bytes.fromhex("00 00 00 00 d6be898e 0000 d6be898e 0006 010203040506 000000")
    file = pcapng.section() + pcapng.interface(pcapng.LINKTYPE_LE_LL_WITH_PHDR, "air")
    file += pcapng.packet(0, 5, packet) + pcapng.packet(0, 9, packet, "from x", 7)
    told = [(each.time_us, each.protocol, each.text) for each in decode(read(BytesIO(file), "x"))]
    assert told[1] == (
        9,
        "FILE",
        "7 packets are missing in this capture, which was not read fast enough",
    )
    assert [protocol for _, protocol, _ in told] == ["ADV", "FILE", "ADV"]
    counted = Blocks()
    assert b"".join(counted.add(file)) == file
    assert (counted.packets, counted.missing) == (2, 7)
