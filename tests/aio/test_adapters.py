"""Connections, scans and advertising, awaited."""

from __future__ import annotations

import asyncio
import inspect

import _bleio
import pytest
from _bleio import Adapter, Address

import bleio
from bleio import aio
from bleio.api import _acts as acts
from support.awaiting import cancelled, eventually, in_loop, linked, running
from support.pair import raises

NOWHERE = Address(bytes.fromhex("0102030405c6"), Address.RANDOM_STATIC)


@in_loop
async def test_connect_gives_the_connection_of_the_adapter(
    central: Adapter, peripheral: Adapter
) -> None:
    link = await linked(central, peripheral)
    assert central.connections == (link.outgoing,)
    assert peripheral.connections == (link.incoming,)
    assert await aio.connected(central) is link.outgoing


@in_loop
async def test_the_peripheral_waits_for_its_central(central: Adapter, peripheral: Adapter) -> None:
    async with running(aio.connected(peripheral)) as waiting:
        assert not waiting.done()
        link = await linked(central, peripheral)
        assert await waiting is link.incoming


@in_loop
async def test_each_connection_once(central: Adapter, peripheral: Adapter) -> None:
    links = aio.connections(peripheral)
    first = await linked(central, peripheral)
    assert await anext(links) is first.incoming
    async with running(anext(links)) as waiting:  # type: ignore[arg-type]
        await aio.disconnect(first.outgoing)
        await aio.disconnected(first.incoming)
        assert not waiting.done()
        second = await linked(central, peripheral)
        assert await waiting is second.incoming


@pytest.mark.parametrize("who", ["us", "the peer"])
@in_loop
async def test_disconnected_tells_why(central: Adapter, peripheral: Adapter, who: str) -> None:
    link = await linked(central, peripheral)
    async with running(aio.disconnected(link.outgoing)) as waiting:
        assert not waiting.done()
        await aio.disconnect(link.outgoing if who == "us" else link.incoming)
        assert await waiting == (0x16 if who == "us" else 0x13)
    assert await aio.disconnected(link.outgoing) in (0x16, 0x13)
    await aio.disconnect(link.outgoing)


@in_loop
async def test_connect_fails_as_the_blocking_one(central: Adapter, peripheral: Adapter) -> None:
    with raises(TypeError, "address must be of type Address, not int"):
        await aio.connect(central, 5)
    with raises(ValueError, "timeout must be >= 0"):
        await aio.connect(central, NOWHERE, timeout=-1)
    with pytest.raises(_bleio.BluetoothError, match=r"^Failed to connect: timeout") as awaited:
        await aio.connect(central, NOWHERE, timeout=0.05)
    with pytest.raises(_bleio.BluetoothError) as blocking:
        central.connect(NOWHERE, timeout=0.05)
    assert str(awaited.value) == str(blocking.value)
    assert awaited.value.__notes__ == blocking.value.__notes__
    with raises(TypeError, "adapter must be of type Adapter, not str"):
        await aio.connect("virtual", NOWHERE)


@in_loop
async def test_a_cancelled_connect_is_over_on_the_air(
    central: Adapter, peripheral: Adapter
) -> None:
    async with running(aio.connect(central, NOWHERE)) as connecting:
        await cancelled(connecting)
    # Nothing is initiated any more: else this could not connect.
    link = await linked(central, peripheral)
    assert link.outgoing.connected
    assert central.connections == (link.outgoing,)


@in_loop
async def test_connect_within_a_time_limit_of_asyncio(
    central: Adapter, peripheral: Adapter
) -> None:
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(aio.connect(central, NOWHERE), 0.05)
    await linked(central, peripheral)


@in_loop
async def test_a_link_that_comes_with_the_cancellation_is_ended(
    central: Adapter, peripheral: Adapter
) -> None:
    """The engine has connected, but the loop has not told the task so yet."""
    address = await aio.address(peripheral)
    for _ in range(3):
        await aio.start_advertising(peripheral, b"\x02\x01\x06", interval=0.02)
        task = asyncio.ensure_future(aio.connect(central, address))
        await asyncio.sleep(0)
        while not central.connected:  # without the loop: it hears of nothing meanwhile
            pass
        await cancelled(task)
        await eventually(lambda: not central.connected and not peripheral.connected)
        await aio.stop_advertising(peripheral)


@in_loop
async def test_scan(central: Adapter, peripheral: Adapter) -> None:
    data = b"\x02\x01\x06\x03\x09ab"
    await aio.start_advertising(peripheral, data, interval=0.02, connectable=False)
    seen = 0
    options = dict(active=False, buffer_size=1 << 16)  # however late this loop is
    async with aio.scan(central, b"\x03\x09ab", **options) as entries:  # type: ignore[call-overload]
        async for entry in entries:
            assert isinstance(entry, _bleio.ScanEntry)
            assert (entry.advertisement_bytes, entry.address) == (data, peripheral.address)
            seen += 1
            if seen == 3:
                break
    assert entries.dropped == 0
    assert repr(central).endswith("idle>")  # the block ended the scan
    async with aio.scan(central) as entries:  # and another one may begin
        await anext(entries)


@in_loop
async def test_scans_end_by_their_time_by_stop_scan_and_one_at_a_time(
    central: Adapter, peripheral: Adapter
) -> None:
    async with aio.scan(central, timeout=0.1) as entries:
        assert [entry async for entry in entries] == []
    async with aio.scan(central) as entries:
        async with running(anext(entries)) as waiting:  # type: ignore[arg-type]
            with raises(_bleio.BluetoothError, "Scan already in progress. Stop with stop_scan."):
                async with aio.scan(central):
                    raise AssertionError
            await aio.stop_scan(central)
            with pytest.raises(StopAsyncIteration):
                await waiting
        central.start_scan()  # another one, which the end of the block leaves alone
    assert "scanning" in repr(central)
    central.stop_scan()


@in_loop
async def test_scan_arguments(central: Adapter, peripheral: Adapter) -> None:
    for options, error, text in (
        (dict(interval=0), ValueError, "interval must be in range 0.0025-40.959375"),
        (dict(buffer_size=0), ValueError, "buffer_size must be >= 1"),
        (dict(window=1), ValueError, "window must be <= interval"),
        (dict(minimum_rssi="x"), TypeError, "minimum_rssi must be of type int, not str"),
    ):
        with raises(error, text):
            async with aio.scan(central, **options):  # type: ignore[call-overload]
                raise AssertionError
        with raises(error, text):
            central.start_scan(**options)  # type: ignore[arg-type]
    with raises(TypeError, "got an unexpected keyword argument 'duration'"):
        aio.scan(central, duration=5)
    with raises(
        RuntimeError,
        "The scan has not begun; write: async with aio.scan(adapter) as entries: ...",
    ):
        await anext(aio.scan(central))
    scan = aio.scan(central, timeout=0.1)
    async with scan:
        pass
    with raises(RuntimeError, "A scan is made for one block; make another by aio.scan(adapter)"):
        await scan.__aenter__()


@in_loop
async def test_a_slow_consumer_of_a_scan_loses_new_packets_and_is_told(
    central: Adapter, peripheral: Adapter
) -> None:
    await aio.start_advertising(peripheral, b"\x02\x01\x06", interval=0.02, connectable=False)
    before = bleio.counters(central)["scan.dropped_reports"]
    async with aio.scan(central, buffer_size=2 * 22, active=False) as entries:
        await eventually(lambda: entries.dropped >= 3)
        await aio.stop_scan(central)
        assert len([entry async for entry in entries]) == 2
    assert bleio.counters(central)["scan.dropped_reports"] - before == entries.dropped


@in_loop
async def test_cancelled_while_a_scan_begins_or_goes_on(
    central: Adapter, peripheral: Adapter
) -> None:
    async def forever() -> None:
        async with aio.scan(central) as entries:
            async for _ in entries:
                pass

    await aio.address(central)  # which opens it
    for turns in (*range(8), 40):  # as far as it comes in so many turns of the loop
        task = asyncio.ensure_future(forever())
        for _ in range(turns):
            await asyncio.sleep(0.0005)
        await cancelled(task)
        await eventually(lambda: repr(central).endswith("idle>"))


@in_loop
async def test_advertising(central: Adapter, peripheral: Adapter) -> None:
    await aio.start_advertising(peripheral, b"\x02\x01\x06")
    assert peripheral.advertising
    with raises(_bleio.BluetoothError, "Already advertising."):
        await aio.start_advertising(peripheral, b"\x02\x01\x06")
    await aio.stop_advertising(peripheral)
    await aio.stop_advertising(peripheral)
    assert not peripheral.advertising
    with raises(ValueError, "timeout must be >= 0"):
        await aio.start_advertising(peripheral, b"", timeout=-1)
    with raises(TypeError, "missing a required argument: 'data'"):
        await aio.start_advertising(peripheral)


@in_loop
async def test_settings_of_the_adapter(central: Adapter) -> None:
    other = Address(bytes.fromhex("0102030405c6"), Address.RANDOM_STATIC)
    await aio.set_address(central, other)
    assert await aio.address(central) == other
    assert await aio.name(central) == central.name
    await aio.erase_bonding(central)
    assert len((await aio.local_oob(central)).random) == 16
    await aio.enable(central, False)
    with raises(_bleio.BluetoothError, "Adapter not enabled"):
        await aio.connect(central, other)
    await aio.enable(central)
    assert central.enabled
    with raises(_bleio.BluetoothError, "Could not set address"):
        await aio.set_address(central, Address(bytes(6), Address.PUBLIC))


def test_acts_have_the_arguments_of_the_methods() -> None:
    for act, method in (
        (acts.scan, Adapter.start_scan),
        (acts.advertise, Adapter.start_advertising),
        (acts.connect, Adapter.connect),
    ):
        assert (
            list(inspect.signature(act).parameters)[1:]
            == list(inspect.signature(method).parameters)[1:]
        )
