"""Catalogue 3.6 and 4.6: CharacteristicBuffer."""

from __future__ import annotations

import array
import threading
import time
from typing import Any

import _bleio
import pytest
from _bleio import UUID, Characteristic, CharacteristicBuffer, Service

from support.pair import DEADLINE_S, U128, Pair, make, raises, until

DEINITED = "Object has been deinitialized and can no longer be used. Create a new object."


@pytest.fixture
def local(peripheral: _bleio.Adapter) -> Characteristic:
    properties = Characteristic.WRITE | Characteristic.NOTIFY | Characteristic.INDICATE
    return make(Service(UUID(U128)), properties=properties, max_length=512)


@pytest.fixture
def feed(link: Pair, local: Characteristic) -> Any:
    """Write from the client; returns when the server has the value."""
    remote = link.remote(local)

    def write(data: bytes) -> None:
        remote.value = data

    return write


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (dict(timeout="1"), TypeError, None),
        (dict(timeout=-1), ValueError, "timeout must be >= 0"),
        (dict(buffer_size=0), ValueError, "buffer_size must be >= 1"),
        (dict(buffer_size=1.5), TypeError, None),
    ],
)
def test_construction_errors(
    local: Characteristic, options: dict[str, Any], error: Any, message: str | None
) -> None:
    with raises(error, message):
        CharacteristicBuffer(local, **options)


def test_characteristic_is_checked(local: Characteristic) -> None:
    with pytest.raises(TypeError):
        CharacteristicBuffer(local.service)
    with pytest.raises(TypeError):
        CharacteristicBuffer(local, 1)


def test_bytes_in_order(local: Characteristic, feed: Any) -> None:
    buffer = CharacteristicBuffer(local, timeout=0)
    assert buffer.in_waiting == 0
    feed(b"abc")
    feed(b"def")
    assert buffer.in_waiting == 6
    assert buffer.read(4) == b"abcd"
    assert buffer.in_waiting == 2
    assert buffer.read(None) == b"ef"
    assert (buffer.read(), buffer.read(-1), buffer.read(0)) == (b"", b"", b"")


def test_timeout_gives_what_there_is(local: Characteristic, feed: Any) -> None:
    buffer = CharacteristicBuffer(local, timeout=0.1)
    start = time.monotonic()
    result = buffer.read(3)
    assert (type(result), result) == (bytes, b"")
    assert 0.09 <= time.monotonic() - start < DEADLINE_S
    feed(b"x")
    assert buffer.read(3) == b"x"


def test_read_waits_for_more(local: Characteristic, feed: Any) -> None:
    buffer = CharacteristicBuffer(local, timeout=DEADLINE_S)
    got: list[bytes] = []
    reader = threading.Thread(target=lambda: got.append(buffer.read(4)))
    reader.start()
    feed(b"ab")
    feed(b"cd")
    reader.join(DEADLINE_S)
    assert got == [b"abcd"]


def test_surplus_new_bytes_are_dropped(local: Characteristic, feed: Any) -> None:
    buffer = CharacteristicBuffer(local, buffer_size=4, timeout=0)
    feed(b"abc")
    feed(b"def")
    assert buffer.in_waiting == 4
    assert buffer.read() == b"abcd"
    feed(b"ghi")
    assert buffer.read() == b"ghi"


@pytest.mark.parametrize(
    ("target", "nbytes", "expected"),
    [
        (bytearray(10), None, 6),
        (bytearray(4), None, 4),
        (bytearray(10), 3, 3),
        (bytearray(2), 5, 2),
        (memoryview(bytearray(10))[2:5], None, 3),
        (array.array("B", bytes(3)), None, 3),
    ],
)
def test_readinto(
    local: Characteristic, feed: Any, target: Any, nbytes: int | None, expected: int
) -> None:
    buffer = CharacteristicBuffer(local, timeout=0)
    feed(b"abcdef")
    count = buffer.readinto(target) if nbytes is None else buffer.readinto(target, nbytes)
    assert count == expected
    assert bytes(target)[:count] == b"abcdef"[:count]


def test_readinto_takes_none_and_gives_0_on_timeout(local: Characteristic) -> None:
    assert CharacteristicBuffer(local, timeout=0).readinto(bytearray(3), None) == 0


@pytest.mark.parametrize("target", [b"read-only", "text", 5, None])
def test_readinto_needs_a_writable_buffer(local: Characteristic, target: Any) -> None:
    with raises(TypeError, "object with buffer protocol required"):
        CharacteristicBuffer(local, timeout=0).readinto(target)


def test_lines(local: Characteristic, feed: Any) -> None:
    buffer = CharacteristicBuffer(local, timeout=0)
    feed(b"one\ntwo\nrest")
    assert buffer.readline() == b"one\n"
    assert list(buffer) == [b"two\n", b"rest"]
    assert buffer.readline() == b""


def test_reset_input_buffer(local: Characteristic, feed: Any) -> None:
    buffer = CharacteristicBuffer(local, timeout=0)
    feed(b"abc")
    assert buffer.reset_input_buffer() is None
    assert buffer.in_waiting == 0


def test_deinit(local: Characteristic, feed: Any) -> None:
    buffer = CharacteristicBuffer(local, timeout=0)
    buffer.deinit()
    buffer.deinit()
    feed(b"unheard")
    for use in (
        lambda: buffer.in_waiting,
        lambda: buffer.read(1),
        lambda: buffer.readinto(bytearray(1)),
        lambda: buffer.readline(),
        lambda: buffer.reset_input_buffer(),
        lambda: next(buffer),
    ):
        with raises(ValueError, DEINITED):
            use()


def test_several_buffers_all_get_the_data(local: Characteristic, feed: Any) -> None:
    buffers = [CharacteristicBuffer(local, timeout=0) for _ in range(3)]
    feed(b"all")
    assert [buffer.read() for buffer in buffers] == [b"all"] * 3


def test_local_buffers_count_as_connected(local: Characteristic) -> None:
    buffer = CharacteristicBuffer(local, timeout=0)
    assert (buffer.in_waiting, buffer.read(1), buffer.readline()) == (0, b"", b"")


@pytest.mark.parametrize("kind", ["notify", "indicate"])
def test_remote_buffer_takes_both_kinds(link: Pair, local: Characteristic, kind: str) -> None:
    remote = link.remote(local)
    buffer = CharacteristicBuffer(remote, timeout=DEADLINE_S)
    (cccd,) = remote.descriptors
    assert cccd.value == b"\0\0"  # the buffer leaves the CCCD alone
    remote.set_cccd(**{kind: True})
    local.value = b"hello"
    assert buffer.read(5) == b"hello"


def test_remote_buffer_hears_once_what_is_notified_and_indicated(
    link: Pair, local: Characteristic
) -> None:
    remote = link.remote(local)
    buffer = CharacteristicBuffer(remote, timeout=0)
    for configure in (
        lambda: remote.set_cccd(notify=True, indicate=True),
        lambda: setattr(remote.descriptors[0], "value", b"\x03\0"),
    ):
        configure()
        for value in (b"ab", b"cd", b"cd"):  # set returns when the indication is confirmed
            local.value = value
        until(lambda: buffer.in_waiting == 6)
        assert buffer.read() == b"abcdcd"


def test_disconnected_remote_buffer(link: Pair, local: Characteristic) -> None:
    remote = link.remote(local)
    buffer = CharacteristicBuffer(remote, timeout=0)
    remote.set_cccd(notify=True)
    local.value = b"ab"
    until(lambda: buffer.in_waiting == 2)
    link.incoming.disconnect()
    until(lambda: not link.outgoing.connected)
    assert buffer.in_waiting == 2
    for use in (lambda: buffer.read(1), lambda: buffer.readinto(bytearray(1)), buffer.readline):
        with raises(_bleio.ConnectionError, "Not connected"):
            use()
    assert buffer.reset_input_buffer() is None
    with raises(_bleio.ConnectionError, "Not connected"):
        _ = buffer.in_waiting


def test_link_loss_wakes_a_reader_and_the_next_call_raises(
    link: Pair, local: Characteristic
) -> None:
    buffer = CharacteristicBuffer(link.remote(local), timeout=60)
    got: list[bytes] = []
    reader = threading.Thread(target=lambda: got.append(buffer.read(1)))
    reader.start()
    until(lambda: buffer._fifo._condition._waiters)
    link.incoming.disconnect()
    reader.join(DEADLINE_S)
    assert got == [b""]
    with raises(_bleio.ConnectionError, "Not connected"):
        buffer.read(1)


@pytest.mark.parametrize("by", ["connection", "adapter"])
def test_the_usual_loop_ends_by_itself_with_all_lines(
    central: _bleio.Adapter, link: Pair, local: Characteristic, by: str
) -> None:
    remote = link.remote(local)
    buffer = CharacteristicBuffer(remote, timeout=60)
    remote.set_cccd(notify=True)
    lines: list[bytes] = []
    errors: list[BaseException] = []

    def read() -> None:
        end = link.outgoing if by == "connection" else central
        try:
            while end.connected:
                lines.append(buffer.readline())
        except _bleio.ConnectionError as error:
            errors.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    until(lambda: buffer._fifo._condition._waiters)
    local.value = b"last line\n"
    link.incoming.disconnect()
    reader.join(DEADLINE_S)
    assert (errors, b"".join(lines)) == ([], b"last line\n")


def test_a_program_may_spin(local: Characteristic, feed: Any) -> None:
    buffer = CharacteristicBuffer(local, timeout=0)
    writer = threading.Thread(target=feed, args=(b"x",))
    writer.start()
    while not buffer.in_waiting:
        pass
    writer.join(DEADLINE_S)
    assert buffer.read(1) == b"x"
