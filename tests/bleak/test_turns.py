"""What scanners and clients of one program do at the same time, and what is cancelled meanwhile."""

import asyncio
import gc
import threading
import weakref

import _bleio
import pytest
from bleak import BleakClient, BleakScanner
from bleak.exc import BleakDeviceNotFoundError, BleakError

from bleio import aio
from bleio.testing import World
from support.bleak import table
from support.bleak.settings import OURS, conformance, setting_of
from support.patience import PATIENCE_S

ABSENT = "C0:00:00:00:00:01"
KIND = {"address_type": "random"}


async def found():
    device = await BleakScanner.find_device_by_name(table.NAME)
    assert device is not None
    return device


async def more_of(heard):
    """Wait until a scanner hears some more."""
    count = len(heard)
    while len(heard) < count + 2:
        await asyncio.sleep(0.01)


async def broken_off(doing, seconds=None, steps=0):
    """Cancel it after a time, or after some steps of the loop."""
    task = asyncio.create_task(doing)
    if seconds is not None:
        await asyncio.sleep(seconds)
    for _ in range(steps):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    return task


def in_a_world(body):
    """Make a test of a coroutine function, in simulated time alone: it has many steps."""

    def test():
        with setting_of("world") as run:
            run(body)

    test.__name__, test.__doc__, test.__module__ = body.__name__, body.__doc__, body.__module__
    return test


@in_a_world
async def test_a_connect_that_is_cancelled_at_any_time_leaves_no_link_and_the_scan():
    device = await found()
    heard = []
    async with BleakScanner(lambda device, data: heard.append(data)):
        for number in range(40):
            client = BleakClient(device)
            task = await broken_off(client.connect(), 0.01 * number)
            if not task.cancelled():
                await client.disconnect()
            while any(each.connected for each in _bleio.adapter.connections):
                assert not client.is_connected
                await asyncio.sleep(0.01)
            await asyncio.wait_for(more_of(heard), 5)


@in_a_world
async def test_a_scanner_whose_start_is_cancelled_leaves_others_what_they_have():
    heard = []
    passive = BleakScanner(lambda device, data: heard.append(data), scanning_mode="passive")
    async with passive:
        for steps in range(8):
            active = BleakScanner()
            await broken_off(active.start(), steps=steps)
            await active.stop()
            await asyncio.wait_for(more_of(heard), 5)


@in_a_world
async def test_a_scanner_whose_stop_is_cancelled_has_ended():
    for steps in range(4):
        heard = []
        scanner = BleakScanner(lambda device, data: heard.append(data))  # noqa: B023
        await scanner.start()
        await broken_off(scanner.stop(), steps=steps)
        async with BleakScanner() as other:  # at once
            count = len(heard)
            await asyncio.sleep(1)
            assert other.discovered_devices
            assert steps == 0 or len(heard) == count
        await scanner.stop()


@conformance
async def test_scanners_do_not_wait_for_a_client_that_connects():
    loop = asyncio.get_running_loop()
    absent = asyncio.create_task(BleakClient(ABSENT, winrt=KIND).connect())
    await asyncio.sleep(0.1)
    begin = loop.time()
    heard = []
    scanner = BleakScanner(lambda device, data: heard.append(data))
    await scanner.start()
    await scanner.stop()
    await scanner.start()
    assert loop.time() - begin < 10  # of 30
    absent.cancel()
    await asyncio.wait([absent])
    await more_of(heard)
    await scanner.stop()


@conformance
async def test_a_connect_that_is_cancelled_leaves_another_clients_link():
    device = await found()
    async with BleakClient(device) as client:
        for steps in (1, 3, 10):
            await broken_off(BleakClient(device).connect(), steps=steps)
            assert await client.read_gatt_char(table.READ) == b"hello"


@conformance
async def test_the_time_limit_counts_for_looking_and_connecting_together():
    address = (await found()).address
    loop = asyncio.get_running_loop()
    async with BleakClient(address):  # it advertises no more, so nobody finds it
        begin = loop.time()
        with pytest.raises(BleakDeviceNotFoundError):
            await BleakClient(ABSENT, timeout=0.4).connect()
        assert loop.time() - begin >= 0.39


def test_a_device_found_late_has_the_rest_of_the_time():
    async def body():
        loop = asyncio.get_running_loop()
        client = BleakClient((await found()).address, timeout=0.3, pair=True)
        heard = client._backend._looked_for

        async def late(radio):
            address = await heard(radio)
            await asyncio.sleep(0.2)
            return address

        client._backend._looked_for = late
        begin = loop.time()
        with pytest.raises(asyncio.TimeoutError):
            await client.connect()
        assert loop.time() - begin < 0.31

    with setting_of("world") as run:
        run(body)


@conformance
async def test_a_client_connects_once_at_a_time():
    gone = []
    client = BleakClient(await found(), gone.append)
    first = asyncio.create_task(client.connect())
    await asyncio.sleep(0)
    with pytest.raises(BleakError, match="Client is already connecting"):
        await client.connect()
    await first
    await client.disconnect()
    assert gone == [client]


def test_a_scan_goes_on_when_its_adapter_is_on_again(caplog):
    async def body():
        heard = []
        async with BleakScanner(lambda device, data: heard.append(data)):
            await more_of(heard)
            await aio.enable(_bleio.adapter, False)
            await asyncio.sleep(10)
            await aio.enable(_bleio.adapter, True)
            await asyncio.wait_for(more_of(heard), 5)

    with setting_of("world") as run:
        run(body)
    assert [each.name for each in caplog.records] == ["bleio.bleak.radio"]  # not ten each second


def test_of_a_loop_that_is_closed_nothing_is_kept(ble_bleak):
    async def leave_all_on():
        asyncio.get_running_loop().kept = kept = type("Kept", (), {})()
        await BleakScanner().start()
        return weakref.ref(kept)

    first = asyncio.run(leave_all_on())
    asyncio.run(leave_all_on())
    gc.collect()
    assert first() is None


def test_a_client_is_disconnected_from_another_loop():
    async def connected():
        client = BleakClient(await found())
        await client.connect()
        return client

    with setting_of("virtual"):
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever)
        thread.start()
        client = asyncio.run_coroutine_threadsafe(connected(), loop).result()
        asyncio.run(asyncio.wait_for(client.disconnect(), PATIENCE_S))
        assert not client.is_connected
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@pytest.mark.parametrize("at_s", [0.0001, 0.01, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0])
def test_a_world_is_left_while_a_program_goes_on(at_s):
    """What Python collects then must not complain, which pytest takes for a failure."""

    async def goes_on():
        async with BleakScanner():
            gone = asyncio.Event()
            async with BleakClient(await found(), lambda client: gone.set()) as client:
                await client.start_notify(table.NOTIFY, print)
                await client.read_gatt_char(table.READ)
                await gone.wait()

    with World(seed=2) as world:
        world.add(OURS)
        program = world.add(goes_on)
        world.run(at_s)
        assert program.running
    del program, world
    gc.collect()


def test_a_scan_beside_one_of_another_kind_says_what_to_do(ble_bleak):
    async def scan():
        async with BleakScanner():
            pass

    ble_bleak.adapter.start_scan()
    with pytest.raises(BleakError, match="already, for another event loop or for _bleio"):
        asyncio.run(scan())
    ble_bleak.adapter.stop_scan()
    asyncio.run(scan())
