"""BleakClient on adapters of ours: links, values, notifications, and what goes wrong with them."""

import asyncio
import uuid

import pytest
from bleak import BleakClient, BleakScanner
from bleak.exc import (
    BleakCharacteristicNotFoundError,
    BleakDeviceNotFoundError,
    BleakError,
    BleakGATTProtocolError,
    BleakGATTProtocolErrorCode,
)

from support.bleak import table
from support.bleak.settings import conformance, setting_of


async def found():
    device = await BleakScanner.find_device_by_name(table.NAME)
    assert device is not None
    return device


async def come(values, count):
    while len(values) < count:
        await asyncio.sleep(0.01)


# Links


@conformance
async def test_a_link_by_device_and_its_end():
    gone = []
    device = await found()
    client = BleakClient(device, gone.append)
    assert not client.is_connected
    assert client.address == device.address
    assert client.name == table.NAME
    assert client.mtu_size == 23
    with pytest.raises(BleakError, match="Service Discovery has not been performed yet"):
        client.services
    await client.connect()
    assert client.is_connected
    assert client.mtu_size > 23
    with pytest.raises(BleakError, match="Client is already connected"):
        await client.connect()
    await client.disconnect()
    assert gone == [client]
    assert not client.is_connected
    await client.disconnect()  # again
    assert gone == [client]
    with pytest.raises(BleakError, match="Service Discovery has not been performed yet"):
        await client.read_gatt_char(table.READ)
    with pytest.raises(BleakError, match="Not connected"):
        await client.start_notify(table.NOTIFY, print)


@conformance
async def test_a_client_connects_again():
    client = BleakClient(await found())
    for _ in range(3):
        async with client:
            characteristic = client.services.get_characteristic(table.STORE)
            await client.write_gatt_char(characteristic, b"again", response=True)
    async with client:  # with the record of an earlier link
        assert await client.read_gatt_char(characteristic) == b"again"


@conformance
async def test_a_link_by_address_alone():
    address = (await found()).address
    for text in (address, address.lower()):
        async with BleakClient(text) as client:
            assert await client.read_gatt_char(table.READ) == b"hello"
    async with BleakClient(address, winrt={"address_type": "random"}) as client:
        assert client.is_connected


@conformance
async def test_a_device_that_is_not_there():
    client = BleakClient("C0:00:00:00:00:01", timeout=0.5)
    with pytest.raises(BleakDeviceNotFoundError) as caught:
        await client.connect()
    assert caught.value.identifier == "C0:00:00:00:00:01"
    client = BleakClient("C0:00:00:00:00:01", timeout=0.5, winrt={"address_type": "random"})
    with pytest.raises(asyncio.TimeoutError):
        await client.connect()
    assert not client.is_connected


@conformance
async def test_a_cancelled_connect_leaves_nothing():
    device = await found()
    absent = BleakClient("C0:00:00:00:00:01", winrt={"address_type": "random"})
    task = asyncio.create_task(absent.connect())
    await asyncio.sleep(0.1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with BleakClient(device) as client:  # nothing is in the way
        assert await client.read_gatt_char(table.READ) == b"hello"


@conformance
async def test_the_peer_ends_the_link():
    gone = asyncio.Event()
    async with BleakClient(await found(), lambda client: gone.set()) as client:
        await client.write_gatt_char(table.CONTROL, bytes([table.END_LINK]), response=True)
        await asyncio.wait_for(gone.wait(), 20)
        assert not client.is_connected
        with pytest.raises(BleakError):
            await client.read_gatt_char(table.READ)
        with pytest.raises(BleakError, match="Not connected"):
            await client.start_notify(table.NOTIFY, print)
        with pytest.raises(BleakError, match="Not connected"):
            await client.pair()


@conformance
async def test_two_clients_of_one_device_share_its_link():
    device = await found()
    gone = []
    one, other = BleakClient(device, gone.append), BleakClient(device, gone.append)
    await one.connect()
    await other.connect()
    await one.write_gatt_char(table.STORE, b"by one", response=True)
    assert await other.read_gatt_char(table.STORE) == b"by one"
    await one.disconnect()
    while len(gone) < 2:
        await asyncio.sleep(0.01)
    assert not other.is_connected


@conformance
async def test_a_callback_that_raises_is_told_by_the_loop():
    told = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: told.append(context))

    def gone(client):
        raise ZeroDivisionError

    async with BleakClient(await found(), gone) as client:
        await client.start_notify(table.NOTIFY, lambda sender, value: 1 / 0)
        await client.write_gatt_char(table.CONTROL, bytes([table.TELL, 4, 1]), response=True)
        await come(told, 1)
    assert not client.is_connected
    await come(told, 2)
    assert [type(each["exception"]) for each in told] == [ZeroDivisionError] * 2


# Services


@conformance
async def test_services():
    async with BleakClient(await found()) as client:
        services = client.services
        store = services.get_characteristic(table.STORE)
        assert store.properties == ["read", "write"]
        assert store.service_uuid == table.SERVICE
        assert store.handle == services.get_characteristic(store.handle).handle
        assert [each.uuid for each in store.descriptors] == [table.long(0x2901), table.NOTE]
        assert store.max_write_without_response_size == client.mtu_size - 3
        both = services.get_characteristic(table.BOTH)
        assert both.properties == ["notify", "indicate"]
        silent = services.get_characteristic(uuid.UUID(table.COMMAND))
        assert silent.properties == ["read", "write-without-response"]
        handles = [each.handle for service in services for each in service.characteristics]
        assert handles == sorted(set(handles))


@conformance
async def test_the_same_uuid_twice():
    async with BleakClient(await found()) as client:
        services = client.services
        with pytest.raises(BleakError, match="Multiple Characteristics"):
            await client.read_gatt_char(table.SAME)
        with pytest.raises(BleakError, match="Multiple Services"):
            services.get_service(table.TWICE)
        same = [
            each
            for each in services.get_service(table.SERVICE).characteristics
            if each.uuid == table.SAME
        ]
        assert [await client.read_gatt_char(each) for each in same] == [b"one", b"two"]
        assert [await client.read_gatt_char(each.handle) for each in same] == [b"one", b"two"]
        twice = [each for each in services if each.uuid == table.TWICE]
        values = [await client.read_gatt_char(each.characteristics[0]) for each in twice]
        assert values == [b"\x01", b"\x02"]


@conformance
async def test_some_services():
    async with BleakClient(await found(), services=["b000"]) as client:
        assert [each.uuid for each in client.services] == [table.TWICE] * 2
        with pytest.raises(BleakCharacteristicNotFoundError):
            await client.read_gatt_char(table.READ)


# Values


@conformance
async def test_reading_and_writing():
    async with BleakClient(await found()) as client:
        value = await client.read_gatt_char(table.READ, use_cached=True)
        assert (value, type(value)) == (b"hello", bytearray)
        assert await client.read_gatt_char(table.LONG) == table.LONG_VALUE
        for value in (b"", b"short", memoryview(bytes(range(200))), bytearray(500)):
            await client.write_gatt_char(table.STORE, value, response=True)
            assert await client.read_gatt_char(table.STORE) == bytes(value)
        await client.write_gatt_char("a002", b"as its properties say")
        assert await client.read_gatt_char(uuid.UUID(table.STORE)) == b"as its properties say"


@conformance
async def test_writing_without_response():
    async with BleakClient(await found()) as client:
        largest = bytes(
            range(client.services.get_characteristic("a003").max_write_without_response_size % 200)
        )
        await client.write_gatt_char(table.COMMAND, largest, response=False)
        assert await client.read_gatt_char(table.COMMAND) == largest
        await client.write_gatt_char(table.COMMAND, b"as its properties say")
        assert await client.read_gatt_char(table.COMMAND) == b"as its properties say"


@conformance
async def test_descriptors():
    async with BleakClient(await found()) as client:
        described, note = client.services.get_characteristic(table.STORE).descriptors
        value = await client.read_gatt_descriptor(described)
        assert (value, type(value)) == (table.DESCRIPTION.encode(), bytearray)
        await client.write_gatt_descriptor(note, b"changed")
        assert await client.read_gatt_descriptor(note.handle, use_cached=True) == b"changed"
        with pytest.raises(BleakGATTProtocolError) as caught:
            await client.write_gatt_descriptor(described, b"no")
        assert caught.value.code == BleakGATTProtocolErrorCode.WRITE_NOT_PERMITTED
        (cccd,) = client.services.get_characteristic(table.NOTIFY).descriptors
        with pytest.raises(ValueError, match="Cannot write to CCCD"):
            await client.write_gatt_descriptor(cccd, b"\x01\x00")
        with pytest.raises(BleakError, match="Descriptor with handle 60000 was not found"):
            await client.read_gatt_descriptor(60000)


@conformance
async def test_what_the_peer_refuses():
    async with BleakClient(await found()) as client:
        with pytest.raises(BleakGATTProtocolError) as caught:
            await client.write_gatt_char(table.FIXED, b"longer than four", response=True)
        assert caught.value.code == BleakGATTProtocolErrorCode.INVALID_ATTRIBUTE_VALUE_LENGTH
        with pytest.raises(BleakCharacteristicNotFoundError) as unknown:
            await client.read_gatt_char("ffff")
        assert unknown.value.char_specifier == "ffff"
        with pytest.raises(BleakCharacteristicNotFoundError):
            await client.write_gatt_char(60000, b"")
        described, _ = client.services.get_characteristic(table.STORE).descriptors
        with pytest.raises(BleakGATTProtocolError) as refused:
            await client.write_gatt_descriptor(described, b"x")
        assert refused.value.code == BleakGATTProtocolErrorCode.WRITE_NOT_PERMITTED
        assert await client.read_gatt_char(table.READ) == b"hello"  # nothing is broken


# Notifications


@conformance
async def test_notifications_and_indications():
    async with BleakClient(await found()) as client:
        for number, kind in ((4, table.NOTIFY), (5, table.INDICATE), (6, table.BOTH)):
            heard = []
            await client.start_notify(
                kind, lambda sender, value, to=heard: to.append((sender, value))
            )
            with pytest.raises(BleakError, match="already started"):
                await client.start_notify(kind, print)
            command = bytes([table.TELL, number]) + b"value"
            await client.write_gatt_char(table.CONTROL, command, response=True)
            await come(heard, 1)
            ((sender, value),) = heard
            assert (sender.uuid, value, type(value)) == (kind, b"value", bytearray)
            await client.stop_notify(kind)
            await client.stop_notify(kind)  # again


@conformance
async def test_indications_can_be_asked_for():
    async with BleakClient(await found()) as client:
        heard = []
        await client.start_notify(
            table.BOTH, lambda sender, value: heard.append(value), force_indicate=True
        )
        (cccd,) = [
            each
            for each in client.services.get_characteristic(table.BOTH).descriptors
            if each.uuid == table.long(0x2902)
        ]
        assert await client.read_gatt_descriptor(cccd) == b"\x02\x00"


@conformance
async def test_after_the_end_of_a_subscription_nothing_comes():
    async with BleakClient(await found()) as client:
        heard, other = [], []
        await client.start_notify(table.NOTIFY, lambda sender, value: heard.append(value))
        await client.start_notify(table.BOTH, lambda sender, value: other.append(value))
        await client.stop_notify(table.NOTIFY)
        for number in (4, 6):
            command = bytes([table.TELL, number]) + b"value"
            await client.write_gatt_char(table.CONTROL, command, response=True)
        await come(other, 1)
        assert heard == []
        await client.start_notify(table.NOTIFY, lambda sender, value: heard.append(value))
        await client.write_gatt_char(table.CONTROL, bytes([table.TELL, 4, 7]), response=True)
        await come(heard, 1)
        assert heard == [b"\x07"]


@conformance
async def test_a_subscription_that_begins_is_the_only_one():
    async with BleakClient(await found()) as client:
        heard = []
        doing = [
            client.start_notify(table.NOTIFY, lambda sender, value: heard.append(value))
            for _ in range(3)
        ]
        results = await asyncio.gather(*doing, return_exceptions=True)
        assert [type(each) for each in results] == [type(None), BleakError, BleakError]
        await client.write_gatt_char(table.CONTROL, bytes([table.MANY, 4, 2]), response=True)
        await come(heard, 2)
        assert len(heard) == 2


@conformance
async def test_two_clients_of_one_device_subscribe_apart():
    device = await found()
    async with BleakClient(device) as one, BleakClient(device) as other:
        heard = []
        await one.start_notify(table.NOTIFY, lambda sender, value: None)
        await other.start_notify(table.NOTIFY, lambda sender, value: heard.append(value))
        await one.stop_notify(table.NOTIFY)
        command = bytes([table.TELL, 4, 7])
        await other.write_gatt_char(table.CONTROL, command, response=True)
        await come(heard, 1)
        await other.stop_notify(table.NOTIFY)


@conformance
async def test_many_notifications_come_in_order():
    async with BleakClient(await found()) as client:
        heard = []
        await client.start_notify(table.NOTIFY, lambda sender, value: heard.append(value))
        await client.write_gatt_char(table.CONTROL, bytes([table.MANY, 4, 100]), response=True)
        await come(heard, 100)
        assert heard == [number.to_bytes(4, "little") for number in range(100)]


def test_a_value_that_comes_before_an_answer_is_delivered_before_it():
    """bleak's users have asked for that. Our own peripherals answer a write at once."""

    async def body():
        async with BleakClient(await found()) as client:
            heard = []
            await client.start_notify(table.NOTIFY, lambda sender, value: heard.append(value))
            for number in range(20):
                command = bytes([table.TELL_FIRST, 4, number])
                await client.write_gatt_char(table.CONTROL, command, response=True)
                assert heard[-1:] == [bytes([number])]

    with setting_of("bumble") as run:
        run(body)


@conformance
async def test_a_coroutine_function_as_a_callback():
    async with BleakClient(await found()) as client:
        heard = []

        async def hear(sender, value):
            await asyncio.sleep(0.01)
            heard.append(bytes(value))

        await client.start_notify(table.INDICATE, hear)
        await client.write_gatt_char(table.CONTROL, bytes([table.MANY, 5, 3]), response=True)
        await come(heard, 3)
        assert sorted(heard) == [number.to_bytes(4, "little") for number in range(3)]


@conformance
async def test_what_cannot_notify():
    async with BleakClient(await found()) as client:
        with pytest.raises(BleakError):
            await client.start_notify(table.READ, print)
        with pytest.raises(BleakCharacteristicNotFoundError):
            await client.start_notify("ffff", print)
        with pytest.raises(BleakCharacteristicNotFoundError):
            await client.stop_notify("ffff")


# Pairing


@conformance
async def test_pairing():
    async with BleakClient(await found()) as client:
        await client.pair()
        await client.pair()  # again
        assert await client.read_gatt_char(table.ENCRYPTED) == b"secret"
        with pytest.raises(BleakError, match="takes no arguments"):
            await client.pair(protection_level=2)


@conformance
async def test_a_refused_request_pairs():
    async with BleakClient(await found()) as client:
        assert await client.read_gatt_char(table.ENCRYPTED) == b"secret"
        await client.write_gatt_char(table.ENCRYPTED, b"new", response=True)
        assert await client.read_gatt_char(table.ENCRYPTED) == b"new"


@conformance
async def test_pairing_before_discovery():
    async with BleakClient(await found(), pair=True) as client:
        assert await client.read_gatt_char(table.ENCRYPTED) == b"secret"


@conformance
async def test_a_bond_is_forgotten():
    device = await found()
    async with BleakClient(device) as client:
        await client.pair()
        await client.unpair()
        assert not client.is_connected
    async with BleakClient(device) as client:
        assert await client.read_gatt_char(table.READ) == b"hello"
    await client.unpair()  # again, and without a link
    with pytest.raises(BleakDeviceNotFoundError):
        await BleakClient("C0:00:00:00:00:01").unpair()
