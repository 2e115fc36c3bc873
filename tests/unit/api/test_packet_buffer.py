"""PacketBuffer: queue, merging, lengths, and which peer a server talks to."""

from __future__ import annotations

import gc
from typing import Any

import pytest

from bleio.api import Characteristic, PacketBuffer, Service
from bleio.core.codes import Properties
from bleio.errors import AttError, BluetoothError, ConnectionError
from support.api_bench import Bench, InThread, PlayedLink, raises, until
from unit.api.test_local import add

WRITE, NOTIFY, INDICATE = Characteristic.WRITE, Characteristic.NOTIFY, Characteristic.INDICATE
BOTH = WRITE | NOTIFY
NO_LENGTH = "No connection: length cannot be determined"


def take(buffer: PacketBuffer) -> bytes:
    target = bytearray(600)
    return bytes(target[: buffer.readinto(target)])


def sent(link: PlayedLink) -> list[bytes]:
    return [entry[-1] for entry in link.log]


class Server:
    """A local characteristic with a packet buffer."""

    def __init__(self, bench: Bench, service: Service, properties: int = BOTH, **options: Any):
        self.bench = bench
        self.characteristic = add(service, properties=properties, max_length=100)
        self.model: Any = self.characteristic._end.model
        self.buffer = PacketBuffer(self.characteristic, **{"buffer_size": 8} | options)

    def write(self, link: PlayedLink, value: bytes) -> None:
        self.bench.client_writes(link, self.model, value)

    def subscribe(self, link: PlayedLink, notify: bool = True, indicate: bool = False) -> None:
        self.bench.subscribe(link, self.model, notify, indicate)


@pytest.fixture
def server(bench: Bench, service: Service) -> Server:
    return Server(bench, service)


@pytest.fixture
def first(bench: Bench) -> PlayedLink:
    return bench.connect()


@pytest.fixture
def second(bench: Bench, first: PlayedLink) -> PlayedLink:
    return bench.connect()


# --- which peer


def test_nobody_is_served(server: Server, first: PlayedLink) -> None:
    assert server.buffer.write(b"x") == 0
    assert first.log == []


def test_the_first_writer_is_adopted(server: Server, first: PlayedLink, second: PlayedLink) -> None:
    server.write(first, b"one")
    server.write(second, b"ignored")
    assert server.characteristic.value == b"ignored"
    assert (take(server.buffer), take(server.buffer)) == (b"one", b"")


def test_a_writer_that_did_not_subscribe_gets_nothing(server: Server, first: PlayedLink) -> None:
    server.write(first, b"hello")
    for _ in range(5):
        assert server.buffer.write(b"abc", header=b"h") in (3, 4)
    until(lambda: not server.buffer._end.writer._sending)
    assert first.log == []


def test_a_subscriber_displaces_a_writer_but_no_subscriber(
    server: Server, first: PlayedLink, second: PlayedLink, bench: Bench
) -> None:
    server.write(first, b"hello")
    server.subscribe(second)
    third = bench.connect()
    server.subscribe(third)
    assert server.buffer.write(b"yours") == 5
    until(lambda: second.log)
    server.write(first, b"ignored")
    server.write(second, b"heard")
    assert (first.log, third.log) == ([], [])
    assert (take(server.buffer), take(server.buffer), take(server.buffer)) == (
        b"hello",
        b"heard",
        b"",
    )


@pytest.mark.parametrize("end", ["disconnect", "unsubscribe"])
def test_a_waiting_subscriber_is_next(
    server: Server, bench: Bench, first: PlayedLink, second: PlayedLink, end: str
) -> None:
    server.subscribe(first)
    server.subscribe(second)
    if end == "disconnect":
        bench.drop(first)
    else:
        server.subscribe(first, notify=False)
    assert server.buffer.write(b"now you") == 7
    until(lambda: second.log == [("notify", b"now you")])
    assert first.log == []


@pytest.mark.parametrize("end", ["disconnect", "unsubscribe"])
def test_without_another_nobody_is_served(
    server: Server, bench: Bench, first: PlayedLink, end: str
) -> None:
    server.subscribe(first)
    if end == "disconnect":
        bench.drop(first)
    else:
        server.subscribe(first, notify=False)
    assert server.buffer.write(b"x") == 0


def test_one_that_subscribed_before_the_buffer_was_made(
    bench: Bench, server: Server, first: PlayedLink
) -> None:
    server.subscribe(first)
    late = PacketBuffer(server.characteristic, buffer_size=1)
    assert late.write(b"x") == 1
    until(lambda: first.log)


@pytest.mark.parametrize(
    ("notify", "indicate", "how"),
    [(True, False, "notify"), (False, True, "indicate"), (True, True, "notify")],
)
def test_notify_is_preferred(
    bench: Bench, service: Service, first: PlayedLink, notify: bool, indicate: bool, how: str
) -> None:
    server = Server(bench, service, WRITE | NOTIFY | INDICATE)
    server.subscribe(first, notify, indicate)
    server.buffer.write(b"x")
    until(lambda: first.log == [(how, b"x")])


# --- one in flight, one pending


@pytest.fixture
def busy(bench: Bench, server: Server, first: PlayedLink) -> PlayedLink:
    """A peer to which one packet is on its way and nothing more goes."""
    server.subscribe(first)
    bench.hold(first)
    assert server.buffer.write(b"0", header=b"H") == 2
    until(lambda: first.waiting)
    return first


def test_what_comes_meanwhile_shares_a_packet(
    server: Server, bench: Bench, busy: PlayedLink
) -> None:
    assert server.buffer.write(b"abc", header=b"H") == 4
    assert server.buffer.write(b"def", header=b"H") == 3
    assert server.buffer.write("ä") == 2
    bench.release(busy)
    until(lambda: sent(busy) == [b"H0", b"Habcdef\xc3\xa4"])


def test_a_write_that_does_not_fit_waits_and_begins_anew(
    server: Server, bench: Bench, busy: PlayedLink
) -> None:
    assert server.buffer.outgoing_packet_length == 20
    assert server.buffer.write(bytes(15), header=b"H") == 16
    writing = InThread(lambda: server.buffer.write(b"next!", header=b"H"))
    assert writing.running
    bench.release(busy)
    assert writing.join() == 6
    until(lambda: sent(busy) == [b"H0", b"H" + bytes(15), b"Hnext!"])


def test_data_alone_may_fill_the_packet(server: Server, bench: Bench, busy: PlayedLink) -> None:
    server.buffer.write(bytes(15), header=b"H")
    assert server.buffer.write(b"4444", header=b"H") == 4
    bench.release(busy)
    until(lambda: sent(busy)[1:] == [b"H" + bytes(15) + b"4444"])


def test_link_loss_ends_a_blocked_write_and_clears_what_waits(
    server: Server, bench: Bench, busy: PlayedLink, second: PlayedLink
) -> None:
    server.buffer.write(bytes(20))
    writing = InThread(lambda: server.buffer.write(bytes(20)))
    bench.drop(busy)
    assert writing.join() == 0
    server.subscribe(second)
    server.buffer.write(b"fresh")
    until(lambda: sent(second) == [b"fresh"])


def test_what_was_for_one_peer_does_not_go_to_the_next(
    server: Server, bench: Bench, busy: PlayedLink, second: PlayedLink
) -> None:
    server.subscribe(second)
    server.buffer.write(bytes(20))
    bench.drop(busy)
    server.buffer.write(b"fresh")
    until(lambda: sent(second)[-1:] == [b"fresh"])
    assert sent(second) == [b"fresh"]


def test_a_confirmation_that_never_comes_holds_up_no_other_peer(
    bench: Bench, service: Service, first: PlayedLink, second: PlayedLink
) -> None:
    server = Server(bench, service, INDICATE)
    server.subscribe(first, notify=False, indicate=True)
    server.subscribe(second, notify=False, indicate=True)
    bench.hold(first)
    server.buffer.write(b"unconfirmed")
    until(lambda: first.waiting)
    server.buffer.write(bytes(20))
    blocked = InThread(lambda: server.buffer.write(b"for the first"))
    until(lambda: server.buffer._end.writer._condition._waiters)
    server.subscribe(first, notify=False)
    assert blocked.join() == 0
    assert server.buffer.write(b"for the second") == 14
    until(lambda: sent(second) == [b"for the second"])
    bench.release(first)


def test_nothing_is_sent_for_nothing(server: Server, first: PlayedLink) -> None:
    server.subscribe(first)
    assert server.buffer.write(b"") == 0
    assert server.buffer.write(b"x") == 1
    until(lambda: sent(first) == [b"x"])


def test_a_refused_write_is_silent(bench: Bench, first: PlayedLink) -> None:
    buffer = PacketBuffer(bench.remote(first, Properties.WRITE), buffer_size=1)
    first.failing["write"] = AttError(0x0E)
    assert buffer.write(b"refused") == 7
    until(lambda: buffer._end.writer._counted["buffers.failed_packets"] == 1)
    del first.failing["write"]
    assert buffer.write(b"accepted") == 8
    until(lambda: sent(first) == [b"refused", b"accepted"])


def test_too_long_or_without_direction(
    bench: Bench, service: Service, server: Server, first: PlayedLink
) -> None:
    server.subscribe(first)
    text = "Total data to write is larger than outgoing_packet_length"
    with raises(ValueError, text):
        server.buffer.write(bytes(21))
    with raises(ValueError, text):
        server.buffer.write(bytes(20), header="h")
    assert server.buffer.write(bytes(19), header="h") == 20
    only_in = Server(bench, service, WRITE).buffer
    with raises(BluetoothError, "Writes not supported on Characteristic"):
        only_in.write(b"x")
    only_out = Server(bench, service, NOTIFY)
    only_out.write(first, b"not by its properties")
    assert take(only_out.buffer) == b""


# --- the queue


def test_oldest_packets_make_room(bench: Bench, service: Service, first: PlayedLink) -> None:
    server = Server(bench, service, buffer_size=2, max_packet_size=10)  # 24 octets
    for octet in range(9):
        server.write(first, bytes([octet]))  # 3 octets each
    assert take(server.buffer) == b"\x01"
    server.write(first, bytes(23))  # 25: larger than the whole ring
    server.write(first, b"x" * 22)  # 24: all of it
    assert (take(server.buffer), take(server.buffer)) == (b"x" * 22, b"")
    assert server.buffer._end.ring._counted["buffers.dropped_packets"] == 1 + 1 + 7


def test_readinto_is_the_whole_packet_or_nothing(server: Server, first: PlayedLink) -> None:
    server.write(first, b"12345")
    server.write(first, b"next")
    target = bytearray(b"---")
    with raises(ValueError, "Buffer too short by 2 bytes"):
        server.buffer.readinto(target)
    assert target == b"---"
    assert take(server.buffer) == b"next"


def test_a_larger_mtu_makes_a_larger_client_ring(bench: Bench, first: PlayedLink) -> None:
    buffer = PacketBuffer(bench.remote(first, Properties.NOTIFY), buffer_size=1)
    first.mtu = 247
    bench.notify(first, 3, bytes(range(244)))
    assert take(buffer) == bytes(range(244))


# --- the client


@pytest.mark.parametrize(
    ("properties", "octets"),
    [
        (Properties.NOTIFY, b"\1\0"),
        (Properties.INDICATE, b"\2\0"),
        (Properties.NOTIFY | Properties.INDICATE, b"\1\0"),
    ],
)
def test_a_client_subscribes(
    bench: Bench, first: PlayedLink, properties: Properties, octets: bytes
) -> None:
    PacketBuffer(bench.remote(first, properties), buffer_size=1)
    assert first.log == [("write", 4, octets)]


def test_a_failed_subscription_leaves_nothing_behind(bench: Bench, first: PlayedLink) -> None:
    remote = bench.remote(first, Properties.NOTIFY, cccd=False)
    with raises(BluetoothError, "No CCCD for this Characteristic"):
        PacketBuffer(remote, buffer_size=1)
    until(lambda: not first.listeners[3])


@pytest.mark.parametrize(
    ("properties", "how"),
    [
        (Properties.WRITE, "write"),
        (Properties.WRITE_WITHOUT_RESPONSE, "write_command"),
        (Properties.WRITE | Properties.WRITE_WITHOUT_RESPONSE, "write_command"),
    ],
)
def test_how_a_client_writes(
    bench: Bench, first: PlayedLink, properties: Properties, how: str
) -> None:
    PacketBuffer(bench.remote(first, properties), buffer_size=1).write(b"x")
    until(lambda: first.log == [(how, 3, b"x")])


def test_a_client_after_link_loss(bench: Bench, first: PlayedLink) -> None:
    remote = bench.remote(first, Properties.NOTIFY | Properties.WRITE)
    buffer = PacketBuffer(remote, buffer_size=4, max_packet_size=512)
    bench.notify(first, 3, b"kept")
    bench.drop(first)
    assert take(buffer) == b"kept"
    assert buffer.readinto(bytearray(1)) == 0
    assert buffer.write(bytes(100)) == 0  # more than fits without a link
    with raises(ConnectionError, "Not connected"):
        PacketBuffer(remote, buffer_size=1)


# --- lengths


@pytest.mark.parametrize(
    ("properties", "options", "lengths", "lost"),
    [
        (Properties.NOTIFY, {}, (97, 20), (None, 20)),
        (Properties.INDICATE, dict(max_packet_size=512), (97, 97), (None, 20)),
        (Properties.NOTIFY, dict(max_packet_size=10), (97, 10), (None, 10)),
        (Properties.WRITE, dict(max_packet_size=50), (20, 50), (20, 20)),
    ],
)
def test_remote_lengths(
    bench: Bench, properties: Properties, options: Any, lengths: Any, lost: Any
) -> None:
    link = bench.connect(mtu=100)
    buffer = PacketBuffer(bench.remote(link, properties), buffer_size=1, **options)
    assert (buffer.incoming_packet_length, buffer.outgoing_packet_length) == lengths
    assert buffer.packet_size == lengths[0]
    bench.drop(link)
    assert buffer.outgoing_packet_length == lost[1]
    if lost[0] is None:
        with raises(ValueError, NO_LENGTH):
            _ = buffer.incoming_packet_length
    else:
        assert buffer.incoming_packet_length == lost[0]


@pytest.mark.parametrize(
    ("properties", "options", "alone", "with_peer"),
    [
        (BOTH, {}, (100, 100), (100, 47)),
        (BOTH, dict(max_packet_size=30), (100, 30), (100, 30)),
        (BOTH, dict(max_packet_size=300), (100, 100), (100, 47)),
        (WRITE, {}, (100, 100), (100, 100)),
        (WRITE, dict(max_packet_size=30), (100, 30), (100, 30)),
    ],
)
def test_local_lengths(
    bench: Bench, service: Service, properties: int, options: Any, alone: Any, with_peer: Any
) -> None:
    server = Server(bench, service, properties, **options)
    buffer = server.buffer
    assert (buffer.incoming_packet_length, buffer.outgoing_packet_length) == alone
    server.write(bench.connect(mtu=50), b"adopted")
    assert (buffer.incoming_packet_length, buffer.outgoing_packet_length) == with_peer


def test_deinit(server: Server, first: PlayedLink) -> None:
    server.write(first, b"x")
    server.buffer.deinit()
    server.buffer.deinit()
    for use in (lambda: server.buffer.readinto(bytearray(9)), lambda: server.buffer.write(b"")):
        with pytest.raises(ValueError, match="deinitialized"):
            use()
    for name in ("packet_size", "incoming_packet_length", "outgoing_packet_length"):
        with raises(ValueError, NO_LENGTH):
            getattr(server.buffer, name)
    until(lambda: not server.model.listeners)


def test_a_dropped_buffer_stops_listening(server: Server) -> None:
    del server.buffer
    gc.collect()
    kept = PacketBuffer(server.characteristic, buffer_size=1)
    assert len(server.model.listeners) == 1
    kept.deinit()


def test_sizes_may_be_numbers_of_another_kind(service: Service) -> None:
    class Four:
        def __index__(self) -> int:
            return 4

    local = add(service, properties=Characteristic.WRITE | Characteristic.NOTIFY)
    four: Any = Four()
    buffer = PacketBuffer(local, buffer_size=four, max_packet_size=four)
    assert buffer.outgoing_packet_length == 4
