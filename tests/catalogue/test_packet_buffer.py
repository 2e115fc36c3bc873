"""Catalogue 3.9 and 4.6: PacketBuffer, as server and as client."""

from __future__ import annotations

import threading
from typing import Any, NamedTuple

import _bleio
import pytest
from _bleio import UUID, Characteristic, PacketBuffer, Service

from support.pair import DEADLINE_S, U128, Pair, connect, make, raises, until

WRITE, NO_RESPONSE = Characteristic.WRITE, Characteristic.WRITE_NO_RESPONSE
NOTIFY, INDICATE, READ = Characteristic.NOTIFY, Characteristic.INDICATE, Characteristic.READ
BOTH_WAYS = WRITE | NO_RESPONSE | NOTIFY
DEINITED = "Object has been deinitialized and can no longer be used. Create a new object."
NO_LENGTH = "No connection: length cannot be determined"


def served(properties: int = BOTH_WAYS, **options: Any) -> Characteristic:
    return make(Service(UUID(U128)), properties=properties, **{"max_length": 100} | options)


def take(buffer: PacketBuffer) -> bytes:
    """Wait for one packet."""
    target = bytearray(600)
    sizes: list[int] = []
    until(lambda: sizes.append(buffer.readinto(target)) or sizes[-1])
    return bytes(target[: sizes[-1]])


class Ends(NamedTuple):
    server: PacketBuffer
    client: PacketBuffer


@pytest.fixture
def ends(link: Pair) -> Ends:
    local = served()
    server = PacketBuffer(local, buffer_size=8)
    return Ends(server, PacketBuffer(link.remote(local), buffer_size=8))


# --- construction


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (dict(), TypeError, None),
        (dict(buffer_size=0), ValueError, "buffer_size must be >= 1"),
        (dict(buffer_size=1, max_packet_size=0), ValueError, "max_packet_size must be >= 1"),
        (dict(buffer_size=1.0), TypeError, None),
        (dict(buffer_size=1, surplus=1), TypeError, None),
    ],
)
def test_construction_errors(
    peripheral: _bleio.Adapter, options: dict[str, Any], error: Any, message: str | None
) -> None:
    with raises(error, message):
        PacketBuffer(served(), **options)


def test_characteristic_is_checked(peripheral: _bleio.Adapter) -> None:
    with pytest.raises(TypeError):
        PacketBuffer(5, buffer_size=1)
    with pytest.raises(TypeError):
        PacketBuffer(served(), 1)


@pytest.mark.parametrize(
    ("properties", "expected"), [(NOTIFY, 1), (INDICATE, 2), (NOTIFY | INDICATE, 1)]
)
def test_a_client_subscribes_by_itself(link: Pair, properties: int, expected: int) -> None:
    remote = link.remote(served(properties | WRITE))
    (cccd,) = remote.descriptors
    PacketBuffer(remote, buffer_size=1)
    assert cccd.value == bytes([expected, 0])
    remote.set_cccd(notify=bool(expected & 1), indicate=bool(expected & 2))
    PacketBuffer(remote, buffer_size=1)
    assert cccd.value == bytes([expected, 0])


def test_a_client_of_a_lost_link(link: Pair) -> None:
    remote = link.remote(served())
    link.outgoing.disconnect()
    until(lambda: not link.outgoing.connected)
    with raises(_bleio.ConnectionError, "Not connected"):
        PacketBuffer(remote, buffer_size=1)


# --- packets both ways


def test_packets_both_ways(ends: Ends) -> None:
    assert ends.client.write(b"ping") == 4
    assert take(ends.server) == b"ping"
    assert ends.server.write(b"pong") == 4
    assert take(ends.client) == b"pong"
    assert ends.server.readinto(bytearray(100)) == 0


def test_indications(link: Pair) -> None:
    local = served(WRITE | INDICATE)
    server = PacketBuffer(local, buffer_size=2)
    client = PacketBuffer(link.remote(local), buffer_size=2)
    assert server.write(b"indicated") == 9
    assert take(client) == b"indicated"


def test_a_peer_that_enabled_only_indications_gets_them(link: Pair) -> None:
    local = served(NOTIFY | INDICATE)
    server = PacketBuffer(local, buffer_size=2)
    remote = link.remote(local)
    client = PacketBuffer(remote, buffer_size=2)
    remote.set_cccd(indicate=True)
    server.write(b"x")
    assert take(client) == b"x"


@pytest.mark.parametrize("data", ["grüße", bytearray(b"array"), memoryview(b"view")])
def test_any_readable_buffer(ends: Ends, data: Any) -> None:
    octets = data.encode() if isinstance(data, str) else bytes(data)
    assert ends.client.write(data) == len(octets)
    assert take(ends.server) == octets
    assert ends.client.write(data, header=b"h") == len(octets) + 1
    assert take(ends.server) == b"h" + octets


def test_write_checks(ends: Ends, link: Pair) -> None:
    with pytest.raises(TypeError):
        ends.client.write(5)
    with pytest.raises(TypeError):
        ends.client.write(b"", b"header by position")
    room = ends.client.outgoing_packet_length
    with raises(ValueError, "Total data to write is larger than outgoing_packet_length"):
        ends.client.write(bytes(room), header=b"1")
    with raises(ValueError, "Total data to write is larger than outgoing_packet_length"):
        ends.client.write(bytes(room + 1))


def test_direction_is_refused(link: Pair) -> None:
    only_in = PacketBuffer(served(WRITE), buffer_size=1)
    with raises(_bleio.BluetoothError, "Writes not supported on Characteristic"):
        only_in.write(b"x")
    only_out = PacketBuffer(served(NOTIFY), buffer_size=1)
    assert only_out.readinto(bytearray(1)) == 0


def test_readinto_too_short_discards(link: Pair) -> None:
    local = served()
    server = PacketBuffer(local, buffer_size=8)
    remote = link.remote(local)
    remote.value = b"12345"
    until(lambda: local.value == b"12345")
    remote.value = b"next"
    until(lambda: local.value == b"next")
    target = bytearray(b"---")
    with raises(ValueError, "Buffer too short by 2 bytes"):
        server.readinto(target)
    assert target == b"---"
    assert take(server) == b"next"


@pytest.mark.parametrize("target", [b"read-only", 5, "text"])
def test_readinto_needs_a_writable_buffer(ends: Ends, target: Any) -> None:
    with raises(TypeError, "object with buffer protocol required"):
        ends.server.readinto(target)


def test_a_server_write_without_a_peer(peripheral: _bleio.Adapter) -> None:
    server = PacketBuffer(served(), buffer_size=1)
    assert server.write(b"nobody") == 0


def test_many_packets_keep_count_and_order(ends: Ends) -> None:
    received: list[bytes] = []
    for i in range(60):
        assert ends.client.write(b"%03d" % i) == 3
        until(lambda: received.append(take(ends.server)) or True)
    assert b"".join(received) == b"".join(b"%03d" % i for i in range(60))


def test_merged_writes_keep_one_header(ends: Ends) -> None:
    header, total = b"H", 0
    for _ in range(40):
        total += ends.client.write(b"abcd", header=header)
    packets: list[bytes] = []
    until(lambda: packets.append(take(ends.server)) or sum(map(len, packets)) == total)
    assert all(packet[:1] == header for packet in packets)
    assert b"".join(packet[1:] for packet in packets) == b"abcd" * 40


# --- queue


def test_oldest_packets_are_dropped(link: Pair) -> None:
    local = served(WRITE, max_length=10)
    server = PacketBuffer(local, buffer_size=2)  # room for 2 x (2 + 10) octets
    remote = link.remote(local)
    for i in range(5):
        remote.value = bytes([i]) * 10
    assert take(server) == b"\x03" * 10
    assert take(server) == b"\x04" * 10
    assert server.readinto(bytearray(10)) == 0


def test_short_packets_may_exceed_buffer_size_in_number(link: Pair) -> None:
    local = served(WRITE, max_length=10)
    server = PacketBuffer(local, buffer_size=2)
    remote = link.remote(local)
    for i in range(8):
        remote.value = bytes([i])
    assert [take(server) for _ in range(8)] == [bytes([i]) for i in range(8)]


def test_a_packet_bigger_than_the_ring_is_dropped(link: Pair) -> None:
    local = served(WRITE, max_length=100)
    server = PacketBuffer(local, buffer_size=1, max_packet_size=10)
    remote = link.remote(local)
    remote.value = bytes(50)
    remote.value = b"fits"
    assert take(server) == b"fits"


def test_readable_after_disconnect(ends: Ends, link: Pair) -> None:
    ends.server.write(b"kept")
    until(lambda: True)
    ends.client.write(b"for the server")
    packet = take(ends.server)
    assert packet == b"for the server"
    link.outgoing.disconnect()
    until(lambda: not link.outgoing.connected)
    assert take(ends.client) == b"kept"
    assert ends.client.readinto(bytearray(10)) == 0
    assert ends.client.write(b"lost") == 0


# --- lengths


def test_lengths_of_a_local_notifier(central: _bleio.Adapter, peripheral: _bleio.Adapter) -> None:
    local = served(BOTH_WAYS, max_length=512)
    server = PacketBuffer(local, buffer_size=1)
    assert server.incoming_packet_length == 512
    assert server.outgoing_packet_length == 509
    link = connect(central, peripheral)
    PacketBuffer(link.remote(local), buffer_size=1)
    room = link.incoming.max_packet_length
    until(lambda: server.outgoing_packet_length == min(room, 509))
    small = PacketBuffer(served(BOTH_WAYS, max_length=30), buffer_size=1, max_packet_size=10)
    assert (small.incoming_packet_length, small.outgoing_packet_length) == (30, 10)


def test_lengths_of_a_local_receiver(peripheral: _bleio.Adapter) -> None:
    server = PacketBuffer(served(WRITE, max_length=30), buffer_size=1)
    assert (server.incoming_packet_length, server.outgoing_packet_length) == (30, 30)
    assert server.packet_size == 30


def test_lengths_of_a_remote_one(link: Pair) -> None:
    room = link.outgoing.max_packet_length
    remote = link.remote(served())
    default = PacketBuffer(remote, buffer_size=1)
    assert (default.incoming_packet_length, default.outgoing_packet_length) == (room, 20)
    assert default.packet_size == room
    wide = PacketBuffer(remote, buffer_size=1, max_packet_size=512)
    assert wide.outgoing_packet_length == min(room, 512)
    link.outgoing.disconnect()
    until(lambda: not link.outgoing.connected)
    with raises(ValueError, NO_LENGTH):
        _ = wide.incoming_packet_length
    with raises(ValueError, NO_LENGTH):
        _ = wide.packet_size
    assert wide.outgoing_packet_length == 20


def test_lengths_of_a_remote_receiver(link: Pair) -> None:
    remote = PacketBuffer(link.remote(served(WRITE)), buffer_size=1)
    assert remote.incoming_packet_length == 20
    link.outgoing.disconnect()
    until(lambda: not link.outgoing.connected)
    assert remote.incoming_packet_length == 20


def test_deinit(ends: Ends) -> None:
    for end in ends:
        end.deinit()
        end.deinit()
        with raises(ValueError, DEINITED):
            end.write(b"x")
        with raises(ValueError, DEINITED):
            end.readinto(bytearray(1))
        for name in ("incoming_packet_length", "outgoing_packet_length", "packet_size"):
            with raises(ValueError, NO_LENGTH):
                getattr(end, name)


def test_deinit_does_not_unsubscribe(link: Pair) -> None:
    remote = link.remote(served())
    PacketBuffer(remote, buffer_size=1).deinit()
    assert remote.descriptors[0].value == b"\x01\0"


# --- which peer a server talks to


@pytest.fixture
def two(central: _bleio.Adapter, peripheral: _bleio.Adapter) -> Any:
    other = _bleio.Adapter("virtual")
    yield connect(central, peripheral), connect(other, peripheral)
    other.enabled = False


def test_a_later_subscriber_does_not_displace_a_subscribed_one(two: tuple[Pair, Pair]) -> None:
    local = served()
    server = PacketBuffer(local, buffer_size=8)
    first = PacketBuffer(two[0].remote(local), buffer_size=8)
    second = PacketBuffer(two[1].remote(local), buffer_size=8)
    server.write(b"for the first")
    assert take(first) == b"for the first"
    assert second.readinto(bytearray(20)) == 0
    second.write(b"ignored")
    until(lambda: local.value == b"ignored")  # others' writes still set the value
    first.write(b"heard")
    assert take(server) == b"heard"


def test_a_subscriber_displaces_a_mere_writer(two: tuple[Pair, Pair]) -> None:
    local = served()
    server = PacketBuffer(local, buffer_size=8)
    writer = two[0].remote(local)
    writer.value = b"first"
    assert take(server) == b"first"
    assert server.write(b"accepted and discarded") == 22
    subscriber = PacketBuffer(two[1].remote(local), buffer_size=8)
    server.write(b"yours")
    assert take(subscriber) == b"yours"
    writer.value = b"ignored now"
    until(lambda: local.value == b"ignored now")
    assert server.readinto(bytearray(20)) == 0


@pytest.mark.parametrize("how", ["disconnect", "unsubscribe"])
def test_the_next_client_is_served(two: tuple[Pair, Pair], how: str) -> None:
    local = served()
    server = PacketBuffer(local, buffer_size=8)
    remote = two[0].remote(local)
    PacketBuffer(remote, buffer_size=8)
    if how == "disconnect":
        two[0].outgoing.disconnect()
        until(lambda: not two[0].incoming.connected)
    else:
        remote.set_cccd()
    second = PacketBuffer(two[1].remote(local), buffer_size=8)
    assert server.write(b"now you") == 7
    assert take(second) == b"now you"


def test_link_loss_ends_a_blocked_write(link: Pair) -> None:
    local = served(WRITE | INDICATE)
    server = PacketBuffer(local, buffer_size=8)
    PacketBuffer(link.remote(local), buffer_size=8)
    last: list[int] = []

    def flood() -> None:
        while not last or last[-1]:
            last.append(server.write(bytes(server.outgoing_packet_length)))

    writer = threading.Thread(target=flood)
    writer.start()
    until(lambda: len(last) > 3)
    link.outgoing.disconnect()
    writer.join(DEADLINE_S)
    assert not writer.is_alive()
    assert last[-1] == 0
