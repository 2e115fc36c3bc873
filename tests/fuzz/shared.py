"""Targets: streams into a shared radio, and from a shared radio into a program that joins it.

Whatever a stream carries, its connection is closed or served; the radio goes on with the others,
and the next program that says the right words has a controller.
"""

from __future__ import annotations

import asyncio
from typing import Any

from bleio.core.address import DeviceAddress
from bleio.radio.sharing.hello import MAX_OCTETS, WELCOME, hello
from bleio.radio.sharing.server.connection import (
    MAX_UNREAD_OCTETS,
    HostConnection,
    MemberConnection,
    ServedRadio,
)
from bleio.radio.sharing.shared import _SharedPort
from fuzz.att import mutate
from fuzz.decisions import Decisions
from fuzz.running import in_simulated_time

NAME, SECRET = "desk", b"0123456789abcdef"
RESET = bytes.fromhex("01 03 0c 00")
RESET_COMPLETE = bytes.fromhex("04 0e 04 01 03 0c 00")
PACKETS = (
    RESET,
    bytes.fromhex("01 01 0c 08 ff ff ff ff ff ff ff ff"),
    bytes.fromhex("01 01 20 08 ff ff ff ff ff ff ff ff"),
    bytes.fromhex("01 05 20 06 01 00 00 00 00 c0"),
    bytes.fromhex("01 0b 20 07 01 10 00 10 00 01 00"),
    bytes.fromhex("01 0c 20 02 01 00"),
    bytes.fromhex("01 06 20 0f 20 00 20 00 00 01 00 00 00 00 00 00 00 07 00"),
    bytes.fromhex("01 0a 20 01 01"),
    bytes.fromhex("02 40 20 05 00 01 00 04 00 0a"),
)


class Stream(asyncio.Transport):
    """One end of a stream, the other of which is the target's."""

    def __init__(self, protocol: asyncio.Protocol) -> None:
        super().__init__()
        self.protocol = protocol
        self.written = bytearray()
        self.unread = 0  # what the other end has not read
        self.closed = False
        self._high: int | None = None
        protocol.connection_made(self)

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self._high = high

    def write(self, data: Any) -> None:
        assert not self.closed
        self.written += data
        if self.unread:
            self.unread += len(data)
            if self._high is not None and self.unread - len(data) <= self._high < self.unread:
                self.protocol.pause_writing()

    def get_write_buffer_size(self) -> int:
        return self.unread

    def abort(self) -> None:
        self.close()

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            asyncio.get_running_loop().call_soon(self.protocol.connection_lost, None)

    def feed(self, octets: bytes) -> None:
        """The other end has sent this."""
        if not self.closed:
            self.protocol.data_received(octets)

    def stop_reading(self) -> None:
        self.unread = max(self.unread, 1)

    def read_all(self) -> None:
        slow, self.unread = self.unread > (self._high or 0), 0
        if slow and not self.closed:
            self.protocol.resume_writing()


class _Watcher:
    """Counts hosts as the radio's user is told of them."""

    def __init__(self) -> None:
        self.hosts = 0

    def host_came(self, name: str) -> None:
        self.hosts += 1

    def host_left(self, name: str) -> None:
        self.hosts -= 1


def shared_radio(octets: bytes) -> None:
    """Streams into a radio: members, listeners' hosts, serial lines."""
    in_simulated_time(_radio(Decisions(octets)), only_tracebacks=True)


async def _radio(random: Decisions) -> None:
    watcher = _Watcher()
    served = ServedRadio(1, watcher)
    streams: list[Stream] = []
    try:
        while random.left:
            await _radio_step(random, served, streams)
            assert served.hosts == watcher.hosts <= len(streams)
            for stream in streams:
                _check_stream(stream)
        await asyncio.sleep(11)  # those that said nothing are sent away
        for stream in streams:
            if (
                isinstance(stream.protocol, MemberConnection)
                and stream.protocol._controller is None
            ):
                assert stream.closed
        newcomer = Stream(MemberConnection(served, NAME, SECRET))
        newcomer.feed(hello(NAME, SECRET) + RESET)
        assert newcomer.written == WELCOME + RESET_COMPLETE
    finally:
        served.close()
        await asyncio.sleep(0)
    assert served.hosts == watcher.hosts == 0 and not served.connections


async def _radio_step(random: Decisions, served: ServedRadio, streams: list[Stream]) -> None:
    kind = random.randrange(8)
    if kind == 0 or not streams:
        if len(streams) < 5:
            streams.append(Stream(_connection(random, served)))
        return
    stream = random.choice(streams)
    match kind:
        case 1 | 2:
            words = hello(NAME, random.choice((SECRET, b"", b"x" * MAX_OCTETS)))
            stream.feed(words if random.random() < 0.7 else mutate(random, words))
        case 3 | 4:
            packets = b"".join(random.choice(PACKETS) for _ in range(1 + random.randrange(4)))
            stream.feed(packets if random.random() < 0.7 else mutate(random, packets))
        case 5:
            stream.feed(random.randbytes(random.randrange(200)))
        case 6:
            if random.random() < 0.5:
                stream.stop_reading()
            else:
                stream.read_all()
            if random.random() < 0.3:
                stream.close()
        case _:
            await asyncio.sleep(random.choice((0, 0.01, 0.2, 3)))


def _connection(random: Decisions, served: ServedRadio) -> HostConnection:
    match random.randrange(4):
        case 0:
            return HostConnection(served, "a line", serial=True)
        case 1:
            return HostConnection(served, "a host", public=DeviceAddress(bytes(6)))
        case _:
            return MemberConnection(served, NAME, SECRET)


def _check_stream(stream: Stream) -> None:
    connection: Any = stream.protocol
    assert len(connection._framer._buffer) <= 0x10010
    assert stream.closed or stream.unread <= MAX_UNREAD_OCTETS
    if isinstance(connection, MemberConnection):
        assert stream.closed or len(connection._heard) <= 2 * MAX_OCTETS
        assert connection._controller is None or stream.written[: len(WELCOME)] == WELCOME


def shared_member(octets: bytes) -> None:
    """What a program hears that has joined a radio, or believes it has."""
    in_simulated_time(_member(Decisions(octets)), only_tracebacks=True)


async def _member(random: Decisions) -> None:
    packets: list[bytes] = []
    lost: list[bool] = []
    port = _SharedPort(NAME, packets.append, lambda: lost.append(True))
    stream = Stream(port)
    greeting = asyncio.ensure_future(port.greet(hello(NAME, SECRET)))
    await asyncio.sleep(0)
    words = WELCOME if random.random() < 0.8 else mutate(random, WELCOME)
    while words or random.left:
        count = 1 + random.randrange(40)
        part, words = words[:count], words[count:]
        if not words:
            part += random.take(random.randrange(20))
        if random.random() < 0.1:
            await asyncio.sleep(random.choice((0, 1, 11)))
        stream.feed(part)
    await asyncio.sleep(11)
    taken_in = await greeting
    assert len(lost) <= 1 and (taken_in or not (packets or lost))
    assert all(packet[0] in (1, 2, 3, 4, 5) for packet in packets)
    port.send(RESET)
    port.close()
    port.send(RESET)
    await asyncio.sleep(0)
    assert stream.closed and len(lost) <= 1
