"""Values that come, and those that come although they were read."""

from __future__ import annotations

from bleio.backends.os.links.subscriptions import MOST_HELD, Subscriptions
from bleio.core.codes import Properties
from bleio.core.uuid import uuid16
from bleio.gatt.model import RemoteCharacteristic
from support.hci.engine import Heard, asynchronous


def record(handle: int = 3) -> RemoteCharacteristic:
    return RemoteCharacteristic(uuid16(0xA001), Properties.NOTIFY, handle - 1, handle)


def came(subscriptions: Subscriptions, *values: bytes) -> None:
    for value in values:
        subscriptions.of(record()).came(None, bytearray(value))


def test_values_reach_all_listeners_in_order() -> None:
    subscriptions, heard = Subscriptions(), [Heard(), Heard()]
    for each in heard:
        subscriptions.listen(record(), each)
        subscriptions.listen(record(), each)
    came(subscriptions, b"1", b"", b"2")
    subscriptions.unlisten(record(), heard[1])
    came(subscriptions, b"3")
    assert [each.values for each in heard] == [[b"1", b"", b"2", b"3"], [b"1", b"", b"2"]]


def test_each_listener_is_told_of_the_end_once() -> None:
    subscriptions, heard = Subscriptions(), Heard()
    for handle in (3, 5):
        subscriptions.listen(record(handle), heard)
    for listener in subscriptions.closed():
        listener.link_closed()
    assert heard.closed == 1
    assert list(subscriptions.closed()) == []


def test_only_what_was_subscribed_to_is_started() -> None:
    subscriptions = Subscriptions()
    subscriptions.listen(record(), Heard())
    assert subscriptions.started(record()) is None
    subscriptions.of(record()).started = (True, False)
    assert subscriptions.started(record()) is subscriptions.of(record())


@asynchronous
async def test_the_echo_of_a_read_is_no_value_that_was_sent() -> None:
    """It comes before the answer or after it, and among values that were sent."""
    for before, after, left in (
        ([b"sent", b"read"], [b"later"], [b"sent", b"later"]),
        ([b"sent"], [b"read", b"later"], [b"sent", b"later"]),
        ([b"read", b"read"], [], [b"read"]),
        ([], [b"read", b"read"], [b"read"]),
    ):
        subscriptions, heard = Subscriptions(), Heard()
        subscriptions.listen(record(), heard)
        feed = subscriptions.of(record())
        feed.reading()
        came(subscriptions, *before)
        feed.was_read(b"read")
        came(subscriptions, *after)
        assert heard.values == left


@asynchronous
async def test_a_read_that_fails_has_no_echo() -> None:
    subscriptions, heard = Subscriptions(), Heard()
    subscriptions.listen(record(), heard)
    feed = subscriptions.of(record())
    feed.reading()
    came(subscriptions, b"sent")
    feed.was_read(None)
    came(subscriptions, b"sent")
    assert heard.values == [b"sent", b"sent"]


@asynchronous
async def test_few_values_are_held_while_one_is_read() -> None:
    subscriptions, heard = Subscriptions(), Heard()
    subscriptions.listen(record(), heard)
    feed = subscriptions.of(record())
    feed.reading()
    came(subscriptions, *(bytes([each]) for each in range(MOST_HELD + 3)))
    assert heard.values == [b"\0", b"\1", b"\2"]
    feed.was_read(None)
    assert heard.values == [bytes([each]) for each in range(MOST_HELD + 3)]
