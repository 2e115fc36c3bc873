"""BleakScanner and BleakAdapter on adapters of ours."""

import asyncio

import pytest
from bleak import BleakAdapter, BleakClient, BleakScanner
from bleak.exc import BleakBluetoothNotAvailableError, BleakError

from bleio.api import use_adapter
from bleio.bleak import Adapter, Client, Scanner
from bleio.testing import World
from support.bleak import table
from support.bleak.settings import OURS, conformance


async def heard_within(scanner, seconds=20):
    """Return what a scanner has heard of the peripheral, scan response and all."""

    async def heard():
        async for device, data in scanner.advertisement_data():
            if data.local_name == table.NAME:
                return device, data
        raise AssertionError("the scan has ended")

    return await asyncio.wait_for(heard(), seconds)


@conformance
async def test_what_an_advertisement_says():
    async with BleakScanner() as scanner:
        assert scanner.backend_id == "bleio"
        device, data = await heard_within(scanner)
        assert data.service_uuids == [table.SERVICE]
        assert data.manufacturer_data == {table.COMPANY: table.COMPANY_DATA}
        assert data.service_data == {table.long(0x180F): table.BATTERY_DATA}
        assert data.tx_power == table.TX_POWER_DBM
        assert -128 <= data.rssi < 20
        assert device.name == table.NAME
        assert len(device.address) == 17
        assert device.address == device.address.upper()
        assert device in scanner.discovered_devices
        known = scanner.discovered_devices_and_advertisement_data
        assert known[device.address][0] is device
    assert device in scanner.discovered_devices  # also when it has stopped
    await scanner.stop()  # again
    await scanner.start()
    assert scanner.discovered_devices == []  # anew
    await scanner.stop()


@conformance
async def test_looking_for_devices():
    devices = await BleakScanner.discover(0.5)
    assert [each.name for each in devices] == [table.NAME]
    (found,) = (await BleakScanner.discover(0.5, return_adv=True)).values()
    assert found[1].local_name == table.NAME
    device = await BleakScanner.find_device_by_address(devices[0].address.lower())
    assert device.address == devices[0].address
    assert (await BleakScanner.find_device_by_name(table.NAME)).address == device.address
    by_data = await BleakScanner.find_device_by_filter(
        lambda each, data: table.COMPANY in data.manufacturer_data
    )
    assert by_data.address == device.address
    assert await BleakScanner.find_device_by_name("nobody", timeout=0.3) is None
    assert await BleakScanner.find_device_by_address("C0:00:00:00:00:01", timeout=0.3) is None


@conformance
async def test_filters_by_service():
    for wanted in ([table.SERVICE], [table.SERVICE.upper()], ["a000", "1234"]):
        assert len(await BleakScanner.discover(0.4, service_uuids=wanted)) == 1
    assert await BleakScanner.discover(0.4, service_uuids=["1234"]) == []


@conformance
async def test_filters_for_bluez():
    address = (await BleakScanner.find_device_by_name(table.NAME)).address

    async def found(**bluez):
        return [each.address for each in await BleakScanner.discover(0.4, bluez=bluez)]

    battery = (0, 0x16, bytes.fromhex("0f18"))
    for every in (
        {"filters": {"UUIDs": ["a000", "1234"], "RSSI": -120, "Transport": "le"}},
        {"filters": {"Pattern": address[:5].lower()}},
        {"filters": {"Pattern": table.NAME[:3]}},
        {"or_patterns": [(0, 0x16, b"no"), battery]},
        {"or_patterns": [(2, 0x16, table.BATTERY_DATA)]},
    ):
        assert await found(**every) == [address]
    for none in (
        {"filters": {"UUIDs": ["1234"]}},
        {"filters": {"RSSI": 10}},
        {"filters": {"Pattern": "other"}},
        {"or_patterns": [(1, 0x16, bytes.fromhex("0f18"))]},
    ):
        assert await found(**none) == []


def test_options_that_nobody_knows_are_told(caplog):
    BleakScanner(backend=Scanner, duplicates=True)
    BleakClient("C0:00:00:00:00:01", backend=Client, _mark_of_a_library=True)
    BleakClient("C0:00:00:00:00:01", backend=Client, use_magic=True)
    assert [each.getMessage() for each in caplog.records] == [
        "bleak has no option duplicates, so it changes nothing",
        "bleak has no option use_magic, so it changes nothing",
    ]


def test_a_name_that_is_no_utf_8(ble_bleak):
    with use_adapter(ble_bleak.peer):
        ble_bleak.peer.start_advertising(b"\x02\x01\x06\x05\x09Caf\xe9", interval=0.02)

    async def look():
        device = await BleakScanner.find_device_by_name("Caf\ufffd")
        assert device.name == "Caf\ufffd"

    asyncio.run(look())


@conformance
async def test_a_callback_that_raises_is_told_by_the_loop_and_called_again():
    told, heard = [], []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: told.append(context))

    def fail(device, data):
        raise ZeroDivisionError

    async with BleakScanner(fail), BleakScanner(lambda device, data: heard.append(data)):
        while len(told) < 3 or len(heard) < 3:
            await asyncio.sleep(0.01)
    assert {type(each["exception"]) for each in told} == {ZeroDivisionError}


@conformance
async def test_a_passive_scan_asks_for_nothing():
    found = await BleakScanner.discover(0.5, return_adv=True, scanning_mode="passive")
    ((device, data),) = found.values()
    assert (device.name, data.local_name, data.manufacturer_data) == (None, None, {})
    assert data.service_uuids == [table.SERVICE]


@conformance
async def test_several_scanners_and_kinds_of_callbacks():
    plain, awaited = [], []

    async def hear(device, data):
        awaited.append(data.local_name)

    with pytest.raises(TypeError, match="callback must be callable with 2 parameters"):
        BleakScanner(lambda device: None)
    passive = BleakScanner(lambda device, data: plain.append(data), scanning_mode="passive")
    await passive.start()
    async with BleakScanner(hear):
        while table.NAME not in awaited or not plain:
            await asyncio.sleep(0.01)
    count = len(plain)
    while len(plain) < count + 3:  # the other one goes on
        await asyncio.sleep(0.01)
    await passive.stop()
    count = len(plain)
    await asyncio.sleep(0.2)
    assert len(plain) == count


@conformance
async def test_scanning_goes_on_while_a_client_connects():
    async with BleakScanner() as scanner:
        device, _ = await heard_within(scanner)
        async with BleakClient(device) as client:
            assert await client.read_gatt_char(table.READ) == b"hello"
        await heard_within(scanner)


@conformance
async def test_connected_devices():
    adapter = await BleakAdapter.get()
    assert await adapter.get_connected_devices() == []
    with pytest.raises(ValueError, match="service_uuids must not be empty"):
        await adapter.get_connected_devices([])
    device = await BleakScanner.find_device_by_name(table.NAME)
    async with BleakClient(device):
        (there,) = await adapter.get_connected_devices()
        assert there.address == device.address
        assert await adapter.get_connected_devices(["1234"]) == []
        (there,) = await adapter.get_connected_devices([table.SERVICE])
        async with BleakClient(there) as client:
            assert await client.read_gatt_char(table.READ) == b"hello"
    assert await adapter.get_connected_devices() == []


@conformance
async def test_backends_by_name():
    device = await BleakScanner.find_device_by_name(table.NAME, backend=Scanner)
    async with BleakClient(device, backend=Client) as client:
        assert client.backend_id == "Client"
        adapter = await BleakAdapter.get(backend=Adapter, bluez={"adapter": "hci0"})
        assert len(await adapter.get_connected_devices()) == 1


def test_a_simulated_device_has_its_own_adapter_by_whatever_name():
    async def app():
        for name in ("virtual", "hci0"):
            (device,) = await BleakScanner.discover(1, bluez={"adapter": name})
            assert device.name == table.NAME
        for name in ("hci1", "virtual:desk"):
            with pytest.raises(BleakBluetoothNotAvailableError, match="of a world cannot open"):
                await BleakScanner.discover(1, bluez={"adapter": name})

    for _ in range(2):  # a second world has nothing of the first one
        with World(seed=1) as world:
            world.add(OURS)
            apps = [world.add(app), world.add(app)]
            world.run(until=lambda apps=apps: not any(each.running for each in apps))


@conformance
async def test_adapters_that_are_not_there():
    with pytest.raises(BleakError):
        await BleakScanner.discover(0.1, bluez={"adapter": "no such adapter"})
    client = BleakClient("C0:00:00:00:00:01", bluez={"adapter": "no such adapter"})
    with pytest.raises(BleakError):
        await client.connect()
    with pytest.raises(BleakError):
        await BleakAdapter.get(bluez={"adapter": "no such adapter"})
    with pytest.raises(BleakBluetoothNotAvailableError):
        await BleakScanner.discover(0.1, bluez={"adapter": "hci:tcp-client:127.0.0.1:1"})


def test_a_controller_without_extended_advertising_scans_without_a_warning(ble_world, caplog):
    async def app():
        (device,) = await BleakScanner.discover(0.5)
        print(device.name)

    ble_world.add(OURS)
    program = ble_world.add(app, limits="ble-4.0")
    ble_world.run(until=lambda: not program.running)
    assert program.text == f"{table.NAME}\n"
    assert caplog.records == []
