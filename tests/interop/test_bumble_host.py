"""bumble's own host, as an independent central and as an independent peripheral against ours."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from bumble.core import UUID
from bumble.device import Device as BumbleDevice, Peer
from bumble.gatt import Characteristic, CharacteristicValue, Descriptor, Service
from bumble.hci import Address
from bumble.pairing import PairingConfig, PairingDelegate
from bumble.transport import open_transport

from bleio.core.address import DeviceAddress
from bleio.core.codes import Properties, SecurityMode
from bleio.core.uuid import uuid16
from support.hci.engine import ECHO, ECHO_SERVICE, Heard, add_echo, asynchronous, until
from support.hci.world import FLAGS, FOREIGN_WORLDS, ForeignWorld

pytestmark = [
    pytest.mark.interop,
    # bumble's host calls a function of its own that some of its versions advise against.
    pytest.mark.filterwarnings("ignore:Use utils.AsyncRunner.spawn:DeprecationWarning"),
]

BUMBLE_ADDRESS = "C4:F2:17:1A:1D:AA"
VALUE = bytes(range(256)) + b"and more than one PDU"


@pytest.fixture(params=FOREIGN_WORLDS)
def make_world(request: pytest.FixtureRequest) -> type[ForeignWorld]:
    world: type[ForeignWorld] = FOREIGN_WORLDS[request.param]
    return world


@asynccontextmanager
async def bumble_device(world: ForeignWorld) -> AsyncIterator[BumbleDevice]:
    """bumble's host on a controller of the same radio, reached by a byte stream."""
    async with await open_transport(world.foreign_transport) as transport:
        address = Address(BUMBLE_ADDRESS)
        device = BumbleDevice.with_hci("bumble", address, transport.source, transport.sink)
        device.pairing_config_factory = lambda _: PairingConfig(
            sc=True, mitm=False, bonding=True, delegate=PairingDelegate()
        )
        await device.power_on()
        yield device
        await device.power_off()
        await asyncio.sleep(0.05)


def bumble_address(address: DeviceAddress) -> Address:
    kinds = (Address.PUBLIC_DEVICE_ADDRESS, Address.RANDOM_DEVICE_ADDRESS)
    return Address(address.octets, kinds[address.random])


@asynchronous
async def test_bumble_as_central(make_world: type[ForeignWorld]) -> None:
    async with make_world() as world, bumble_device(world) as bumble:
        ours = await world.device()
        echo = add_echo(ours.engine.server)
        echo.listeners.append(heard := Heard())
        await ours.advertise()
        connection = await bumble.connect(bumble_address(ours.address))
        await until(lambda: ours.engine.links)
        assert ours.engine.log == ["advertising ended", "link opened"]
        assert str(ours.engine.links[0].peer) == f"{BUMBLE_ADDRESS.lower()}/random"

        peer = Peer(connection)
        assert await peer.request_mtu(300) == 300
        await peer.discover_all()
        (service,) = [s for s in peer.services if bytes(s.uuid) == ECHO_SERVICE]
        (characteristic,) = service.characteristics
        assert bytes(characteristic.uuid) == ECHO
        await characteristic.write_value(b"a request", with_response=True)
        await characteristic.write_value(b"a command", with_response=False)
        await until(lambda: len(heard.values) == 2)
        assert heard.values == [b"a request", b"a command"]
        echo.value = VALUE
        assert await peer.read_value(characteristic) == VALUE

        notified: list[bytes] = []
        await peer.subscribe(characteristic, notified.append)
        await ours.engine.links[0].notify(echo, b"news")
        await until(lambda: notified)
        assert notified == [b"news"]
        await peer.unsubscribe(characteristic, notified.append)
        await peer.subscribe(characteristic, notified.append, prefer_notify=False)
        await ours.engine.links[0].indicate(echo, b"confirmed")
        assert notified == [b"news", b"confirmed"]

        await connection.disconnect()
        await until(lambda: not ours.engine.links)
        assert heard.subscriptions[-1] == (False, False)


def echo_of_bumble(written: list[bytes]) -> Characteristic[bytes]:
    return Characteristic(
        UUID.from_bytes(ECHO),
        Characteristic.Properties(
            int(Properties.READ | Properties.WRITE | Properties.NOTIFY | Properties.INDICATE)
        ),
        Characteristic.READABLE | Characteristic.WRITEABLE,
        CharacteristicValue(
            read=lambda connection: VALUE, write=lambda connection, value: written.append(value)
        ),
        [Descriptor(UUID.from_bytes(uuid16(0x2901)), Descriptor.READABLE, b"an echo")],
    )


@asynchronous
async def test_bumble_as_peripheral(make_world: type[ForeignWorld]) -> None:
    written: list[bytes] = []
    async with make_world() as world, bumble_device(world) as bumble:
        ours = await world.device()
        local = echo_of_bumble(written)
        bumble.add_service(Service(UUID.from_bytes(ECHO_SERVICE), [local]))
        await bumble.start_advertising(advertising_data=FLAGS, auto_restart=False)
        await ours.scan(extended=True)
        await until(lambda: any(r.data == FLAGS for r in ours.engine.reports))
        await ours.backend.stop_scan()
        address = next(r.address for r in ours.engine.reports if r.data == FLAGS)
        link = await ours.backend.connect(address, 10)
        assert link.mtu > 23
        (service,) = await link.discover([ECHO_SERVICE])
        (remote,) = service.characteristics
        assert await link.read(remote) == VALUE
        await link.write(remote, b"hello")
        assert written == [b"hello"]

        link.listen(remote, heard := Heard())
        (cccd,) = [d for d in remote.descriptors if d.uuid == uuid16(0x2902)]
        await link.write(cccd, b"\x01\x00")
        await bumble.notify_subscribers(local, b"news")
        await until(lambda: heard.values)
        await link.write(cccd, b"\x02\x00")
        await bumble.indicate_subscribers(local, b"confirmed")
        await until(lambda: len(heard.values) == 2)
        assert heard.values == [b"news", b"confirmed"]

        (connection,) = bumble.connections.values()
        await connection.disconnect()
        await until(lambda: not link.connected)
        assert heard.closed == 1


@pytest.mark.parametrize("asking", ["bumble", "ours"])
@asynchronous
async def test_pairing_with_bumble_as_central(make_world: type[ForeignWorld], asking: str) -> None:
    async with make_world() as world, bumble_device(world) as bumble:
        ours = await world.device()
        mode = SecurityMode.ENCRYPT_NO_MITM
        add_echo(ours.engine.server, read_perm=mode, value=b"secret")
        await ours.advertise()
        connection = await bumble.connect(bumble_address(ours.address))
        await until(lambda: ours.engine.links)
        (link,) = ours.engine.links
        if asking == "bumble":
            await connection.pair()
        else:
            pairing: list[asyncio.Future[None]] = []
            connection.on(
                connection.EVENT_SECURITY_REQUEST,
                lambda _: pairing.append(asyncio.ensure_future(connection.pair())),
            )
            await link.pair()
        await until(lambda: link.security.encrypted and link.security.has_keys)
        assert link.security.secure_connections
        assert connection.is_encrypted
        peer = Peer(connection)
        await peer.discover_services()
        (service,) = [s for s in peer.services if bytes(s.uuid) == ECHO_SERVICE]
        await service.discover_characteristics()
        assert await service.characteristics[0].read_value() == b"secret"
        await connection.disconnect()


@pytest.mark.parametrize("asking", ["bumble", "ours"])
@asynchronous
async def test_pairing_with_bumble_as_peripheral(
    make_world: type[ForeignWorld], asking: str
) -> None:
    async with make_world() as world, bumble_device(world) as bumble:
        ours = await world.device()
        await bumble.start_advertising(advertising_data=FLAGS, auto_restart=False)
        address = DeviceAddress(bytes(Address(BUMBLE_ADDRESS)), random=True)
        link = await ours.backend.connect(address, 10)
        await until(lambda: bumble.connections)
        (connection,) = bumble.connections.values()
        if asking == "bumble":
            connection.request_pairing()
            await until(lambda: link.security.has_keys)
        else:
            await link.pair()
        assert link.security.encrypted
        assert link.security.secure_connections
        await until(lambda: connection.is_encrypted)
        await link.disconnect()
