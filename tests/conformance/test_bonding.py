"""What a bond brings back: keys, subscriptions, and news of the table."""

from __future__ import annotations

from pathlib import Path

import pytest

from bleio.backends.base import Link
from bleio.backends.capabilities import Capability
from bleio.backends.hci.bonds.file import FileBondStore
from bleio.core.address import DeviceAddress
from bleio.core.codes import GattUuid
from bleio.core.uuid import uuid16
from bleio.gatt.model import LocalService, RemoteCharacteristic
from support.hci.engine import ECHO, ECHO_SERVICE, Heard, add_echo, until
from support.hci.simulated import in_world_time
from support.hci.world import Device, MakeWorld, World, connected_pair

pytestmark = pytest.mark.needs(Capability.PAIRING)

GATT, SERVICE_CHANGED = uuid16(GattUuid.GENERIC_ATTRIBUTE), uuid16(GattUuid.SERVICE_CHANGED)


async def bonded_pair(world: World) -> tuple[Device, Device, Link]:
    """Give a central that is bonded with its peripheral, and the central's link."""
    central, peripheral, link, _ = await connected_pair(world)
    await link.pair()
    return central, peripheral, link


async def find(link: Link, service: bytes, uuid: bytes) -> RemoteCharacteristic:
    (found,) = await link.discover([service])
    (characteristic,) = [each for each in found.characteristics if each.uuid == uuid]
    return characteristic


async def subscribe(
    link: Link, service: bytes, uuid: bytes, *, notify: bool = False, indicate: bool = False
) -> RemoteCharacteristic:
    """Return the characteristic that notifies or indicates from now on."""
    characteristic = await find(link, service, uuid)
    await link.subscribe(characteristic, notify, indicate)
    return characteristic


async def part(peripheral: Device, link: Link) -> None:
    await link.disconnect()
    await until(lambda: not peripheral.engine.links)


async def meet(
    central: Device,
    peripheral: Device,
    remote: RemoteCharacteristic | None = None,
    heard: Heard | None = None,
) -> tuple[Link, Link]:
    """Connect, with a listener from the start; gives both ends once they are encrypted."""
    opened = central.engine.link_opened

    def link_opened(link: Link) -> None:
        if remote is not None and heard is not None:
            link.listen(remote, heard)
        opened(link)

    central.engine.link_opened = link_opened  # type: ignore[method-assign]
    await peripheral.advertise()
    link, incoming = await central.connect(peripheral)
    central.engine.link_opened = opened  # type: ignore[method-assign]
    await until(lambda: link.security.encrypted and incoming.security.encrypted)
    return link, incoming


@pytest.mark.needs(Capability.SUBSCRIBERS)
@in_world_time
async def test_a_bonded_client_need_not_subscribe_again(make_world: MakeWorld) -> None:
    async with make_world() as world:
        central, peripheral, link = await bonded_pair(world)
        echo = add_echo(peripheral.engine.server)
        remote = await subscribe(link, ECHO_SERVICE, ECHO, notify=True)
        await part(peripheral, link)
        told, heard = Heard(), Heard()
        echo.listeners.append(told)
        _, incoming = await meet(central, peripheral, remote, heard)
        assert incoming.subscription(echo) == (True, False)
        assert told.subscriptions == [(True, False)]
        await incoming.notify(echo, b"news")
        await until(lambda: heard.values)
        assert heard.values == [b"news"]


@pytest.mark.needs(Capability.SUBSCRIBERS)
@in_world_time
async def test_nor_need_a_peripheral_that_is_the_client(make_world: MakeWorld) -> None:
    async with make_world() as world:
        central, peripheral, link = await bonded_pair(world)
        echo = add_echo(central.engine.server)
        (incoming,) = peripheral.engine.links
        remote = await subscribe(incoming, ECHO_SERVICE, ECHO, indicate=True)
        await part(peripheral, link)
        heard = Heard()
        link, incoming = await meet(central, peripheral)
        incoming.listen(remote, heard)
        assert link.subscription(echo) == (False, True)
        await link.indicate(echo, b"news")
        assert heard.values == [b"news"]


@pytest.mark.needs(Capability.SUBSCRIBERS)
@in_world_time
async def test_a_client_without_a_bond_has_to(make_world: MakeWorld) -> None:
    async with make_world() as world:
        central, peripheral, link, _ = await connected_pair(world)
        echo = add_echo(peripheral.engine.server)
        await subscribe(link, ECHO_SERVICE, ECHO, notify=True)
        await part(peripheral, link)
        await peripheral.advertise()
        link, incoming = await central.connect(peripheral)
        await link.pair()
        assert incoming.subscription(echo) == (False, False)


@pytest.mark.needs(Capability.SERVICE_CHANGED)
@in_world_time
async def test_a_bonded_client_hears_what_changed_while_it_was_away(make_world: MakeWorld) -> None:
    async with make_world() as world:
        central, peripheral, link = await bonded_pair(world)
        remote = await subscribe(link, GATT, SERVICE_CHANGED, indicate=True)
        await part(peripheral, link)
        add_echo(peripheral.engine.server)
        peripheral.engine.server.add_service(LocalService(uuid16(0xA00A)))
        heard = Heard()
        link, _ = await meet(central, peripheral, remote, heard)
        await until(lambda: heard.values)
        await find(link, ECHO_SERVICE, ECHO)
        await part(peripheral, link)
        assert heard.values == [b"\x01\x00\xff\xff"]
        again = Heard()
        link, _ = await meet(central, peripheral, remote, again)
        await find(link, ECHO_SERVICE, ECHO)  # it would have come before the answers
        assert again.values == []


@pytest.mark.needs(Capability.SETTABLE_ADDRESS)
@in_world_time
async def test_each_identity_has_its_bonds(faithful_world: MakeWorld, tmp_path: Path) -> None:
    def bonds(identity: DeviceAddress) -> FileBondStore:
        return FileBondStore(tmp_path, identity)

    async with faithful_world() as world:
        peripheral = await world.device()
        central = await world.device(bonds=bonds)
        await peripheral.advertise()
        link, _ = await central.connect(peripheral)
        await link.pair()
        await part(peripheral, link)
        former = central.address
        await central.backend.set_address(DeviceAddress(bytes.fromhex("0605040302c3"), random=True))
        await peripheral.advertise()
        link, _ = await central.connect(peripheral)
        assert not link.security.has_keys
        await link.pair()
        await part(peripheral, link)
        assert len(list(tmp_path.glob("*.json"))) == 2
        if former.random:
            await central.backend.set_address(former)
            await meet(central, peripheral)
