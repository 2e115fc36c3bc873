"""Two bumble hosts on two virtual controllers: an independent host finds the controller sound."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import bumble.core
import pytest
from bumble.core import AdvertisingData
from bumble.device import AdvertisingParameters, AdvertisingType, Connection, Device, Peer
from bumble.gatt import Characteristic, Service
from bumble.hci import HCI_LE_1M_PHY, HCI_LE_2M_PHY, Address
from bumble.pairing import PairingConfig, PairingDelegate

from bleio.radio.air.radio import Radio
from bleio.radio.controller import Controller
from support.bumble_radio import LoopDriver, host_on
from support.patience import PATIENCE_S

# The bumble that runs on Python 3.10 warns of itself when it pairs.
pytestmark = pytest.mark.filterwarnings("ignore:Use utils.AsyncRunner.spawn:DeprecationWarning")

PERIPHERAL, CENTRAL = "C0:00:00:00:00:01", "C0:00:00:00:00:02"
VALUE_UUID = "FFF1"
DATA = bytes(AdvertisingData([(AdvertisingData.COMPLETE_LOCAL_NAME, b"thing")]))


class World:
    """Two powered devices, the first with a readable, writable, notifying characteristic."""

    def __init__(self) -> None:
        self.driver = LoopDriver(Radio(seed=11))
        self.controllers: list[Controller] = []
        self.peripheral = self._device(PERIPHERAL)
        self.central = self._device(CENTRAL)
        properties = Characteristic.Properties
        self.value: Characteristic[bytes] = Characteristic(
            VALUE_UUID,
            properties.READ | properties.WRITE | properties.NOTIFY,
            Characteristic.READABLE | Characteristic.WRITEABLE,
            bytes(range(100)),
        )
        self.peripheral.add_service(Service("FFF0", [self.value]))

    def _device(self, address: str) -> Device:
        host, controller = host_on(self.driver)
        self.controllers.append(controller)
        return Device(name=address, address=Address(address), host=host)

    async def power_on(self) -> None:
        await self.peripheral.power_on()
        await self.central.power_on()

    async def connect(self) -> Connection:
        await self.peripheral.start_advertising(advertising_data=DATA)
        return await self.central.connect(Address(PERIPHERAL))


def in_world(test: Callable[[World], Awaitable[None]]) -> None:
    async def main() -> None:
        world = World()
        try:
            await world.power_on()
            await asyncio.wait_for(test(world), PATIENCE_S)
        finally:
            world.driver.close()
        for controller in world.controllers:
            assert not controller.dropped

    asyncio.run(main())


async def happens(emitter: Any, event: str) -> Any:
    """Wait for an event of bumble's. Returns: its first argument."""
    future = asyncio.get_running_loop().create_future()
    emitter.once(event, lambda *args: future.done() or future.set_result(args[0] if args else None))
    return await future


def test_scanning_both_ways() -> None:
    async def test(world: World) -> None:
        for legacy in (True, False):
            advertisement = asyncio.ensure_future(happens(world.central, "advertisement"))
            await world.central.start_scanning(legacy=legacy, active=True)
            await world.peripheral.start_advertising(advertising_data=DATA)
            found = await advertisement
            assert found.address == Address(PERIPHERAL)
            assert found.data.get(AdvertisingData.COMPLETE_LOCAL_NAME) == "thing"
            assert found.rssi == -60
            assert found.is_connectable
            await world.peripheral.stop_advertising()
            await world.central.stop_scanning()

    in_world(test)


def test_reading_writing_and_notifying() -> None:
    async def test(world: World) -> None:
        connection = await world.connect()
        peer = Peer(connection)
        await peer.discover_all()
        (value,) = peer.get_characteristics_by_uuid(world.value.uuid)
        assert await value.read_value() == bytes(range(100))
        await value.write_value(b"short", with_response=True)
        assert world.value.value == b"short"
        received: asyncio.Queue[bytes] = asyncio.Queue()
        await value.subscribe(received.put_nowait)
        for index in range(20):
            await world.peripheral.notify_subscribers(world.value, bytes((index,)) * 15)
        assert [await received.get() for _ in range(20)] == [
            bytes((index,)) * 15 for index in range(20)
        ]
        assert await peer.request_mtu(247) == 247
        await value.write_value(bytes(240), with_response=True)
        assert await value.read_value() == bytes(240)
        (other,) = world.peripheral.connections.values()
        gone = asyncio.ensure_future(happens(other, "disconnection"))
        await connection.disconnect()
        assert await gone == 0x13

    in_world(test)


@pytest.mark.parametrize("secure_connections", [True, False])
def test_pairing(secure_connections: bool) -> None:
    async def test(world: World) -> None:
        for device in (world.peripheral, world.central):
            device.pairing_config_factory = lambda _: PairingConfig(
                sc=secure_connections,
                mitm=False,
                bonding=True,
                identity_address_type=PairingConfig.AddressType.RANDOM,
                delegate=PairingDelegate(PairingDelegate.NO_OUTPUT_NO_INPUT),
            )
        connection = await world.connect()
        await connection.pair()
        assert connection.is_encrypted
        (other,) = world.peripheral.connections.values()
        assert other.is_encrypted
        if not secure_connections:
            return  # as a bonded peripheral bumble answers with the other side's legacy key
        for device in (world.peripheral, world.central):
            assert device.keystore is not None
            while not await device.keystore.get_all():
                await asyncio.sleep(0)
        await connection.disconnect()
        connection = await world.connect()
        assert not connection.is_encrypted
        await connection.encrypt()
        assert connection.is_encrypted

    in_world(test)


def test_phys_data_length_parameters_and_rssi() -> None:
    async def test(world: World) -> None:
        connection = await world.connect()
        await connection.set_data_length(251, 2120)
        await connection.set_phy([HCI_LE_2M_PHY], [HCI_LE_2M_PHY])
        while (await connection.get_phy()).tx_phy != HCI_LE_2M_PHY:
            await happens(connection, "connection_phy_update")
        assert (await connection.get_phy()).rx_phy != HCI_LE_1M_PHY
        await connection.update_parameters(50, 50, 0, 2000)
        while connection.parameters.connection_interval != 50:
            await happens(connection, "connection_parameters_update")
        assert await connection.get_rssi() == -60

    in_world(test)


def test_extended_advertising_and_connecting_to_it() -> None:
    async def test(world: World) -> None:
        data = bytes(AdvertisingData([(AdvertisingData.MANUFACTURER_SPECIFIC_DATA, bytes(200))]))
        await world.peripheral.create_advertising_set(
            advertising_parameters=AdvertisingParameters(),
            random_address=Address(PERIPHERAL),
            advertising_data=data,
        )
        advertisement = asyncio.ensure_future(happens(world.central, "advertisement"))
        await world.central.start_scanning(legacy=False)
        found = await advertisement
        assert found.data_bytes == data
        await world.central.stop_scanning()
        connection = await world.central.connect(Address(PERIPHERAL))
        assert connection.peer_address == Address(PERIPHERAL)

    in_world(test)


def test_connecting_to_nobody_can_be_given_up() -> None:
    async def test(world: World) -> None:
        with pytest.raises(bumble.core.TimeoutError):
            await world.central.connect(Address("C0:00:00:00:00:77"), timeout=0.2)
        await world.connect()

    in_world(test)


def test_directed_advertising() -> None:
    async def test(world: World) -> None:
        await world.peripheral.start_advertising(
            advertising_type=AdvertisingType.DIRECTED_CONNECTABLE_LOW_DUTY,
            target=Address(CENTRAL),
        )
        connection = await world.central.connect(Address(PERIPHERAL))
        assert connection.peer_address == Address(PERIPHERAL)

    in_world(test)


def test_a_killed_host_is_a_supervision_timeout_for_bumble() -> None:
    async def test(world: World) -> None:
        connection = await world.connect()
        gone = asyncio.ensure_future(happens(connection, "disconnection"))
        world.controllers[0].detach()
        assert await gone == 0x08
        world.controllers.pop(0)

    in_world(test)
