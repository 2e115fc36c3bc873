"""Encryption, pairing from both ends, and bonds."""

from __future__ import annotations

import asyncio

import pytest

from bleio.backends.base import Link
from bleio.backends.capabilities import Capability
from bleio.core.address import DeviceAddress
from bleio.core.codes import AttErrorCode, SecurityMode
from bleio.errors import AttError, LinkLost
from support.hci.engine import ECHO_SERVICE, add_echo, until
from support.hci.simulated import in_world_time
from support.hci.world import Device, MakeWorld, connected_pair

INSUFFICIENT = (
    AttErrorCode.INSUFFICIENT_AUTHENTICATION,
    AttErrorCode.INSUFFICIENT_ENCRYPTION,
)

pytestmark = pytest.mark.needs(Capability.PAIRING)


@pytest.mark.parametrize("by_central", [True, False])
@in_world_time
async def test_either_end_can_pair(make_world: MakeWorld, by_central: bool) -> None:
    async with make_world() as world:
        central, peripheral, link, incoming = await connected_pair(world)
        asking, other = (link, incoming) if by_central else (incoming, link)
        await asking.pair()
        await until(lambda: other.security.has_keys)
        for device, end in ((central, link), (peripheral, incoming)):
            assert end.security.encrypted
            assert not end.security.authenticated
            if Capability.KEY_STRENGTH in device.backend.capabilities:
                assert end.security.secure_connections
                assert end.security.key_size == 16
        await asking.pair()
        await other.pair()


@in_world_time
async def test_both_ends_pair_at_once(make_world: MakeWorld) -> None:
    async with make_world() as world:
        _, _, link, incoming = await connected_pair(world)
        await asyncio.gather(link.pair(), incoming.pair(), link.pair())
        assert link.security.encrypted
        assert incoming.security.encrypted


@in_world_time
async def test_an_encrypted_value_needs_pairing(make_world: MakeWorld) -> None:
    async with make_world() as world:
        central, peripheral, link, _ = await connected_pair(world)
        mode = SecurityMode.ENCRYPT_NO_MITM
        add_echo(peripheral.engine.server, read_perm=mode, write_perm=mode, value=b"secret")
        await world.settled(peripheral)
        (service,) = await link.discover([ECHO_SERVICE])
        (remote,) = service.characteristics
        if Capability.PAIRING_ON_REQUEST in central.backend.capabilities:
            with pytest.raises(AttError) as caught:
                await link.read(remote)
            assert caught.value.code in INSUFFICIENT
            await link.pair()
        assert await link.read(remote) == b"secret"
        await link.write(remote, b"new")


async def reconnect(central: Device, peripheral: Device, link: Link) -> tuple[Link, Link]:
    await link.disconnect()
    await until(lambda: not peripheral.engine.links)
    await peripheral.advertise()
    return await central.connect(peripheral)


@in_world_time
async def test_a_bonded_link_is_encrypted_without_asking(make_world: MakeWorld) -> None:
    async with make_world() as world:
        central, peripheral, link, _ = await connected_pair(world)
        await link.pair()
        link, incoming = await reconnect(central, peripheral, link)
        await until(lambda: link.security.encrypted and incoming.security.encrypted)
        assert link.security.has_keys
        assert incoming.security.has_keys
        if Capability.KEY_STRENGTH in central.backend.capabilities:
            assert link.security.secure_connections


@in_world_time
async def test_a_bonded_peripheral_gets_its_link_encrypted(make_world: MakeWorld) -> None:
    async with make_world() as world:
        central, peripheral, link, _ = await connected_pair(world)
        await link.pair()
        link, incoming = await reconnect(central, peripheral, link)
        await incoming.pair()
        assert incoming.security.encrypted


@in_world_time
async def test_erasing_bonds_unpairs_live_links(make_world: MakeWorld) -> None:
    async with make_world() as world:
        central, peripheral, link, incoming = await connected_pair(world)
        await link.pair()
        await until(lambda: incoming.security.has_keys)
        for device in (central, peripheral):
            await device.backend.erase_bonds()
        assert not link.security.encrypted
        assert not (incoming.connected and incoming.security.has_keys)  # some systems end the link
        link, incoming = await reconnect(central, peripheral, link)
        assert not link.security.has_keys
        await link.pair()
        assert link.security.encrypted


@in_world_time
async def test_erasing_the_bond_with_another_peer_changes_nothing(make_world: MakeWorld) -> None:
    async with make_world() as world:
        central, peripheral, link, incoming = await connected_pair(world)
        await link.pair()
        await until(lambda: incoming.security.has_keys)
        await central.backend.erase_bonds(DeviceAddress(bytes.fromhex("0102030405c6"), True))
        assert link.security.encrypted
        await central.backend.erase_bonds(link.peer)
        assert not link.security.encrypted
        link, incoming = await reconnect(central, peripheral, link)
        assert not link.security.has_keys


@pytest.mark.needs(Capability.PAIRING_AFRESH)
@in_world_time
async def test_a_peer_that_lost_its_keys_is_paired_afresh(make_world: MakeWorld) -> None:
    async with make_world() as world:
        central, peripheral, link, incoming = await connected_pair(world)
        await link.pair()
        await until(lambda: incoming.security.has_keys)
        await peripheral.backend.erase_bonds()
        link, incoming = await reconnect(central, peripheral, link)
        await link.pair()
        assert link.security.encrypted
        await until(lambda: incoming.security.has_keys)


@in_world_time
async def test_pairing_fails_when_the_link_ends(make_world: MakeWorld) -> None:
    async with make_world() as world:
        _, _, link, incoming = await connected_pair(world)
        world.silence(incoming)
        pairing = asyncio.ensure_future(link.pair())
        await asyncio.sleep(0.05)
        assert not pairing.done()
        await incoming.disconnect()
        with pytest.raises(LinkLost):
            await pairing


@pytest.mark.needs(Capability.ANONYMOUS_ADVERTISING)
@in_world_time
async def test_pairing_over_an_anonymous_link(faithful_world: MakeWorld) -> None:
    async with faithful_world() as world:
        central, peripheral = await world.device(), await world.device()
        await peripheral.advertise(anonymous=True)
        await central.scan(extended=True)
        await until(lambda: central.engine.reports)
        link = await central.backend.connect(central.engine.reports[0].address, 10)
        await link.pair()
        assert link.security.encrypted
