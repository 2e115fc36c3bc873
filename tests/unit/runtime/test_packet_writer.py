"""What a PacketBuffer's writer takes from programs, and hands to the engine at once."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from bleio.backends.base import light
from bleio.errors import LinkLost
from bleio.runtime.clock import Clock
from bleio.runtime.counters import BUFFERS_FAILED_PACKETS
from bleio.runtime.packet_writer import PacketWriter
from support.patience import PATIENCE_S


class Posting:
    """An engine that does what is posted when the test says so."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.posted: list[Callable[[], None]] = []

    def post(self, function: Callable[[], None]) -> None:
        self.posted.append(function)

    def turn(self) -> None:
        async def run() -> None:
            while self.posted:
                self.posted.pop(0)()
            await asyncio.sleep(0)

        asyncio.run(run())


class Link:
    """A way to a peer: how much it would take, and what it has sent."""

    def __init__(self, ahead: int, *, is_light: bool) -> None:
        self.room = ahead
        self.light = is_light
        self.sent: list[bytes] = []
        self.error: Exception | None = None

    def ahead(self) -> int:
        return self.room

    def is_light(self) -> bool:
        return self.light

    @light
    async def send(self, packet: bytes) -> None:
        if self.error is not None:
            raise self.error
        self.sent.append(packet)


class Writer:
    def __init__(self, ahead: int, *, is_light: bool = True) -> None:
        self.engine: Any = Posting()
        self.link = Link(ahead, is_light=is_light)
        self.counted: Counter[str] = Counter()
        self.writer = PacketWriter(self.engine, self.link, self.counted)
        self.write(b"first")  # from then on it is known how much the link takes
        self.engine.turn()
        self.link.sent.clear()

    def write(self, data: bytes, header: bytes = b"") -> int:
        return self.writer.write(data, header, 10)

    def writing(self, data: bytes) -> threading.Thread:
        """Write in a thread that has to wait."""
        thread = threading.Thread(target=self.write, args=(data,), daemon=True)
        thread.start()
        while not self.writer._waits:
            thread.join(0.001)
        assert thread.is_alive()
        return thread


@pytest.mark.parametrize("is_light", [True, False])
def test_engine_takes_all_packets_at_once(is_light: bool) -> None:
    one = Writer(3, is_light=is_light)
    packets = [bytes((number,)) * 10 for number in range(3)]
    assert [one.write(packet) for packet in packets] == [10, 10, 10]
    assert len(one.engine.posted) == 1
    one.engine.turn()
    assert one.link.sent == packets


def test_program_is_not_ahead_of_what_the_link_takes() -> None:
    one = Writer(2)
    one.write(b"a" * 10)
    one.write(b"b" * 10)
    thread = one.writing(b"c" * 10)
    one.engine.turn()
    thread.join(PATIENCE_S)
    one.engine.turn()
    assert one.link.sent == [b"a" * 10, b"b" * 10, b"c" * 10]


@pytest.mark.parametrize("ahead", [0, 1])
def test_one_packet_is_pending_at_a_link_without_room(ahead: int) -> None:
    one = Writer(ahead)
    one.write(b"a" * 10)
    thread = one.writing(b"b")
    one.engine.turn()
    thread.join(PATIENCE_S)
    assert one.link.sent == [b"a" * 10]


def test_small_writes_share_the_last_packet_and_headers_begin_packets() -> None:
    one = Writer(4)
    written = [one.write(data, b"H") for data in (b"123456", b"789", b"0", b"x")]
    assert written == [7, 3, 2, 1]
    one.engine.turn()
    assert one.link.sent == [b"H123456789", b"H0x"]


def test_nothing_is_no_packet() -> None:
    one = Writer(4)
    assert one.write(b"") == 0
    assert one.engine.posted == []


def test_writers_that_wait_end_with_the_peer() -> None:
    one = Writer(1)
    one.write(b"a" * 10)
    threads = [one.writing(b"b" * 10) for _ in range(2)]
    one.writer.close()
    for thread in threads:
        thread.join(PATIENCE_S)
        assert not thread.is_alive()
    one.engine.turn()
    assert one.link.sent == []
    assert one.write(b"c") == 0


def test_packets_that_fail_are_counted() -> None:
    one = Writer(4)
    one.link.error = LinkLost(8)
    one.write(b"a" * 10)
    one.write(b"b" * 10)
    one.engine.turn()
    assert one.counted[BUFFERS_FAILED_PACKETS] == 2
