"""The ACL send queue and reassembly, bytes in, bytes out."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable
from functools import partial

import pytest

from bleio.backends.hci.counters import HciCounters
from bleio.backends.hci.links import calls
from bleio.backends.hci.links.acl import MAX_PACKETS, ROOM_PACKETS, AclQueue, Reassembler
from bleio.errors import LinkLost, TransactionTimeout
from support.hci.engine import asynchronous
from support.hci.simulated import simulated


class Wire:
    """A queue with what it sent, as (handle, continues, data)."""

    def __init__(self, octets: int = 27, packets: int = 3) -> None:
        self.sent: list[tuple[int, bool, bytes]] = []
        self.overflows: list[int] = []
        self.counters = HciCounters()
        self.queue = AclQueue(self._take, octets, packets, self.overflows.append, self.counters)
        self.room = self.queue.add(1)

    async def sent_when_room(self, send: Callable[[], None]) -> None:
        await calls.send(self.room, send)

    def _take(self, packet: bytes) -> None:
        kind, flags, octets = struct.unpack_from("<BHH", packet)
        assert kind == 2
        assert octets == len(packet) - 5
        self.sent.append((flags & 0xFFF, bool(flags & 0x1000), packet[5:]))


def test_fragments_and_flow_control() -> None:
    wire = Wire(octets=10, packets=2)
    wire.queue.send(1, 4, b"x" * 30)
    assert [(continues, len(data)) for _, continues, data in wire.sent] == [(False, 10), (True, 10)]
    wire.queue.completed(1, 2)
    assert [len(data) for _, _, data in wire.sent] == [10, 10, 10, 4]
    reassembler = Reassembler(HciCounters())
    whole = [reassembler.feed(continues, data) for _, continues, data in wire.sent]
    assert whole == [None, None, None, (4, b"x" * 30)]


def test_links_take_turns_and_one_cannot_take_all_buffers() -> None:
    wire = Wire(packets=3)
    wire.queue.add(2)
    for _ in range(5):
        wire.queue.send(1, 4, b"a")
    wire.queue.send(2, 4, b"b")
    assert [handle for handle, _, _ in wire.sent] == [1, 1, 2]
    wire.queue.completed(2, 1)
    assert len(wire.sent) == 3  # link 1 has two in flight, and the third buffer is kept for link 2
    wire.queue.completed(1, 1)
    assert [handle for handle, _, _ in wire.sent] == [1, 1, 2, 1]


def test_the_buffers_of_a_link_that_is_gone_come_back() -> None:
    wire = Wire(packets=2)
    wire.queue.add(2)
    wire.queue.send(1, 4, b"a")
    wire.queue.send(1, 4, b"a")
    wire.queue.send(2, 4, b"b")
    wire.queue.send(2, 4, b"b")
    wire.queue.remove(1, LinkLost())
    assert [handle for handle, _, _ in wire.sent] == [1, 2, 2]
    wire.queue.send(1, 4, b"late")
    assert len(wire.sent) == 3


def test_impossible_completions_are_counted() -> None:
    wire = Wire(packets=1)
    wire.queue.send(1, 4, b"a")
    wire.queue.completed(9, 1)
    wire.queue.completed(1, 65535)
    wire.queue.completed(1, 1)
    assert wire.counters.impossible_completions == 3
    wire.queue.send(1, 4, b"a")
    wire.queue.send(1, 4, b"a")
    assert len(wire.sent) == 2  # one buffer, not the thousands that were claimed


def test_overflow_is_told_once() -> None:
    wire = Wire(packets=1)
    for _ in range(MAX_PACKETS + 10):
        wire.queue.send(1, 4, b"a")
    assert wire.overflows == [1]
    wire.queue.completed(1, 1)
    wire.queue.send(1, 4, b"a")
    assert wire.overflows == [1]


@asynchronous
async def test_waiting_for_room_keeps_the_order() -> None:
    wire = Wire(packets=1)
    order: list[int] = []

    def sender(number: int) -> None:
        order.append(number)
        wire.queue.send(1, 4, bytes((number,)))

    tasks = [
        asyncio.ensure_future(wire.sent_when_room(partial(sender, i)))
        for i in range(ROOM_PACKETS + 5)
    ]
    await asyncio.sleep(0)
    assert len(order) == ROOM_PACKETS
    tasks[ROOM_PACKETS + 1].cancel()
    await asyncio.sleep(0)
    for _ in range(2 * ROOM_PACKETS):
        wire.queue.completed(1, 1)
        await asyncio.sleep(0)
    await asyncio.gather(*tasks, return_exceptions=True)
    assert order == [i for i in range(ROOM_PACKETS + 5) if i != ROOM_PACKETS + 1]


@asynchronous
async def test_who_waits_for_room_fails_with_the_link() -> None:
    wire = Wire(packets=1)
    for _ in range(ROOM_PACKETS):
        wire.queue.send(1, 4, b"a")
    waiting = asyncio.ensure_future(wire.sent_when_room(lambda: None))
    drained = asyncio.ensure_future(wire.queue.drained(1))
    await asyncio.sleep(0)
    wire.queue.remove(1, LinkLost(8))
    with pytest.raises(LinkLost):
        await waiting
    await drained
    await wire.queue.drained(1)


@asynchronous
async def test_room_that_is_not_used_goes_to_the_next() -> None:
    wire = Wire(packets=ROOM_PACKETS)
    for _ in range(ROOM_PACKETS):
        wire.queue.send(1, 4, b"a")
    order: list[int] = []
    tasks = [
        asyncio.ensure_future(wire.sent_when_room(partial(order.append, i)))
        for i in range(3 * ROOM_PACKETS)
    ]
    await asyncio.sleep(0)
    assert order == []
    tasks[1].cancel()
    await asyncio.sleep(0)
    wire.queue.completed(1, ROOM_PACKETS)  # nothing is on its way any more
    tasks[2].cancel()  # too late: it is sent
    await asyncio.gather(*tasks, return_exceptions=True)
    assert order == [0, *range(2, 3 * ROOM_PACKETS)]
    await wire.sent_when_room(partial(order.append, 1))
    assert order[-1] == 1


@asynchronous
async def test_an_error_of_the_sender_is_its_callers() -> None:
    wire = Wire(packets=1)
    for _ in range(ROOM_PACKETS):
        wire.queue.send(1, 4, b"a")

    def bad() -> None:
        raise ValueError("bad")

    waiting = asyncio.ensure_future(wire.sent_when_room(bad))
    drained = asyncio.ensure_future(wire.queue.drained(1))
    await asyncio.sleep(0)
    for _ in range(ROOM_PACKETS):
        wire.queue.completed(1, 1)
    with pytest.raises(ValueError, match="bad"):
        await waiting
    await drained


@pytest.mark.parametrize(("every_s", "is_ended"), [(2.0, False), (31.0, True)])
@simulated
async def test_who_takes_slowly_is_not_taken_for_one_that_takes_nothing(
    every_s: float, is_ended: bool
) -> None:
    """Nothing that waits has room for longer than 30 s, but packets leave meanwhile."""
    wire = Wire(packets=4)
    for _ in range(ROOM_PACKETS - 1):
        wire.queue.send(1, 4, b"a")
    wire.queue.send(1, 4, bytes(512))  # 20 packets
    waiting = asyncio.ensure_future(wire.sent_when_room(lambda: None))
    for _ in range(20):
        await asyncio.sleep(every_s)
        wire.queue.completed(1, 1)
    if is_ended:
        assert wire.overflows == [1]
        with pytest.raises(TransactionTimeout):
            await waiting
    else:
        assert wire.overflows == []
        await waiting


@simulated
async def test_completing_nothing_is_no_progress() -> None:
    wire = Wire(packets=4)
    for _ in range(ROOM_PACKETS):
        wire.queue.send(1, 4, b"a")
    waiting = asyncio.ensure_future(wire.sent_when_room(lambda: None))
    for _ in range(16):
        await asyncio.sleep(2)
        wire.queue.completed(1, 0)
    assert wire.overflows == [1]
    with pytest.raises(TransactionTimeout):
        await waiting


@pytest.mark.parametrize("cut", range(1, 8))
def test_a_pdu_may_be_cut_anywhere(cut: int) -> None:
    sdu = struct.pack("<HH", 4, 6) + b"abcd"
    counters = HciCounters()
    reassembler = Reassembler(counters)
    assert reassembler.feed(False, sdu[:cut]) is None
    assert reassembler.feed(True, sdu[cut:]) == (6, b"abcd")
    assert counters.l2cap_fragments == 0


def test_what_does_not_fit_is_dropped() -> None:
    counters = HciCounters()
    reassembler = Reassembler(counters)
    good = struct.pack("<HH", 2, 4) + b"ok"
    assert reassembler.feed(True, b"nothing begun") is None
    assert reassembler.feed(False, good[:5]) is None
    assert reassembler.feed(False, good) == (4, b"ok")  # the first one is cut short
    assert reassembler.feed(False, good + b"too much") is None
    assert reassembler.feed(False, struct.pack("<HH", 65535, 4)) is None
    assert reassembler.feed(True, bytes(1000)) is None
    assert counters.l2cap_fragments == 5
    assert reassembler.feed(False, good) == (4, b"ok")
