"""Two simulated ESPHome proxies as one adapter: what it hears, and where its links go."""

from __future__ import annotations

import asyncio

import pytest

pytest.importorskip("bleak_esphome", reason="the libraries for ESPHome need Python 3.11 or newer")

from bleak.exc import BleakGATTProtocolError

from bleio.backends.base import ScanParameters
from bleio.backends.capabilities import ESPHOME, Capability
from bleio.backends.os.esphome.heard import HeardTable
from bleio.core.codes import Properties, SecurityMode
from bleio.core.uuid import uuid16
from bleio.errors import CallerError, ControllerLost
from bleio.gatt.model import LocalCharacteristic, LocalDescriptor, LocalService
from support.esphome.building import (
    BETWEEN,
    KEY,
    NEAR_HALL,
    NEAR_KITCHEN,
    Building,
    links,
    put,
)
from support.esphome.server import ACTIVE, ALL_FEATURES, PASSIVE, Feature
from support.hci.engine import add_echo, asynchronous, until
from support.hci.world import FLAGS

pytestmark = pytest.mark.interop

ECHO = "0000a001-0000-1000-8000-00805f9b34fb"


@asynchronous
async def test_a_scan_hears_what_any_proxy_hears() -> None:
    async with Building() as building:
        left, right = await building.device(NEAR_KITCHEN), await building.device(NEAR_HALL)
        fleet = await building.fleet(*await building.two_proxies())
        await left.advertise(data=FLAGS + b"\x05\x09left")
        await right.advertise(data=FLAGS + b"\x06\x09right", scan_response=b"\x02\x0a\x04")
        await fleet.scanner.start(ScanParameters())
        await until(lambda: fleet.heard(left) and fleet.heard(right))
        await until(lambda: any(len(each.data) > 10 for each in fleet.heard(right)))
        await fleet.scanner.stop()
        assert {each.data for each in fleet.heard(left)} == {FLAGS + b"\x05\x09left"}
        # A proxy's scan response comes behind the data before it.
        longest = max((each.data for each in fleet.heard(right)), key=len)
        assert longest == FLAGS + b"\x06\x09right" + b"\x02\x0a\x04"
        assert all(each.rssi_dbm < -70 for each in fleet.events.reports)


@asynchronous
async def test_scans_are_passive_where_all_proxies_can() -> None:
    async with Building() as building:
        device = await building.device(NEAR_KITCHEN)
        await device.advertise(scan_response=b"\x02\x0a\x04")
        kitchen, hall = await building.two_proxies()
        fleet = await building.fleet(kitchen, hall)
        assert Capability.PASSIVE_SCANNING in fleet.system.capabilities
        await fleet.scanner.start(ScanParameters(active=False))
        await until(lambda: kitchen.mode == hall.mode == PASSIVE)
        before = len(fleet.heard(device))
        await until(lambda: len(fleet.heard(device)) > before + 20)
        late = fleet.heard(device)[before + 10 :]
        assert {each.data for each in late} == {b"\x02\x01\x06"}
        await fleet.scanner.stop()
        await until(lambda: kitchen.mode == hall.mode == ACTIVE)


@asynchronous
async def test_what_one_proxy_cannot_the_fleet_cannot() -> None:
    async with Building() as building:
        old = ALL_FEATURES & ~Feature.PAIRING & ~Feature.FEATURE_STATE_AND_MODE
        fleet = await building.fleet(
            await building.proxy("kitchen"), await building.proxy("hall", features=old)
        )
        missing = {Capability.PAIRING, Capability.PASSIVE_SCANNING}
        assert fleet.system.capabilities == ESPHOME.can - missing


@asynchronous
async def test_a_link_goes_through_the_proxy_that_hears_best() -> None:
    async with Building() as building:
        device = await building.device(BETWEEN)
        kitchen, hall = await building.two_proxies()
        fleet = await building.fleet(kitchen, hall)
        for metres, better in ((BETWEEN, kitchen), (NEAR_HALL, hall), (NEAR_KITCHEN, kitchen)):
            put(device.backend, metres)
            await device.advertise()
            client = fleet.client(device)
            await client.connect()
            assert links(better) == 1, metres
            await client.disconnect()
            await until(lambda: not device.engine.links)
            for proxy in fleet.system.proxies:
                proxy.table = HeardTable()  # as after half a minute


@asynchronous
async def test_a_full_proxy_leaves_devices_to_another() -> None:
    async with Building() as building:
        devices = [await building.device(BETWEEN) for _ in range(4)]
        for device in devices:
            await device.advertise()
        kitchen, hall = await building.two_proxies(slots=2)
        fleet = await building.fleet(kitchen, hall)
        clients = []
        for device in devices:
            clients.append(fleet.client(device))
            await clients[-1].connect()
        assert (links(kitchen), links(hall)) == (2, 2)
        more = await building.device(BETWEEN)
        await more.advertise()
        with pytest.raises(CallerError, match="All connection slots of the ESPHome proxies") as one:
            await fleet.client(more).connect()
        assert f"127.0.0.1:{kitchen.port} has 2" in str(one.value)
        assert "`connection_slots`" in str(one.value)
        await clients[0].disconnect()
        await fleet.client(more).connect()
        assert (links(kitchen), links(hall)) == (2, 2)


@asynchronous
async def test_proxies_that_only_listen_make_no_links() -> None:
    async with Building() as building:
        device = await building.device(NEAR_KITCHEN)
        await device.advertise()
        passive = ALL_FEATURES & ~Feature.ACTIVE_CONNECTIONS
        fleet = await building.fleet(await building.proxy("kitchen", features=passive))
        await fleet.scanner.start(ScanParameters())
        await until(lambda: fleet.heard(device))
        with pytest.raises(CallerError, match=r"proxies that cannot connect hear .*`active: true`"):
            await fleet.client(device).connect()


@asynchronous
async def test_one_proxy_ends_and_comes_back(caplog: pytest.LogCaptureFixture) -> None:
    async with Building() as building:
        device = await building.device(BETWEEN)
        await device.advertise()
        kitchen, hall = await building.two_proxies()
        fleet = await building.fleet(kitchen, hall)
        ended: list[object] = []
        await fleet.client(device, ended.append).connect()
        assert links(kitchen) == 1
        await kitchen.vanish()
        await until(lambda: ended)
        await fleet.has(hall)

        # The program goes on with the other one.
        await device.advertise()
        await fleet.scanner.start(ScanParameters())
        await until(lambda: fleet.heard(device))
        client = fleet.client(device)
        await client.connect()
        assert links(hall) == 1
        await client.disconnect()

        await kitchen.listen()
        await fleet.has(kitchen, hall)
        await device.advertise()
        await until(lambda: kitchen.subscriber is not None)
        await client.connect()
        said = [each for each in caplog.messages if "The ESPHome proxy" in each]
        assert f"127.0.0.1:{kitchen.port} cannot be used: its connection has ended" in said[0]
        assert said[-1] == f"The ESPHome proxy 127.0.0.1:{kitchen.port} is there again"


@asynchronous
async def test_without_any_proxy_what_needs_one_says_why() -> None:
    async with Building() as building:
        device = await building.device(NEAR_KITCHEN)
        kitchen = await building.proxy("kitchen")
        fleet = await building.fleet(kitchen)
        await kitchen.vanish()
        await fleet.has()
        with pytest.raises(ControllerLost, match=r"The ESPHome proxy .* cannot be used: "):
            await fleet.scanner.start(ScanParameters())
        with pytest.raises(ControllerLost, match=r"The ESPHome proxy .* cannot be used: "):
            await fleet.client(device).connect()
        await kitchen.listen()
        await fleet.has(kitchen)
        await device.advertise()
        await fleet.client(device).connect()


@asynchronous
async def test_a_device_is_waited_for() -> None:
    async with Building() as building:
        device = await building.device(NEAR_HALL)
        fleet = await building.fleet(*await building.two_proxies())
        connecting = asyncio.ensure_future(fleet.client(device).connect())
        await asyncio.sleep(0.1)
        assert not connecting.done()
        await device.advertise()
        await connecting
        assert device.engine.links


@asynchronous
async def test_a_connect_that_is_cancelled_takes_no_slot() -> None:
    async with Building() as building:
        device = await building.device(NEAR_KITCHEN)
        kitchen = await building.proxy("kitchen")
        fleet = await building.fleet(kitchen)
        await device.advertise()
        await until(lambda: len(fleet.system.proxies[0].table))
        await device.backend.stop_advertising()  # heard lately, but it does not answer any more
        connecting = asyncio.ensure_future(fleet.client(device).connect())
        await until(lambda: kitchen.taken, "the attempt")
        connecting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await connecting
        await until(lambda: not kitchen.taken, "a free slot")
        await device.advertise()
        await fleet.client(device).connect()


@asynchronous
async def test_every_gatt_operation_of_a_proxy() -> None:
    async with Building() as building:
        device = await building.device(NEAR_KITCHEN)
        echo = add_echo(device.engine.server, value=bytes(range(250)) * 2)
        label = LocalDescriptor(uuid16(0x2901), max_length=100, value=b"a label")
        device.engine.server.add_descriptor(echo, label)
        await device.advertise()
        fleet = await building.fleet(await building.proxy("kitchen", key=KEY))
        ended: list[object] = []
        client = fleet.client(device, ended.append)
        await client.connect()
        assert client.mtu_size == 512
        characteristic = client.services.get_characteristic(ECHO)
        assert characteristic is not None
        assert await client.read_gatt_char(characteristic) == bytes(range(250)) * 2
        await client.write_gatt_char(characteristic, b"w" * 500, response=True)
        assert echo.value == b"w" * 500
        await client.write_gatt_char(characteristic, b"c" * 200, response=False)
        await until(lambda: echo.value == b"c" * 200)
        descriptor = characteristic.get_descriptor("00002901-0000-1000-8000-00805f9b34fb")
        assert descriptor is not None
        assert await client.read_gatt_descriptor(descriptor) == b"a label"
        await client.write_gatt_descriptor(descriptor, b"another")
        assert label.value == b"another"

        values: list[bytes] = []
        await client.start_notify(characteristic, lambda _, value: values.append(bytes(value)))
        (link,) = device.engine.links
        assert link.subscription(echo) == (True, False)
        for number in range(100):
            await device.backend.publish(echo, b"%d" % number)
        await until(lambda: len(values) == 100)
        assert values == [b"%d" % number for number in range(100)]
        await client.stop_notify(characteristic)
        assert link.subscription(echo) == (False, False)

        await client.pair()
        assert link.security.encrypted
        await link.disconnect()
        await until(lambda: ended)
        assert not client.is_connected


@asynchronous
async def test_what_a_device_refuses_has_its_code() -> None:
    async with Building() as building:
        device = await building.device(NEAR_KITCHEN)
        service = LocalService(uuid16(0xA000))
        device.engine.server.add_service(service)
        shut = LocalCharacteristic(
            uuid16(0xA001),
            Properties.READ | Properties.WRITE,
            read_perm=SecurityMode.ENCRYPT_NO_MITM,
            write_perm=SecurityMode.NO_ACCESS,
        )
        device.engine.server.add_characteristic(service, shut)
        await device.advertise()
        fleet = await building.fleet(await building.proxy("kitchen"))
        client = fleet.client(device)
        await client.connect()
        with pytest.raises(BleakGATTProtocolError) as no_write:
            await client.write_gatt_char(ECHO, b"x", response=True)
        assert no_write.value.code == 0x03
        with pytest.raises(BleakGATTProtocolError) as no_read:
            await client.read_gatt_char(ECHO)
        assert no_read.value.code in (0x05, 0x0F)


@asynchronous
async def test_services_that_have_changed_are_found_on_the_next_link() -> None:
    async with Building() as building:
        device = await building.device(NEAR_KITCHEN)
        await device.advertise()
        fleet = await building.fleet(await building.proxy("kitchen"))
        client = fleet.client(device)
        await client.connect()
        assert client.services.get_characteristic(ECHO) is None
        await client.disconnect()
        add_echo(device.engine.server)
        await until(lambda: not device.engine.links)
        await device.advertise()
        await client.connect()
        assert client.services.get_characteristic(ECHO) is not None


@asynchronous
async def test_two_fleets_know_nothing_of_each_other() -> None:
    async with Building() as building:
        device = await building.device(BETWEEN)
        await device.advertise()
        kitchen, hall = await building.two_proxies()
        await building.fleet(kitchen)
        of_hall = await building.fleet(hall)
        await of_hall.client(device).connect()
        assert (links(kitchen), links(hall)) == (0, 1)
