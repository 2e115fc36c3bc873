"""bumble's host, private too, as an independent peer in both roles."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from bumble.device import Device as BumbleDevice, DeviceConfiguration
from bumble.hci import Address, HCI_LE_Set_Random_Address_Command
from bumble.keys import MemoryKeyStore
from bumble.pairing import PairingConfig, PairingDelegate
from bumble.transport import open_transport

from bleio.backends.base import Link
from bleio.core.address import DeviceAddress
from support.hci.engine import asynchronous, until
from support.hci.privacy import is_private, on_air, set_private
from support.hci.world import FLAGS, Device, ListenWorld

pytestmark = [
    pytest.mark.interop,
    # bumble's host calls a function of its own that some of its versions advise against.
    pytest.mark.filterwarnings("ignore:Use utils.AsyncRunner.spawn:DeprecationWarning"),
]

IDENTITY = DeviceAddress(bytes.fromhex("aa1d1a17f2c4"), random=True)
both_kinds = pytest.mark.parametrize("secure_connections", [True, False])


@asynccontextmanager
async def private_bumble(
    world: ListenWorld, secure_connections: bool
) -> AsyncIterator[BumbleDevice]:
    async with await open_transport(world.foreign_transport) as transport:
        config = DeviceConfiguration(
            name="bumble",
            address=Address(IDENTITY.octets, Address.RANDOM_DEVICE_ADDRESS),
            le_privacy_enabled=True,
            le_rpa_timeout=0,
            irk=bytes(range(16)),
        )
        device = BumbleDevice.from_config_with_hci(config, transport.source, transport.sink)
        device.keystore = MemoryKeyStore()
        device.pairing_config_factory = lambda _: PairingConfig(
            sc=secure_connections,
            mitm=False,
            bonding=True,
            delegate=PairingDelegate(),
            identity_address_type=PairingConfig.AddressType.RANDOM,
        )
        await device.power_on()
        yield device
        await device.power_off()
        await asyncio.sleep(0.05)


async def change_address(bumble: BumbleDevice, ours: Device) -> None:
    """Both show another address from now on."""
    bumble.random_address = Address.generate_private_address(bumble.irk)
    await bumble.send_sync_command(
        HCI_LE_Set_Random_Address_Command(random_address=bumble.random_address)
    )
    for private in (False, True):
        set_private(ours, private_address=private)


async def bonded(bumble: BumbleDevice, link: Link) -> None:
    await until(lambda: link.security.has_keys)
    await until(lambda: link.peer == IDENTITY)
    (connection,) = bumble.connections.values()
    await until(lambda: bumble.keystore.all_keys)
    await connection.disconnect()
    await until(lambda: not link.connected)
    await bumble.refresh_resolving_list()


@both_kinds
@asynchronous
async def test_bumble_as_central(secure_connections: bool) -> None:
    async with ListenWorld() as world, private_bumble(world, secure_connections) as bumble:
        ours = await world.device()
        set_private(ours)
        await ours.advertise()
        found: list[Address] = []
        bumble.on("advertisement", lambda advertisement: found.append(advertisement.address))
        await bumble.start_scanning()
        await until(lambda: found)
        await bumble.stop_scanning()
        connection = await bumble.connect(found[0])
        (link,) = await until(lambda: list(ours.engine.links))
        assert all(is_private(each) for each in on_air(link))
        await connection.pair()
        assert link.security.secure_connections == secure_connections
        await bonded(bumble, link)

        await change_address(bumble, ours)
        await ours.advertise()
        kinds = (Address.PUBLIC_DEVICE_ADDRESS, Address.RANDOM_DEVICE_ADDRESS)
        identity = Address(ours.address.octets, kinds[ours.address.random])
        connection = await bumble.connect(identity)
        (link,) = await until(lambda: list(ours.engine.links))
        assert link.peer == IDENTITY
        assert is_private(on_air(link)[1])
        await connection.encrypt()
        await until(lambda: link.security.encrypted)
        await connection.disconnect()


@both_kinds
@asynchronous
async def test_bumble_as_peripheral(secure_connections: bool) -> None:
    async with ListenWorld() as world, private_bumble(world, secure_connections) as bumble:
        ours = await world.device()
        set_private(ours)
        await bumble.start_advertising(advertising_data=FLAGS, auto_restart=False)
        await ours.scan()
        await until(lambda: any(r.data == FLAGS for r in ours.engine.reports))
        await ours.backend.stop_scan()
        address = next(r.address for r in ours.engine.reports if r.data == FLAGS)
        assert is_private(address)
        link = await ours.backend.connect(address, 10)
        assert all(is_private(each) for each in on_air(link))
        await link.pair()
        assert link.security.secure_connections == secure_connections
        await bonded(bumble, link)
        if not secure_connections:
            return  # bumble as peripheral keeps legacy keys of both sides swapped

        await change_address(bumble, ours)
        await bumble.start_advertising(advertising_data=FLAGS, auto_restart=False)
        link = await ours.backend.connect(IDENTITY, 10)
        assert link.peer == IDENTITY
        assert is_private(on_air(link)[1])
        await until(lambda: link.security.encrypted)
        await link.disconnect()
