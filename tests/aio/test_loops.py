"""Loops that end, several of them, and an engine that ends."""

from __future__ import annotations

import asyncio
import gc
import threading

import _bleio
import pytest
from _bleio import Adapter, Address

from bleio import aio
from bleio.runtime.awaiting import finished
from bleio.runtime.calls import Call
from bleio.runtime.engine import use_portal
from bleio.runtime.portal import Portal
from support.awaiting import NOTIFY, READ, in_loop, linked, running, served
from support.pair import raises, until
from support.patience import PATIENCE_S

NOWHERE = Address(bytes.fromhex("0102030405c6"), Address.RANDOM_STATIC)


def test_loops_in_threads_share_a_link(central: Adapter, peripheral: Adapter) -> None:
    local = served(READ | NOTIFY, initial_value=b"shared")
    link = asyncio.run(linked(central, peripheral))
    remote = asyncio.run(link.remote(local))
    heard: list[list[bytes]] = [[], [], []]
    ready = threading.Barrier(4, timeout=PATIENCE_S)

    async def listen(into: list[bytes]) -> None:
        assert await aio.read(remote) == b"shared"
        async with aio.notifications(remote) as values:
            await asyncio.to_thread(ready.wait)
            async for value in values:
                into.append(value)

    threads = [
        threading.Thread(target=lambda into=into: asyncio.run(listen(into))) for into in heard
    ]
    for thread in threads:
        thread.start()
    ready.wait()
    for number in range(20):
        local.value = bytes([number])
    until(lambda: all(len(each) == 20 for each in heard))
    link.outgoing.disconnect()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert heard == [[bytes([number]) for number in range(20)]] * 3


def test_blocking_threads_and_tasks_use_one_link(central: Adapter, peripheral: Adapter) -> None:
    local = served(READ, initial_value=b"x")

    @in_loop
    async def test() -> None:
        link = await linked(central, peripheral)
        remote = await link.remote(local)
        blocking = asyncio.to_thread(lambda: [bytes(remote.value) for _ in range(10)])
        reads = asyncio.gather(*(aio.read(remote) for _ in range(10)), blocking)
        *awaited, others = await reads
        assert awaited == [b"x"] * 10
        assert others == [b"x"] * 10

    test()


def test_a_loop_that_is_closed_while_tasks_wait(central: Adapter, peripheral: Adapter) -> None:
    """Its tasks are nobody's; what they wait for goes on, ends, and disturbs nobody."""
    local = served(READ | NOTIFY)
    link = asyncio.run(linked(central, peripheral))
    remote = asyncio.run(link.remote(local))
    other = Adapter(repr(central).split()[1])
    loop = asyncio.new_event_loop()
    loop.set_exception_handler(lambda loop, context: None)  # says that tasks are pending

    async def listen() -> None:
        async with aio.notifications(remote) as values:
            await anext(values)

    waits = (listen(), aio.connect(other, NOWHERE, timeout=0.3), aio.disconnected(link.outgoing))
    tasks = [loop.create_task(each) for each in waits]
    loop.run_until_complete(asyncio.sleep(0.1))
    loop.close()
    local.value = b"to nobody"
    until(lambda: not other._session.engine.portal._calls)
    link.outgoing.disconnect()
    asyncio.run(linked(other, peripheral))
    other.enabled = False
    del tasks
    gc.collect()


def test_a_link_for_a_closed_loop_is_ended(central: Adapter, peripheral: Adapter) -> None:
    address = peripheral.address
    loop = asyncio.new_event_loop()
    loop.set_exception_handler(lambda loop, context: None)
    task = loop.create_task(aio.connect(central, address))
    loop.run_until_complete(asyncio.sleep(0.05))
    loop.close()
    peripheral.start_advertising(b"\x02\x01\x06", interval=0.02)
    until(lambda: not peripheral.advertising)  # it has connected
    until(lambda: not central.connected and not peripheral.connected)
    del task
    gc.collect()


@pytest.mark.parametrize("first", ["the operation", "the task"])
def test_a_forgotten_task_may_be_collected_in_any_order(central: Adapter, first: str) -> None:
    """Python's collector ends the coroutines of a circle in an order that it chooses."""
    engine = central._session.engine

    async def slow() -> None:
        await Call(asyncio.sleep, PATIENCE_S)

    operation = slow()
    task = finished(engine, operation)
    loop = asyncio.new_event_loop()
    waiting = loop.create_task(task)
    loop.run_until_complete(asyncio.sleep(0.05))
    for each in (operation, task) if first == "the operation" else (task, operation):
        each.close()  # raises RuntimeError if the other one's end disturbs it
    until(lambda: not engine.portal._calls)
    loop.set_exception_handler(lambda loop, context: None)  # says that the task is pending
    loop.close()
    del waiting
    gc.collect()


def test_a_connect_of_a_closed_loop_is_not_in_the_way(
    central: Adapter, peripheral: Adapter
) -> None:
    nowhere = Address(bytes.fromhex("0102030405c6"), Address.RANDOM_STATIC)
    loop = asyncio.new_event_loop()
    loop.set_exception_handler(lambda loop, context: None)
    task = loop.create_task(aio.connect(central, nowhere))  # without a time limit
    loop.run_until_complete(asyncio.sleep(0.05))
    loop.close()
    peripheral.start_advertising(b"\x02\x01\x06", interval=0.02)
    asyncio.run(aio.connect(central, peripheral.address, timeout=20)).disconnect()
    del task
    gc.collect()


def test_the_end_of_the_engine_wakes_tasks() -> None:
    portal = Portal()

    @in_loop
    async def test() -> None:
        with use_portal(portal):
            adapter = Adapter("virtual")
            await aio.address(adapter)
            waits = [
                asyncio.ensure_future(each)
                for each in (aio.connect(adapter, NOWHERE), aio.connected(adapter))
            ]
            await asyncio.sleep(0.05)
            await asyncio.to_thread(portal.stop)
            for error in await asyncio.gather(*waits, return_exceptions=True):
                assert isinstance(error, _bleio.BluetoothError)
            with raises(_bleio.BluetoothError, "The Bluetooth engine has stopped"):
                await aio.connect(adapter, NOWHERE)
            with raises(_bleio.BluetoothError, "The Bluetooth engine has stopped"):
                await aio.connected(adapter)

    test()


@in_loop
async def test_an_adapter_that_is_switched_off_wakes_tasks(
    central: Adapter, peripheral: Adapter
) -> None:
    link = await linked(central, peripheral)
    async with (
        running(aio.disconnected(link.outgoing)) as ending,
        running(aio.connect(central, NOWHERE)) as connecting,
    ):
        await aio.enable(central, False)
        await ending
        with raises(_bleio.BluetoothError, "Adapter not enabled"):
            await connecting


def test_no_thread_is_started_for_a_call(central: Adapter, peripheral: Adapter) -> None:
    local = served(READ, initial_value=b"x")

    @in_loop
    async def test() -> None:
        link = await linked(central, peripheral)
        remote = await link.remote(local)
        before = threading.active_count()
        reads = [asyncio.ensure_future(aio.read(remote)) for _ in range(50)]
        waits = [asyncio.ensure_future(aio.disconnected(link.outgoing)) for _ in range(50)]
        await asyncio.sleep(0)
        assert threading.active_count() == before
        assert await asyncio.gather(*reads) == [b"x"] * 50
        await aio.disconnect(link.outgoing)
        await asyncio.gather(*waits)

    test()
