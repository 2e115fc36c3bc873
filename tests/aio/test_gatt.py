"""Values, subscriptions, discovery and pairing, awaited."""

from __future__ import annotations

import asyncio
from typing import Any

import _bleio
import pytest
from _bleio import UUID, Adapter, Attribute, Characteristic, Descriptor

import bleio
from bleio import aio
from support.awaiting import (
    INDICATE,
    NO_RESPONSE,
    NOTIFY,
    READ,
    WRITE,
    Link,
    cancelled,
    eventually,
    in_loop,
    linked,
    running,
    served,
)
from support.pair import raises


@in_loop
async def test_reading_and_writing(central: Adapter, peripheral: Adapter) -> None:
    local = served(READ | WRITE, max_length=300, initial_value=b"first")
    link = await linked(central, peripheral)
    remote = await link.remote(local)
    value = await aio.read(remote)
    assert (value, type(value)) == (b"first", bytearray)
    await aio.write(remote, bytes(range(200)))
    assert await aio.read(local) == bytes(range(200))
    await aio.write(local, "text")
    assert await aio.read(remote) == b"text"


@in_loop
async def test_descriptors(central: Adapter, peripheral: Adapter) -> None:
    local = served(READ)
    own = Descriptor.add_to_characteristic(local, UUID(0x2904), initial_value=b"abc")
    link = await linked(central, peripheral)
    (remote,) = (await link.remote(local)).descriptors
    assert await aio.read(remote) == await aio.read(own) == b"abc"
    await aio.write(remote, b"x")
    assert await aio.read(own) == b"x"
    await aio.write(own, b"y")
    assert await aio.read(remote) == b"y"
    with raises(_bleio.BluetoothError, "A Descriptor is always written with response"):
        await aio.write(remote, b"x", response=False)


@in_loop
async def test_writing_with_and_without_response(central: Adapter, peripheral: Adapter) -> None:
    local = served(WRITE | NO_RESPONSE, max_length=300, write_perm=Attribute.ENCRYPT_NO_MITM)
    link = await linked(central, peripheral)
    remote = await link.remote(local)
    await aio.write(remote, b"1")  # without: a refusal is not told
    await aio.write(remote, b"1", response=False)
    with raises(_bleio.SecurityError, "Insufficient authentication"):
        await aio.write(remote, b"1", response=True)
    too_long = bytes(aio.mtu(link.outgoing) - 2)
    with pytest.raises(_bleio.BluetoothError, match="too long for a write without response"):
        await aio.write(remote, too_long, response=False)
    with raises(_bleio.RoleError, "Can't write a local Characteristic with or without response"):
        await aio.write(local, b"1", response=True)


@in_loop
async def test_errors_are_those_of_the_blocking_ones(central: Adapter, peripheral: Adapter) -> None:
    local = served(READ | WRITE, read_perm=Attribute.ENCRYPT_NO_MITM, max_length=4)
    link = await linked(central, peripheral)
    remote = await link.remote(local)
    for awaited, blocking in (
        (lambda: aio.read(remote), lambda: remote.value),
        (lambda: aio.write(remote, b"12345"), lambda: setattr(remote, "value", b"12345")),
        (lambda: aio.write(local, b"12345"), lambda: setattr(local, "value", b"12345")),
        (lambda: aio.write(local, 5), lambda: setattr(local, "value", 5)),
        (lambda: aio.set_cccd(remote, notify=True), lambda: remote.set_cccd(notify=True)),
        (lambda: aio.set_cccd(local), lambda: local.set_cccd()),
        (lambda: aio.pair(link.outgoing, bond=False), lambda: link.outgoing.pair(bond=False)),
        (
            lambda: aio.set_connection_interval(link.outgoing, 5),
            lambda: setattr(link.outgoing, "connection_interval", 5),
        ),
        (
            lambda: aio.discover(link.outgoing, [1]),  # type: ignore[list-item]
            lambda: link.outgoing.discover_remote_services([1]),  # type: ignore[list-item]
        ),
    ):
        assert await told(awaited()) == told_blocking(blocking)
    await aio.disconnect(link.outgoing)
    for awaited, blocking in (
        (lambda: aio.read(remote), lambda: remote.value),
        (lambda: aio.write(remote, b"1"), lambda: setattr(remote, "value", b"1")),
        (lambda: aio.pair(link.outgoing), lambda: link.outgoing.pair()),
        (
            lambda: aio.discover(link.outgoing),
            lambda: link.outgoing.discover_remote_services(),
        ),
    ):
        assert await told(awaited()) == told_blocking(blocking)
    with raises(TypeError, "characteristic must be of type Characteristic, not int"):
        await aio.read(5)  # type: ignore[arg-type]


async def told(awaitable: Any) -> tuple[type, str, Any]:
    """Return how it fails."""
    with pytest.raises(Exception) as caught:
        await awaitable
    return caught.type, str(caught.value), getattr(caught.value, "__notes__", None)


def told_blocking(function: Any) -> tuple[type, str, Any]:
    with pytest.raises(Exception) as caught:
        function()
    return caught.type, str(caught.value), getattr(caught.value, "__notes__", None)


@in_loop
async def test_pairing(central: Adapter, peripheral: Adapter) -> None:
    local = served(READ, read_perm=Attribute.ENCRYPT_NO_MITM, initial_value=b"secret")
    link = await linked(central, peripheral)
    remote = await link.remote(local)
    with raises(_bleio.SecurityError, "Insufficient authentication"):
        await aio.read(remote)
    await aio.pair(link.outgoing)
    assert link.outgoing.paired
    assert await aio.read(remote) == b"secret"


@in_loop
async def test_cancelled_calls_leave_the_link_usable(central: Adapter, peripheral: Adapter) -> None:
    local = served(READ | WRITE | NOTIFY, max_length=200, initial_value=bytes(200))
    link = await linked(central, peripheral)
    remote = await link.remote(local)
    for turns in range(6):
        for begin in (
            lambda: aio.read(remote),
            lambda: aio.write(remote, bytes(190)),
            lambda: aio.discover(link.outgoing),
            lambda: aio.set_cccd(remote, notify=True),
            lambda: aio.set_connection_interval(link.outgoing, 30),
        ):
            task = asyncio.ensure_future(begin())
            for _ in range(turns):
                await asyncio.sleep(0.001)
            task.cancel()
            await asyncio.wait([task])
    assert len(await aio.read(remote)) in (190, 200)
    await aio.pair(link.outgoing)


@in_loop
async def test_a_pairing_is_cancelled(central: Adapter, peripheral: Adapter) -> None:
    link = await linked(central, peripheral)
    task = asyncio.ensure_future(aio.pair(link.outgoing))
    await asyncio.sleep(0)
    await cancelled(task)
    assert link.outgoing.connected
    assert not link.outgoing.paired


@in_loop
async def test_many_reads_at_once(central: Adapter, peripheral: Adapter) -> None:
    locals_ = [served(READ, initial_value=bytes([each])) for each in range(20)]
    link = await linked(central, peripheral)
    found = {
        str(each.uuid): each
        for service in await aio.discover(link.outgoing)
        for each in service.characteristics
    }
    remotes = [found[str(local.uuid)] for local in locals_]
    values = await asyncio.gather(*(aio.read(remote) for remote in remotes))
    assert values == [bytes([each]) for each in range(20)]


@in_loop
async def test_the_end_of_the_link_wakes_all(central: Adapter, peripheral: Adapter) -> None:
    local = served(READ, initial_value=b"x")
    link = await linked(central, peripheral)
    remote = await link.remote(local)
    reads = [asyncio.ensure_future(aio.read(remote)) for _ in range(5)]
    await asyncio.sleep(0)
    await aio.disconnect(link.outgoing)
    for each in await asyncio.gather(*reads, return_exceptions=True):
        assert each == b"x" or isinstance(each, _bleio.ConnectionError)


@in_loop
async def test_handles_and_mtu(central: Adapter, peripheral: Adapter) -> None:
    local = served(READ | NOTIFY)
    link = await linked(central, peripheral)
    remote = await link.remote(local)
    assert aio.handle(remote) == aio.handle(local) > aio.handle(remote.service) > 0
    assert aio.handle(remote.service) == aio.handle(local.service)
    assert [aio.handle(each) for each in remote.descriptors] == [aio.handle(remote) + 1]
    assert aio.mtu(link.outgoing) == link.outgoing.max_packet_length + 3
    with raises(TypeError, "characteristic must be of type Characteristic, not int"):
        aio.handle(7)  # type: ignore[arg-type]


# --- what comes by itself


@pytest.mark.parametrize("indicate", [False, True])
@in_loop
async def test_notifications(central: Adapter, peripheral: Adapter, indicate: bool) -> None:
    local = served(NOTIFY | INDICATE)
    link = await linked(central, peripheral)
    remote = await link.remote(local)
    async with running(aio.subscribed(local)) as waiting:
        assert not waiting.done()
        async with aio.notifications(remote, indicate=indicate) as values:
            await waiting
            model = local._end.model
            assert link.incoming._link.subscription(model) == (not indicate, indicate)
            for number in range(30):
                await aio.write(local, bytes([number]))
                assert await anext(values) == bytes([number])
            async with running(anext(values)) as first:  # type: ignore[arg-type]
                await cancelled(first)
                await aio.write(local, b"not lost")
                assert await anext(values) == b"not lost"
    await eventually(lambda: not any(link.incoming._link.subscription(model)))
    assert values.dropped == 0
    await aio.write(local, b"to nobody")


@in_loop
async def test_notifications_end_with_the_link(central: Adapter, peripheral: Adapter) -> None:
    local = served(NOTIFY)
    link = await linked(central, peripheral)
    async with aio.notifications(await link.remote(local)) as values:
        await aio.write(local, b"last")
        await eventually(lambda: values._ring.packets)
        await aio.disconnect(link.incoming)
        await aio.disconnected(link.outgoing)
        assert [value async for value in values] == [b"last"]
    other = await linked(central, peripheral)
    remote = await other.remote(local)
    async with aio.notifications(remote) as values, running(anext(values)) as waiting:
        await aio.disconnect(other.outgoing)
        with pytest.raises(StopAsyncIteration):
            await waiting


@in_loop
async def test_two_subscribers_of_one_characteristic(central: Adapter, peripheral: Adapter) -> None:
    local = served(NOTIFY)
    link = await linked(central, peripheral)
    remote = await link.remote(local)
    async with aio.notifications(remote) as values:
        async with aio.notifications(remote) as others:
            await aio.write(local, b"1")
            assert await anext(values) == await anext(others) == b"1"
        await aio.write(local, b"2")
        assert await anext(values) == b"2"


@in_loop
async def test_callbacks(central: Adapter, peripheral: Adapter) -> None:
    local = served(NOTIFY)
    link = await linked(central, peripheral)
    remote = await link.remote(local)
    heard: list[bytes] = []
    reported: list[Any] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda loop, context: reported.append(context["exception"]))

    def callback(value: bytes) -> None:
        assert asyncio.get_running_loop() is loop
        heard.append(value)
        if value == b"\x03":
            raise ZeroDivisionError

    subscription = await aio.subscribe(remote, callback)
    for number in range(20):
        await aio.write(local, bytes([number]))
    await eventually(lambda: len(heard) == 20)
    assert heard == [bytes([number]) for number in range(20)]
    assert [type(each) for each in reported] == [ZeroDivisionError]
    await subscription.end()
    await subscription.end()
    await aio.write(local, b"to nobody")
    assert len(heard) == 20

    async def wrong(value: bytes) -> None:
        raise AssertionError

    with raises(TypeError, "callback must be a plain function; a task can use aio.notifications"):
        await aio.subscribe(remote, wrong)


@in_loop
async def test_a_slow_consumer_of_values_loses_the_oldest_and_is_told(
    central: Adapter, peripheral: Adapter
) -> None:
    local = served(NOTIFY, max_length=20)
    link = await linked(central, peripheral)
    remote = await link.remote(local)
    room = 2 + link.outgoing.max_packet_length
    before = bleio.counters(central)["buffers.dropped_packets"]
    async with aio.notifications(remote, buffer_size=1) as values:
        count = room // 22 + 5
        for number in range(count):
            await aio.write(local, bytes([number]) * 20)
        await eventually(lambda: values.dropped + len(values._ring.packets) == count)
        assert values.dropped == 5
        assert await anext(values) == bytes([5]) * 20
    assert bleio.counters(central)["buffers.dropped_packets"] - before == 5


@in_loop
async def test_what_clients_write(central: Adapter, peripheral: Adapter) -> None:
    local = served(WRITE | NO_RESPONSE, max_length=20)
    link = await linked(central, peripheral)
    remote = await link.remote(local)
    async with running(aio.written(local)) as waiting:
        await aio.write(remote, b"one")
        assert await waiting == b"one"
    async with aio.writes(local) as values:
        for number in range(10):
            await aio.write(remote, bytes([number]))
        assert [await anext(values) for _ in range(10)] == [bytes([n]) for n in range(10)]
        await aio.disconnect(link.outgoing)
        again = await linked(central, peripheral)
        await aio.write(await again.remote(local), b"another client")
        assert await anext(values) == b"another client"
    assert local._end.model.listeners == [] or await gone(local)


async def gone(local: Characteristic) -> bool:
    await eventually(lambda: not local._end.model.listeners)
    return True


@in_loop
async def test_what_has_begun_to_listen_as_it_was_cancelled_stops(
    central: Adapter, peripheral: Adapter
) -> None:
    local = served(NOTIFY | WRITE)
    remote = await (await linked(central, peripheral)).remote(local)
    engine = local._end.session.engine
    for begin in (
        lambda: aio.written(local),
        lambda: aio.subscribed(local),
        lambda: aio.notifications(remote).__aenter__(),
        lambda: aio.subscribe(remote, print),
        lambda: aio.packet_buffer(remote, buffer_size=1),
    ):
        task = asyncio.ensure_future(begin())
        await asyncio.sleep(0)
        engine.run(int)  # the engine has begun by now, but the loop was not told
        await cancelled(task)
    del task
    await aio.packet_buffer(local, buffer_size=1)  # beginning to listen ends what was dropped
    await eventually(lambda: len(local._end.model.listeners) <= 1)


@in_loop
async def test_a_cancelled_subscription_leaves_nothing(
    central: Adapter, peripheral: Adapter
) -> None:
    local = served(NOTIFY | WRITE)
    link = await linked(central, peripheral)
    remote = await link.remote(local)

    async def listen() -> None:
        async with aio.notifications(remote) as values:
            async for _ in values:
                pass

    for turns in range(8):
        for begin in (listen, lambda: aio.subscribed(local), lambda: aio.written(local)):
            task = asyncio.ensure_future(begin())
            for _ in range(turns):
                await asyncio.sleep(0.001)
            task.cancel()
            await asyncio.wait([task])  # one may have seen what another was about to take back
    await aio.write(remote, b"x")  # all requests before it were answered
    await eventually(lambda: is_silent(link, local))
    await aio.write(local, b"x")
    await eventually(lambda: not link.outgoing._session.engine.portal._calls)


@in_loop
async def test_one_that_is_cancelled_as_it_begins_to_listen_does_not_listen(
    central: Adapter, peripheral: Adapter
) -> None:
    local = served(NOTIFY | WRITE)
    link = await linked(central, peripheral)
    remote = await link.remote(local)
    engine = link.outgoing._session.engine
    for begin in (
        lambda: aio.subscribed(local),
        lambda: aio.written(local),
        aio.notifications(remote).__aenter__,
        lambda: aio.subscribe(remote, print),
    ):
        task = asyncio.ensure_future(begin())
        await asyncio.sleep(0)
        engine.run(int)  # the engine has begun it, and the task does not know yet
        await cancelled(task)
    engine.run(int)
    assert is_silent(link, local)
    remote_listeners = link.outgoing._link.bearer.client.remote._listeners  # type: ignore[attr-defined]
    assert not any(remote_listeners.values())


def is_silent(link: Link, local: Characteristic) -> bool:
    """Whether nobody listens to what is ours, and no client is subscribed."""
    model = local._end.model
    return not model.listeners and not any(link.incoming._link.subscription(model))


@in_loop
async def test_whose_characteristic_it_has_to_be(central: Adapter, peripheral: Adapter) -> None:
    local = served(NOTIFY | WRITE)
    remote = await (await linked(central, peripheral)).remote(local)
    ours = "Clients do this to a local Characteristic, and this is a remote one"
    with raises(_bleio.RoleError, ours):
        await aio.written(remote)
    with raises(_bleio.RoleError, ours):
        await aio.subscribed(remote)
    with raises(
        _bleio.RoleError, "A peer does this with its Characteristic, and this is a local one"
    ):
        aio.notifications(local)
    with raises(ValueError, "buffer_size must be >= 1"):
        aio.notifications(remote, buffer_size=0)
