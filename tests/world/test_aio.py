"""`bleio.aio` in simulated time: programs that await, beside others that block and poll."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable

import _bleio
import pytest
from _bleio import UUID, Characteristic, CharacteristicBuffer, PacketBuffer, Service

from bleio import aio
from bleio.testing import World

FLAGS = b"\x02\x01\x06"
SERVICE, SENT, WRITTEN = UUID(0xFF00), UUID(0xFF01), UUID(0xFF02)
NOWHERE = _bleio.Address(bytes.fromhex("0102030405c6"), _bleio.Address.RANDOM_STATIC)


def serve() -> tuple[Characteristic, Characteristic]:
    service = Service(SERVICE)
    sent = Characteristic.add_to_service(
        service, SENT, properties=Characteristic.NOTIFY, max_length=100
    )
    written = Characteristic.add_to_service(
        service, WRITTEN, properties=Characteristic.WRITE_NO_RESPONSE, max_length=100
    )
    return sent, written


async def echo() -> None:
    """Serve one client after the other, without ever looking."""
    sent, written = serve()
    buffer = CharacteristicBuffer(written, buffer_size=200)
    while True:
        await aio.start_advertising(_bleio.adapter, FLAGS)
        connection = await aio.connected(_bleio.adapter)
        echoing = asyncio.ensure_future(echo_lines(buffer, sent))
        print("left for", hex(await aio.disconnected(connection)))
        echoing.cancel()
        await asyncio.wait([echoing])
        assert echoing.cancelled()


async def echo_lines(buffer: CharacteristicBuffer, sent: Characteristic) -> None:
    async for line in aio.lines(buffer):
        await aio.write(sent, b"echo " + line)


async def find() -> tuple[_bleio.Connection, Characteristic, Characteristic]:
    async with aio.scan(_bleio.adapter) as entries:
        entry = await anext(entries)
    connection = await aio.connect(_bleio.adapter, entry)
    try:
        (service,) = await aio.discover(connection, [SERVICE])
    except BaseException:
        await aio.disconnect(connection)
        raise
    sent, written = service.characteristics
    return connection, sent, written


async def ask_by_tasks() -> None:
    loop = asyncio.get_running_loop()
    for _ in range(3):
        connection, sent, written = await find()
        async with aio.notifications(sent) as values:
            for number in range(100):
                await aio.write(written, b"%d\n" % number)
                assert await anext(values) == b"echo %d\n" % number
                await asyncio.sleep(2)
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(anext(values), 5)
        await aio.disconnect(connection)
        await asyncio.sleep(600)
        print(f"{loop.time():.3f}")


def ask_and_block() -> None:
    """The same program in CircuitPython's way."""
    for _ in range(3):
        entry = next(iter(_bleio.adapter.start_scan(timeout=60)))
        connection = _bleio.adapter.connect(entry.address, timeout=10)
        (service,) = connection.discover_remote_services([SERVICE])
        sent, written = service.characteristics
        buffer = CharacteristicBuffer(sent, timeout=5, buffer_size=100)
        sent.set_cccd(notify=True)
        for number in range(100):
            written.value = b"%d\n" % number
            assert buffer.readline() == b"echo %d\n" % number
            time.sleep(2)
        connection.disconnect()
        time.sleep(600)


def an_hour(seed: int, asking: object) -> tuple[str, str, float]:
    with World(seed) as world:
        server = world.add(echo)
        client = world.add(asking)
        world.run(until=lambda: not client.running, within_s=4000)
        assert server.text == "left for 0x13\n" * 3
        return world.trace(), world.output(), world.now_s


@pytest.mark.parametrize("asking", [ask_by_tasks, ask_and_block])
def test_the_same_seed_gives_the_same_trace(asking: object) -> None:
    began_s = time.monotonic()
    first, second = an_hour(1, asking), an_hour(1, asking)
    assert first == second
    assert an_hour(2, asking) != first
    assert first[2] > 2400  # 40 minutes of radio, three times over
    assert time.monotonic() - began_s < 60


def test_waiting_takes_no_turns() -> None:
    """A task that waits an hour for a line is asked nothing meanwhile."""

    async def wait() -> None:
        _, written = serve()
        buffer = CharacteristicBuffer(written)
        await aio.start_advertising(_bleio.adapter, FLAGS)
        print(await aio.read_line(buffer))

    async def write_late() -> None:
        connection, _, written = await find()
        await asyncio.sleep(3600)
        await aio.write(written, b"late\n")
        await aio.disconnected(connection)

    with World() as world:
        waiting = world.add(wait)
        world.add(write_late)
        world.run(until=lambda: not waiting.running, within_s=4000)
        assert waiting.text == "b'late\\n'\n"
        assert 3600 < world.now_s < 3602


def test_cancellation_at_each_await() -> None:
    """As far as a central comes in so many milliseconds; then another one is served."""

    async def one_round() -> None:
        connection, sent, written = await find()
        try:
            buffer = await aio.packet_buffer(sent, buffer_size=4)
            await aio.pair(connection)
            async with aio.notifications(sent) as values:
                await aio.write(written, b"1\n")
                await anext(values)
                await anext(aio.packets(buffer))
        finally:
            await aio.disconnect(connection)

    async def give_up_everywhere() -> None:
        for after_ms in range(0, 700, 7):
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(one_round_and_wait(), after_ms / 1000)
            await asyncio.sleep(8)  # an advertiser that has missed its central comes again
            assert not _bleio.adapter.connected
            assert repr(_bleio.adapter).endswith(("idle>", "not open>"))
        await one_round()
        print("done")

    async def one_round_and_wait() -> None:
        await one_round()
        await asyncio.sleep(3600)

    with World(seed=4) as world:
        world.add(echo)
        central = world.add(give_up_everywhere)
        world.run(until=lambda: not central.running, within_s=4000)
        assert central.text == "done\n"


def test_loops_in_threads_of_one_device() -> None:
    async def listen(sent: Characteristic, heard: list[bytes]) -> None:
        async with aio.notifications(sent) as values:
            async for value in values:
                heard.append(value)

    async def central() -> None:
        connection, sent, written = await find()
        heard: list[list[bytes]] = [[], []]
        threads = [
            asyncio.ensure_future(asyncio.to_thread(asyncio.run, listen(sent, each)))
            for each in heard
        ]
        await asyncio.sleep(1)
        for number in range(5):
            await aio.write(written, b"%d\n" % number)
            await asyncio.sleep(1)
        await aio.disconnect(connection)
        await asyncio.gather(*threads)
        print(heard[0] == heard[1] == [b"echo %d\n" % number for number in range(5)])

    with World() as world:
        world.add(echo)
        device = world.add(central)
        world.run(until=lambda: not device.running, within_s=4000)
        assert device.text == "True\n"


def test_power_off_while_a_task_waits() -> None:
    async def waits() -> None:
        try:
            await aio.connect(_bleio.adapter, NOWHERE)
        finally:
            print("ended")

    with World() as world:
        device = world.add(waits)
        world.run_for(5)
        device.power_off()
        world.run_for(1)
        assert (device.running, device.text) == (False, "ended\n")


def test_a_blocking_call_blocks_the_loop_of_its_device_and_no_other() -> None:
    async def blocks() -> None:
        ticks = []

        async def tick() -> None:
            while True:
                ticks.append(round(time.monotonic(), 2))
                await asyncio.sleep(1)

        ticking = asyncio.ensure_future(tick())
        await asyncio.sleep(2.5)
        with pytest.raises(_bleio.BluetoothError):
            _bleio.adapter.connect(NOWHERE, timeout=10)
        await asyncio.sleep(1)
        ticking.cancel()
        print(len([each for each in range(1, len(ticks)) if ticks[each] - ticks[each - 1] > 5]))

    async def goes_on() -> None:
        for _ in range(10):
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(aio.connected(_bleio.adapter), 1)
        print(round(time.monotonic()))

    with World() as world:
        blocking, other = world.add(blocks), world.add(goes_on)
        world.run()
        assert (blocking.text, other.text) == ("1\n", "10\n")


def test_a_loop_that_is_not_the_worlds_is_told_so() -> None:
    with World() as world:
        device = world.add(serve)
        world.run_for(1)
        expected = r"^This event loop goes by real time, and the adapter's world stands still"
        with pytest.raises(RuntimeError, match=expected):
            asyncio.run(aio.connected(device.adapter))
        with pytest.raises(RuntimeError, match=expected):
            asyncio.run(aio.connect(device.adapter, NOWHERE))


@pytest.mark.skipif(sys.version_info < (3, 11), reason="of Python 3.11")
def test_packets_between_tasks() -> None:
    async def send() -> None:
        sent, _ = serve()
        buffer = PacketBuffer(sent, buffer_size=1)
        await aio.start_advertising(_bleio.adapter, FLAGS)
        await aio.subscribed(sent)
        for number in range(1000):
            await aio.send(buffer, number.to_bytes(4, "little"))
        await aio.disconnected(_bleio.adapter.connections[0])

    async def receive() -> None:
        connection, sent, _ = await find()
        buffer = await aio.packet_buffer(sent, buffer_size=1000)
        octets = b""
        async with asyncio.timeout(60):
            async for packet in aio.packets(buffer):
                octets += packet
                if len(octets) == 4000:
                    break
        await aio.disconnect(connection)
        print(octets == b"".join(number.to_bytes(4, "little") for number in range(1000)))

    with World() as world:
        world.add(send)
        receiver = world.add(receive)
        world.run()
        assert receiver.text == "True\n"


def notifying(when: str) -> Callable[[], Awaitable[None]]:
    """Make a peripheral that notifies once, as soon as it can, or five times a second."""

    async def notify() -> None:
        sent, _ = serve()
        await aio.start_advertising(_bleio.adapter, FLAGS)
        await aio.subscribed(sent)
        await aio.write(sent, b"0")
        while when == "always":
            await asyncio.sleep(0.2)
            await aio.write(sent, b"more")
        await asyncio.sleep(60)

    return notify


def test_a_callback_gets_what_came_before_its_loop_could_go_on() -> None:
    async def hear() -> None:
        _, sent, _ = await find()
        began = asyncio.ensure_future(aio.subscribe(sent, print))
        await asyncio.sleep(0.001)
        time.sleep(2)  # the peer is subscribed to, and notifies, meanwhile
        subscription = await began
        await asyncio.sleep(1)
        await subscription.end()

    with World(1) as world:
        world.add(notifying("once"))
        hearing = world.add(hear)
        world.run(until=lambda: not hearing.running)
        assert hearing.text == "b'0'\n"


def test_a_callback_is_not_called_after_its_end() -> None:
    async def hear() -> None:
        connection, sent, _ = await find()
        subscription = await aio.subscribe(sent, print)
        await asyncio.sleep(0.5)
        await aio.disconnect(connection)
        print("end")
        subscription._values._ring.put(b"late")
        await subscription.end()
        await asyncio.sleep(1)

    with World(1) as world:
        world.add(notifying("always"))
        hearing = world.add(hear)
        world.run(until=lambda: not hearing.running)
        assert hearing.text.endswith("'more'\nend\n")


def test_one_that_is_cancelled_as_it_subscribes_leaves_others_their_subscription() -> None:
    async def hear() -> None:
        connection, sent, _ = await find()

        async def first_value() -> bytes:
            async with aio.notifications(sent) as values:
                return await anext(values)

        for milliseconds in (0, 1, 2, 5, 10, 20, 30, 40, 60, 80, 100):
            one, other = [asyncio.ensure_future(first_value()) for _ in range(2)]
            await asyncio.sleep(milliseconds / 1000)
            one.cancel()
            assert await asyncio.wait_for(other, 5)
        await aio.disconnect(connection)

    with World(1) as world:
        world.add(notifying("always"))
        hearing = world.add(hear)
        world.run(until=lambda: not hearing.running)
