"""CharacteristicBuffer: waiting, dropping, ending."""

from __future__ import annotations

import gc
import os
import signal
import threading
from typing import Any

import pytest

from bleio.api import Characteristic, CharacteristicBuffer, Service
from bleio.core.codes import Properties
from bleio.errors import ConnectionError
from support.api_bench import Bench, InThread, PlayedLink, raises, until
from unit.api.test_local import add

LONG_S = 30.0
SHORT_S = 0.02


@pytest.fixture
def local(service: Service) -> Characteristic:
    return add(service, properties=Characteristic.WRITE, max_length=512)


@pytest.fixture
def client(bench: Bench) -> PlayedLink:
    return bench.connect()


@pytest.fixture
def feed(bench: Bench, client: PlayedLink, local: Characteristic) -> Any:
    return lambda octets: bench.client_writes(client, local._end.model, octets)


def test_surplus_new_octets_are_dropped_and_counted(local: Characteristic, feed: Any) -> None:
    buffer = CharacteristicBuffer(local, timeout=0, buffer_size=4)
    feed(b"abc")
    feed(b"def")
    feed(b"g")
    assert (buffer.in_waiting, buffer._fifo._counted["buffers.dropped_octets"]) == (4, 3)
    assert buffer.read(9) == b"abcd"


def test_read_returns_when_complete(local: Characteristic, feed: Any) -> None:
    buffer = CharacteristicBuffer(local, timeout=LONG_S)
    reading = InThread(lambda: buffer.read(4))
    feed(b"ab")
    feed(b"cde")
    assert reading.join() == b"abcd"
    assert buffer.in_waiting == 1


def test_more_than_the_capacity_is_read_in_steps(local: Characteristic, feed: Any) -> None:
    buffer = CharacteristicBuffer(local, timeout=LONG_S, buffer_size=2)
    reading = InThread(lambda: buffer.read(4))
    feed(b"ab")
    until(lambda: not buffer.in_waiting)
    feed(b"cd")
    assert reading.join() == b"abcd"


@pytest.mark.parametrize("count", [None, -1])
def test_all_until_silence(local: Characteristic, feed: Any, count: Any) -> None:
    buffer = CharacteristicBuffer(local, timeout=SHORT_S)
    feed(b"abc")
    assert buffer.read(count) == b"abc"
    assert buffer.read(count) == b""


def test_a_partial_result_after_silence(local: Characteristic, feed: Any) -> None:
    buffer = CharacteristicBuffer(local, timeout=SHORT_S)
    feed(b"ab")
    assert buffer.read(3) == b"ab"
    feed(b"no newline")
    assert buffer.readline() == b"no newline"


def test_zero_octets_at_once(local: Characteristic, feed: Any) -> None:
    buffer = CharacteristicBuffer(local, timeout=LONG_S)
    feed(b"a")
    assert (buffer.read(0), buffer.readinto(bytearray(0)), buffer.in_waiting) == (b"", 0, 1)


@pytest.mark.parametrize("count", [1.0, "1", b"1"])
def test_count_must_be_an_int(local: Characteristic, count: Any) -> None:
    buffer = CharacteristicBuffer(local, timeout=0)
    with pytest.raises(TypeError):
        buffer.read(count)
    with pytest.raises(TypeError):
        buffer.readinto(bytearray(1), count)


def test_lines_end_at_an_empty_one(local: Characteristic, feed: Any) -> None:
    buffer = CharacteristicBuffer(local, timeout=0)
    feed(b"a\n\nb")
    assert list(buffer) == [b"a\n", b"\n", b"b"]


def test_a_line_comes_in_parts(local: Characteristic, feed: Any) -> None:
    buffer = CharacteristicBuffer(local, timeout=LONG_S)
    reading = InThread(buffer.readline)
    feed(b"li")
    until(lambda: not buffer.in_waiting)
    feed(b"ne\nnext\nlast")
    assert reading.join() == b"line\n"
    assert buffer.readline() == b"next\n"
    assert buffer.in_waiting == 4


@pytest.mark.parametrize(
    ("limits", "lines"),
    [
        ((2, 2, 2, 2), [b"ab", b"c\n", b"de", b"f"]),
        ((4, 9), [b"abc\n", b"def"]),
        ((3, 1, None), [b"abc", b"\n", b"def"]),
        ((0, -1, -7), [b"", b"abc\n", b"def"]),
    ],
)
def test_a_line_may_have_a_limit(
    local: Characteristic, feed: Any, limits: tuple[int | None, ...], lines: list[bytes]
) -> None:
    buffer = CharacteristicBuffer(local, timeout=0)
    feed(b"abc\ndef")
    assert [buffer.readline(limit) for limit in limits] == lines


def test_a_limited_line_that_comes_in_parts(local: Characteristic, feed: Any) -> None:
    buffer = CharacteristicBuffer(local, timeout=LONG_S)
    reading = InThread(lambda: buffer.readline(3))
    feed(b"ab")
    until(lambda: not buffer.in_waiting)
    feed(b"cd")
    assert reading.join() == b"abc"
    assert buffer.in_waiting == 1
    with raises(TypeError, "limit must be of type int, not float"):
        buffer.readline(1.0)  # type: ignore[arg-type]


def test_remote_buffer(bench: Bench, client: PlayedLink) -> None:
    remote = bench.remote(client, Properties.NOTIFY)
    buffer = CharacteristicBuffer(remote, timeout=LONG_S)
    assert client.log == []  # the CCCD is the program's
    bench.notify(client, 3, b"abc")
    assert buffer.read(2) == b"ab"
    bench.drop(client)
    assert buffer.in_waiting == 1
    for use in (
        lambda: buffer.read(1),
        lambda: buffer.readinto(bytearray(1)),
        buffer.readline,
        lambda: next(buffer),
    ):
        with raises(ConnectionError, "Not connected"):
            use()
    buffer.reset_input_buffer()
    with raises(ConnectionError, "Not connected"):
        _ = buffer.in_waiting


@pytest.mark.parametrize("came", [b"", b"the last words"])
@pytest.mark.parametrize("method", ["read", "readinto", "readline"])
def test_link_loss_gives_a_waiting_reader_what_came(
    bench: Bench, client: PlayedLink, method: str, came: bytes
) -> None:
    buffer = CharacteristicBuffer(bench.remote(client, Properties.NOTIFY), timeout=LONG_S)
    target = bytearray(64)
    calls: dict[str, Any] = {
        "read": lambda: buffer.read(64),
        "readinto": lambda: bytes(target[: buffer.readinto(target)]),
        "readline": buffer.readline,
    }
    reading = InThread(calls[method])
    until(lambda: buffer._fifo._condition._waiters)
    bench.notify(client, 3, came)
    bench.drop(client)
    assert reading.join() == came
    with raises(ConnectionError, "Not connected"):
        calls[method]()


def test_a_line_that_comes_with_the_end_of_the_link(bench: Bench, client: PlayedLink) -> None:
    buffer = CharacteristicBuffer(bench.remote(client, Properties.NOTIFY), timeout=LONG_S)
    reading = InThread(buffer.readline)
    until(lambda: buffer._fifo._condition._waiters)

    def end() -> None:  # in one step of the engine, so the reader wakes after all of it
        for value in (b"go", b"od", b"bye\nnot read"):
            for listener in tuple(client.listeners[3]):
                listener.notified(value)
        bench._drop(client)

    bench.session.engine.run(end)
    assert reading.join() == b"goodbye\n"
    with raises(ConnectionError, "Not connected"):
        buffer.readline()


def test_iteration_ends_with_the_link(bench: Bench, client: PlayedLink) -> None:
    buffer = CharacteristicBuffer(bench.remote(client, Properties.NOTIFY), timeout=LONG_S)
    bench.notify(client, 3, b"one\ntwo\n")
    reading = InThread(lambda: list(buffer))
    until(lambda: buffer._fifo._condition._waiters)
    bench.drop(client)
    assert reading.join() == [b"one\n", b"two\n"]


def test_a_reader_that_wakes_finds_its_link_in_no_list(bench: Bench, client: PlayedLink) -> None:
    """The listeners are told before the adapter is, and the program may be awake in between."""
    buffer = CharacteristicBuffer(bench.remote(client, Properties.NOTIFY), timeout=LONG_S)
    reading = InThread(lambda: (buffer.readline(), bench.session.gap.connections.objects))
    until(lambda: buffer._fifo._condition._waiters)
    seen: list[Any] = []

    def end() -> None:
        client.connected = False
        for listener in tuple(client.listeners[3]):
            listener.link_closed()
        seen.append(reading.join())

    bench.session.engine.run(end)
    assert seen == [(b"", ())]


@pytest.mark.parametrize(
    ("sent", "heard"),
    [
        ("na ia nb ib", b"ab"),
        ("na nb nc ia ib ic", b"abc"),
        ("na ia na ia", b"aa"),
        ("na na ia ia", b"aa"),
        ("ia ib", b"ab"),
        ("na nb ib ic", b"abc"),
    ],
)
def test_each_value_once_from_a_peer_that_notifies_and_indicates(
    bench: Bench, client: PlayedLink, sent: str, heard: bytes
) -> None:
    buffer = CharacteristicBuffer(bench.remote(client, Properties.NOTIFY), timeout=0)
    (listener,) = client.listeners[3]
    for kind, value in sent.split():
        bench.session.engine.run(listener.doubled, value.encode(), kind == "i")
    assert buffer.read() == heard


def test_nothing_wanted_needs_no_link(bench: Bench, client: PlayedLink) -> None:
    buffer = CharacteristicBuffer(bench.remote(client, Properties.NOTIFY), timeout=LONG_S)
    bench.drop(client)
    assert (buffer.read(0), buffer.readinto(bytearray())) == (b"", 0)


def test_deinit_wakes_a_reader(local: Characteristic) -> None:
    buffer = CharacteristicBuffer(local, timeout=LONG_S)
    reading = InThread(lambda: buffer.read(1))
    until(lambda: buffer._fifo._condition._waiters)
    buffer.deinit()
    assert reading.join() == b""


def test_ctrl_c_ends_a_read(local: Characteristic) -> None:
    buffer = CharacteristicBuffer(local, timeout=LONG_S)
    timer = threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        buffer.read(1)
    timer.join()


def test_a_deinitialized_characteristic_feeds_nothing(local: Characteristic) -> None:
    local.deinit()
    with pytest.raises(ValueError, match="deinitialized"):
        CharacteristicBuffer(local)


@pytest.mark.parametrize("in_a_cycle", [False, True])
def test_a_dropped_local_buffer_stops_listening(local: Characteristic, in_a_cycle: bool) -> None:
    buffer: Any = CharacteristicBuffer(local)
    if in_a_cycle:
        buffer.itself = buffer
    assert len(local._end.model.listeners) == 1
    del buffer
    gc.collect()
    kept = CharacteristicBuffer(local)  # whoever listens next clears up
    assert len(local._end.model.listeners) == 1
    kept.deinit()
    until(lambda: not local._end.model.listeners)


def test_a_dropped_remote_buffer_stops_listening(bench: Bench, client: PlayedLink) -> None:
    remote = bench.remote(client, Properties.NOTIFY)
    buffers = [CharacteristicBuffer(remote) for _ in range(3)]
    assert len(client.listeners[3]) == 3
    buffers.clear()
    gc.collect()
    CharacteristicBuffer(remote).deinit()
    until(lambda: client.listeners[3] == [])
