"""ACL data: fragments, order, credits, and hosts that are slow or lie."""

from __future__ import annotations

import random
import struct

import pytest

from support.raw_host import MS, SECOND, Acl, Pair, RawHost, connected_pair, l2cap

BUFFERS = 12
COMPLETED, OVERFLOW = 0x13, 0x1A


def run(pair: Pair, milliseconds: float) -> None:
    pair.radio.run_until(pair.radio.now_us + round(milliseconds * MS))


def credits(host: RawHost) -> int:
    """How many packets the controller has given back."""
    return sum(struct.unpack("<BHH", event.parameters)[2] for event in host.of(COMPLETED))


def whole(packets: list[Acl]) -> list[bytes]:
    """Put the fragments of ACL packets together again."""
    messages: list[bytes] = []
    for packet in packets:
        if packet.boundary == 0b10:
            messages.append(packet.payload)
        else:
            assert packet.boundary == 0b01
            messages[-1] += packet.payload
    return messages


@pytest.mark.parametrize("octets", [27, 60, 251])
@pytest.mark.parametrize("length", [1, 27, 28, 54, 251])
def test_packets_arrive_whole_in_pieces_of_the_agreed_length(octets: int, length: int) -> None:
    pair = connected_pair()
    pair.central.must(0x2022, struct.pack("<HHH", pair.central_handle, octets, 2120))
    run(pair, 100)
    message = bytes(index % 256 for index in range(length))
    pair.central.send_acl(pair.central_handle, message)
    run(pair, 100)
    assert whole(pair.peripheral.acl) == [message]
    assert max(len(packet.payload) for packet in pair.peripheral.acl) <= octets
    assert credits(pair.central) == 1


def test_continuations_stay_continuations() -> None:
    pair = connected_pair()
    pair.central.send_acl(pair.central_handle, b"abc", boundary=0)
    pair.central.send_acl(pair.central_handle, b"def", boundary=1)
    pair.central.send_acl(pair.central_handle, b"ghi", boundary=2)
    run(pair, 100)
    assert whole(pair.peripheral.acl) == [b"abcdef", b"ghi"]


def test_an_empty_packet_gives_its_credit_back() -> None:
    pair = connected_pair()
    pair.central.send_acl(pair.central_handle, b"")
    run(pair, 100)
    assert pair.peripheral.acl == []
    assert credits(pair.central) == 1


def test_credits_come_back_only_when_data_has_moved() -> None:
    pair = connected_pair(interval_ms=100)
    for index in range(BUFFERS):
        pair.central.send_acl(pair.central_handle, bytes((index,)))
    assert credits(pair.central) == 0
    run(pair, 200)
    assert credits(pair.central) == BUFFERS


def test_data_beyond_the_buffers_is_dropped_counted_and_told() -> None:
    pair = connected_pair()
    for index in range(BUFFERS + 3):
        pair.central.send_acl(pair.central_handle, bytes((index,)))
    run(pair, 200)
    assert whole(pair.peripheral.acl) == [bytes((index,)) for index in range(BUFFERS)]
    assert pair.central.controller.dropped["ACL data beyond the buffers"] == 3
    assert [event.parameters for event in pair.central.of(OVERFLOW)] == [b"\x01"] * 3
    pair.central.send_acl(pair.central_handle, b"again")
    run(pair, 200)
    assert whole(pair.peripheral.acl)[-1] == b"again"


@pytest.mark.parametrize(
    "packet",
    [
        struct.pack("<BHH", 2, 0x40, 5) + b"four",
        struct.pack("<BHH", 2, 0x40, 3) + b"four",
        struct.pack("<BHH", 2, 0x40 | 3 << 12, 4) + b"four",
        struct.pack("<BHH", 2, 0x40 | 4 << 12, 4) + b"four",  # broadcast
        struct.pack("<BHH", 2, 0x40, 252) + bytes(252),
    ],
)
def test_malformed_data_is_dropped_and_counted(packet: bytes) -> None:
    pair = connected_pair()
    pair.central.controller.receive(packet)
    run(pair, 100)
    assert pair.central.controller.dropped == {"malformed ACL data": 1}
    assert pair.peripheral.acl == []


def test_credits_are_free_again_after_a_disconnect() -> None:
    pair = connected_pair(timeout_ms=500)
    pair.peripheral.controller.detach()
    for _ in range(BUFFERS):
        pair.central.send_acl(pair.central_handle, b"lost")
    run(pair, 1000)
    assert pair.central.of(0x05)
    assert pair.central.controller.host.acl_in_flight == 0


def test_a_slow_host_stops_its_peer_and_loses_nothing() -> None:
    pair = connected_pair()
    pair.peripheral.controller.congested = True
    for index in range(BUFFERS):
        pair.central.send_acl(pair.central_handle, bytes((index,)))
    run(pair, 5_000)
    assert (credits(pair.central), pair.peripheral.acl) == (0, [])
    assert pair.radio.next_event_us() is None  # and costs nothing meanwhile
    pair.peripheral.send_acl(pair.peripheral_handle, b"still able to speak")
    run(pair, 100)
    assert len(pair.central.acl) == 1
    pair.peripheral.controller.congested = False
    run(pair, 100)
    assert whole(pair.peripheral.acl) == [bytes((index,)) for index in range(BUFFERS)]
    assert credits(pair.central) == BUFFERS


def test_a_disconnect_from_a_slow_peer_ends_by_supervision() -> None:
    pair = connected_pair(timeout_ms=500)
    pair.peripheral.controller.congested = True
    pair.central.send_acl(pair.central_handle, b"stuck")
    pair.central.command(0x0406, struct.pack("<HB", pair.central_handle, 0x13))
    run(pair, 600)
    assert pair.central.last(0x05)[3] == 0x08


def test_flow_control_towards_the_host() -> None:
    pair = connected_pair()
    assert pair.peripheral.command(0x0C31, b"\x01")[0] == 0x0C  # not while connected
    pair.central.command(0x0406, struct.pack("<HB", pair.central_handle, 0x13))
    run(pair, 100)
    pair.peripheral.must(0x0C33, struct.pack("<HBHH", 251, 0, 3, 0))
    pair.peripheral.must(0x0C31, b"\x01")
    pair.peripheral.must(0x200A, b"\x01")
    pair.central.connect(pair.peripheral.random_address)
    run(pair, 200)
    central_handle = struct.unpack_from("<BH", pair.central.last(0x3E0A))[1]
    handle = struct.unpack_from("<BH", pair.peripheral.last(0x3E0A))[1]
    for index in range(BUFFERS):
        pair.central.send_acl(central_handle, bytes((index,)))
    run(pair, 500)
    assert len(pair.peripheral.acl) == 3
    packet = struct.pack("<BHBBHH", 1, 0x0C35, 5, 1, handle, 2)
    pair.peripheral.answers.clear()
    pair.peripheral.controller.receive(packet)
    assert pair.peripheral.answers == []
    run(pair, 500)
    assert len(pair.peripheral.acl) == 5
    pair.peripheral.controller.receive(struct.pack("<BHBBHH", 1, 0x0C35, 5, 1, handle, 60_000))
    run(pair, 500)
    assert len(pair.peripheral.acl) == 8  # a lie about 60,000 is worth the 3 it had


@pytest.mark.parametrize("seed", range(5))
def test_everything_arrives_once_and_in_order_both_ways(seed: int) -> None:
    source = random.Random(seed)
    pair = connected_pair(interval_ms=7.5)
    for host, handle in (
        (pair.central, pair.central_handle),
        (pair.peripheral, pair.peripheral_handle),
    ):
        host.must(0x2022, struct.pack("<HHH", handle, source.choice((27, 100, 251)), 2120))
    sent: dict[str, list[bytes]] = {"central": [], "peripheral": []}
    for _ in range(2_000):
        name = source.choice(("central", "peripheral"))
        host = getattr(pair, name)
        handle = pair.central_handle if name == "central" else pair.peripheral_handle
        if len(sent[name]) - credits(host) < BUFFERS:
            message = l2cap(source.randbytes(source.randrange(248)))
            sent[name].append(message)
            host.send_acl(handle, message)
        if source.random() < 0.5:
            run(pair, source.randrange(10))
    run(pair, 2_000)
    assert whole(pair.peripheral.acl) == sent["central"]
    assert whole(pair.central.acl) == sent["peripheral"]


def test_a_long_transfer_is_not_slowed_down_between_events() -> None:
    """Time on air of full PDUs leaves room for some 390 packets of 251 octets a second."""
    pair = connected_pair(interval_ms=50)
    pair.central.must(0x2022, struct.pack("<HHH", pair.central_handle, 251, 2120))
    run(pair, 100)
    start_us, sent = pair.radio.now_us, 0
    while pair.radio.now_us < start_us + SECOND:
        while sent - credits(pair.central) < BUFFERS:
            pair.central.send_acl(pair.central_handle, bytes(251))
            sent += 1
        run(pair, 1)
    assert len(pair.peripheral.acl) > 350
