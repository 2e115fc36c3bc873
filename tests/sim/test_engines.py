"""A link exchanges its engine whenever packets can be lost from now on, or no longer."""

from __future__ import annotations

import struct
from itertools import pairwise
from random import Random

import pytest

from bleio.radio.air.phy import T_IFS_US
from bleio.radio.air.propagation import Propagation
from bleio.radio.air.radio import Direction, Radio
from bleio.radio.connection.computed import ComputedEvents
from bleio.radio.connection.stepped import SteppedEvents
from support.on_air import end_us, in_time, record
from support.raw_host import MS, SECOND, Pair, RawHost, connected_pair, l2cap

IDEAL = Propagation()
# Nothing is lost with two stations, but every event is stepped through.
STEPPED = Propagation(collisions=True)


def in_use(pair: Pair) -> type:
    (link,) = pair.radio.links
    return type(link.events)


def messages(host: RawHost) -> list[bytes]:
    received: list[bytes] = []
    for packet in host.acl:
        if packet.boundary == 2:
            received.append(packet.payload)
        else:
            received[-1] += packet.payload
    return received


def test_the_medium_decides_which_engine_a_link_has() -> None:
    pair = connected_pair()
    assert in_use(pair) is ComputedEvents
    pair.radio.medium.propagation = STEPPED
    assert in_use(pair) is SteppedEvents
    pair.radio.medium.propagation = IDEAL
    assert in_use(pair) is ComputedEvents
    pair.radio.medium.corrupt_next()
    assert in_use(pair) is SteppedEvents
    pair.radio.run_until(pair.radio.now_us + SECOND)
    assert in_use(pair) is ComputedEvents


@pytest.mark.parametrize("seed", range(8))
def test_a_change_in_the_middle_of_an_event_loses_and_repeats_nothing(seed: int) -> None:
    pair, random = connected_pair(Radio(seed), interval_ms=7.5, timeout_ms=4000), Random(seed)
    medium, sent = pair.radio.medium, []
    for index in range(200):
        sent.append(l2cap(bytes((index,)) * random.randrange(1, 116)))
        pair.central.send_acl(pair.central_handle, sent[-1])
        pair.peripheral.send_acl(pair.peripheral_handle, sent[-1])
        # Several changes within the time of one packet, and a few packets that do get lost.
        for _ in range(random.randrange(1, 6)):
            if random.random() < 0.05:
                medium.corrupt_next()
            medium.propagation = random.choice((IDEAL, STEPPED))
            pair.radio.run_until(pair.radio.now_us + random.randrange(400))
        pair.radio.run_until(pair.radio.now_us + random.randrange(30 * MS))
    medium.propagation = IDEAL
    pair.radio.run_until(pair.radio.now_us + SECOND)
    for host in (pair.central, pair.peripheral):
        assert messages(host) == sent
        assert host.controller.host.acl_in_flight == 0
    assert medium.lost > 0


# -- what both have in common --

AIRS = pytest.mark.parametrize("propagation", [IDEAL, STEPPED], ids=["computed", "stepped"])
MORE_DATA = 1 << 4


def run_and_answer(pair: Pair, us: int) -> None:
    """Let the peripheral's host answer whatever comes at once, as one that is very fast does."""
    until_us, answered = pair.radio.now_us + us, len(pair.peripheral.acl)
    while pair.radio.now_us < until_us:
        next_us = pair.radio.next_event_us()
        pair.radio.run_until(until_us if next_us is None else min(next_us, until_us))
        for packet in pair.peripheral.acl[answered:]:
            pair.peripheral.send_acl(pair.peripheral_handle, packet.payload)
        answered = len(pair.peripheral.acl)


@AIRS
@pytest.mark.parametrize("earlier", [0, 1])
def test_an_answer_at_once_goes_into_the_next_event(propagation: Propagation, earlier: int) -> None:
    """Whether the peripheral's last packet is acknowledged already makes no difference."""
    pair = connected_pair(Radio(1, propagation), interval_ms=30)
    run_and_answer(pair, SECOND)
    for _ in range(earlier):
        pair.peripheral.send_acl(pair.peripheral_handle, l2cap(b"before"))
        pair.radio.run_until(pair.radio.now_us + 30 * MS)
    pair.central.acl.clear()
    air = record(pair.radio)
    pair.central.send_acl(pair.central_handle, l2cap(b"question"))
    run_and_answer(pair, SECOND)
    (question,), (answer,) = pair.peripheral.acl, pair.central.acl
    assert answer.payload == question.payload
    assert answer.at_us - question.at_us == pytest.approx(30 * MS, abs=500)
    said = [packet for packet in in_time(air) if packet.octets[1]]
    assert [packet.octets[0] & 0b11 | packet.octets[0] & MORE_DATA for packet in said] == [2, 2]


@pytest.mark.parametrize("seed", range(4))
def test_an_event_goes_on_only_where_a_packet_has_announced_more(seed: int) -> None:
    radio, random = Radio(seed, STEPPED), Random(seed)
    air = record(radio)
    pair = connected_pair(radio, interval_ms=30)
    ends = ((pair.central, pair.central_handle), (pair.peripheral, pair.peripheral_handle))
    for _ in range(100):
        host, handle = random.choice(ends)
        host.command(0x2032, struct.pack("<HBBBH", handle, 0, *random.choices((1, 2), k=2), 0))
        host.command(0x2022, struct.pack("<HHH", handle, random.randrange(27, 252), 2120))
        for _ in range(random.randrange(4)):
            host.send_acl(handle, l2cap(bytes(random.randrange(200))))
        run_and_answer(pair, random.randrange(60 * MS))
    ends_of_link = (Direction.TO_PERIPHERAL, Direction.TO_CENTRAL)
    link = [packet for packet in in_time(air) if packet.direction in ends_of_link]
    went_on = 0
    for (first, second), third in zip(pairwise(link), link[2:], strict=False):
        follows = third.time_us == end_us(second) + T_IFS_US
        if follows and third.direction is Direction.TO_PERIPHERAL:
            went_on += 1
            assert (first.octets[0] | second.octets[0]) & MORE_DATA
    assert went_on > 50
