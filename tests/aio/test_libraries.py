"""The objects of adafruit_ble, which hold those of `_bleio`."""

from __future__ import annotations

import asyncio

import pytest
from _bleio import Adapter

from bleio import aio
from support.awaiting import eventually, in_loop, running
from support.pair import current, raises

ble = pytest.importorskip("adafruit_ble")
from adafruit_ble.advertising import Advertisement  # noqa: E402
from adafruit_ble.advertising.standard import ProvideServicesAdvertisement  # noqa: E402
from adafruit_ble.services.nordic import UARTService  # noqa: E402
from adafruit_ble.services.standard import BatteryService  # noqa: E402


@in_loop
async def test_a_uart_from_end_to_end(central: Adapter, peripheral: Adapter) -> None:
    server = ble.BLERadio(peripheral)
    with current(peripheral):
        uart = UARTService()
    advertisement = ProvideServicesAdvertisement(uart)
    advertisement.complete_name = "desk"

    async def serve() -> None:
        await aio.start_advertising(server, advertisement, interval=0.02)
        connection = await aio.connected(server)
        assert isinstance(connection, ble.BLEConnection)
        async for line in aio.lines(uart):
            uart.write(b"echo " + line)

    client = ble.BLERadio(central)
    async with running(serve()):
        async with aio.scan(client, ProvideServicesAdvertisement, timeout=20) as found:
            async for each in found:
                assert isinstance(each, ProvideServicesAdvertisement)
                if UARTService in each.services:
                    break
        assert each.complete_name == "desk"
        connection = await aio.connect(client, each)
        assert client.connections == (connection,)
        remote = await aio.service(connection, UARTService)
        assert connection[UARTService] is remote
        assert await aio.service(connection, UARTService) is remote
        for number in range(5):
            remote.write(f"line {number}\n")
            assert await aio.read_line(remote) == b"echo line %d\n" % number
        with raises(KeyError):
            await aio.service(connection, BatteryService)
        await aio.disconnect(connection)
        assert not connection.connected


@in_loop
async def test_scans_give_what_the_radio_would(central: Adapter, peripheral: Adapter) -> None:
    server, client = ble.BLERadio(peripheral), ble.BLERadio(central)
    advertisement = Advertisement()
    advertisement.short_name = "x"
    await aio.start_advertising(server, advertisement, interval=0.02)
    async with aio.scan(client) as found:
        each = await anext(found)
    assert type(each) is Advertisement
    blocking = next(iter(client.start_scan()))
    client.stop_scan()
    assert type(blocking) is Advertisement
    async with aio.scan(client, ProvideServicesAdvertisement, timeout=0.2) as found:
        assert [each async for each in found] == []
    with raises(TypeError, "BLERadio.start_scan() got an unexpected keyword argument 'duration'"):
        aio.scan(client, duration=5)
    await aio.stop_advertising(server)
    assert not server.advertising


@in_loop
async def test_the_scan_response_has_the_radios_name(central: Adapter, peripheral: Adapter) -> None:
    server = ble.BLERadio(peripheral)
    server.name = "desk"
    await aio.start_advertising(server, ProvideServicesAdvertisement(), interval=0.02)
    async with aio.scan(central) as entries:
        async for entry in entries:
            if entry.scan_response:
                break
    assert entry.advertisement_bytes == b"\x05\x09desk\x02\x0a\x00"


@in_loop
async def test_a_service_that_cannot_be_had_is_not_kept(
    central: Adapter, peripheral: Adapter
) -> None:
    with current(peripheral):
        UARTService()
    server, client = ble.BLERadio(peripheral), ble.BLERadio(central)
    await aio.start_advertising(server, ProvideServicesAdvertisement(), interval=0.02)
    connection = await aio.connect(client, peripheral.address)
    task = asyncio.ensure_future(aio.service(connection, UARTService))
    await eventually(lambda: connection._constructed_services)
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled() != bool(connection._constructed_services)
    uart = await aio.service(connection, UARTService)
    assert uart is connection[UARTService]
    with raises(TypeError, "connection must be of type BLEConnection, not Connection"):
        await aio.service(connection._bleio_connection, UARTService)
    with raises(TypeError, "kind must be a class of services with a uuid, not 'uart'"):
        await aio.service(connection, "uart")
