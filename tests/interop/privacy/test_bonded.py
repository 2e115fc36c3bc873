"""Bonded devices that both use private addresses know each other, and nobody else does."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bleio.core.codes import AttErrorCode, SecurityMode
from bleio.errors import AttError, ConnectTimeout
from support.hci.engine import ECHO_SERVICE, add_echo, until
from support.hci.privacy import (
    CONTROLLERS,
    ROTATION_S,
    PrivateWorld,
    bond,
    is_private,
    on_air,
    part,
    set_private,
    settled,
)
from support.hci.simulated import simulated
from support.hci.world import Device

PAIRS = [(each, each) for each in CONTROLLERS] + [
    ("complete", "oldest"),
    ("oldest", "complete"),
]
LISTS = ("complete", "legacy advertising")
both_controllers = pytest.mark.parametrize(("ours", "theirs"), PAIRS)
any_controller = pytest.mark.parametrize("controller", CONTROLLERS)


def resolves(device: Device, peer: Device) -> bool:
    """Whether its controller knows the peer."""
    opened: Any = device.backend._open
    known: bool = opened.peers.in_controller.holds(peer.address)
    return known


async def reported(scanner: Device) -> object:
    """The address that the next report has."""
    before = len(scanner.engine.reports)
    await scanner.scan()
    await until(lambda: len(scanner.engine.reports) > before)
    await scanner.backend.stop_scan()
    return scanner.engine.reports[-1].address


@both_controllers
@simulated
async def test_bonded_devices_meet_again(ours: str, theirs: str) -> None:
    async with PrivateWorld() as world:
        one, other, stranger = [await world.make(each) for each in (ours, theirs, "complete")]
        link, incoming = await bond(one, other)
        assert (link.peer, incoming.peer) == (other.address, one.address)
        for device, controller, peer in [(one, ours, other), (other, theirs, one)]:
            assert resolves(device, peer) == (controller in LISTS)
        seen = set()
        for central, peripheral in [(one, other), (one, other), (other, one), (other, one)]:
            await part(link, one, other)
            await peripheral.advertise(data=b"\x02\x01\x06")
            assert await reported(central) == peripheral.address
            shown = await reported(stranger)
            assert is_private(shown)  # type: ignore[arg-type]
            link, incoming = await central.connect(peripheral)
            assert (link.peer, incoming.peer) == (peripheral.address, central.address)
            assert on_air(link) == on_air(incoming)[::-1]
            assert all(is_private(each) for each in on_air(link))
            assert not seen.intersection(on_air(link))
            seen.update(on_air(link))
            assert link.security.has_keys == incoming.security.has_keys
            if not link.security.has_keys:
                await link.pair()
                await until(lambda end=incoming: end.security.has_keys)
            await until(lambda ends=(link, incoming): all(e.security.encrypted for e in ends))


@any_controller
@simulated
async def test_a_peer_that_shows_its_identity_is_known_too(controller: str) -> None:
    async with PrivateWorld() as world:
        one = await world.make(controller)
        other = await world.make(controller, private_address=False)
        link, _ = await bond(one, other)
        for central, peripheral in [(one, other), (other, one)]:
            await part(link, one, other)
            await peripheral.advertise()
            assert await reported(central) == peripheral.address
            link, incoming = await central.connect(peripheral)
            assert (link.peer, incoming.peer) == (peripheral.address, central.address)
            assert on_air(link) == on_air(incoming)[::-1]


@pytest.mark.parametrize("private", [(True, True), (True, False), (False, True), (False, False)])
@pytest.mark.parametrize("controller", ["complete", "legacy advertising"])
@simulated
async def test_directed_advertising(controller: str, private: tuple[bool, bool]) -> None:
    """A controller that resolves can answer a directed packet, whatever address is in it."""
    async with PrivateWorld() as world:
        central, peripheral = [
            await world.make(controller, private_address=each) for each in private
        ]
        link, _ = await bond(central, peripheral)
        for _ in range(2):
            await part(link, central, peripheral)
            await peripheral.advertise(data=b"", directed_to=central.address)
            link, incoming = await central.connect(peripheral)
            assert (link.peer, incoming.peer) == (peripheral.address, central.address)
            assert on_air(link) == on_air(incoming)[::-1]
            await until(lambda ends=(link, incoming): all(e.security.encrypted for e in ends))


@simulated
async def test_directed_advertising_without_a_list_means_the_address_heard_last() -> None:
    async with PrivateWorld() as world:
        central = await world.make("no resolving list")
        peripheral = await world.make("no resolving list")
        link, incoming = await bond(central, peripheral)
        await link.disconnect()
        await until(lambda: not peripheral.engine.links)
        await peripheral.advertise(data=b"", directed_to=central.address)
        link, incoming = await central.connect(peripheral)
        assert (link.peer, incoming.peer) == (peripheral.address, central.address)


@any_controller
@simulated
async def test_a_peer_is_looked_for_until_it_comes(controller: str) -> None:
    async with PrivateWorld() as world:
        central, peripheral = await world.make(controller), await world.make(controller)
        link, _ = await bond(central, peripheral)
        await part(link, central, peripheral)
        with pytest.raises(ConnectTimeout):
            await central.backend.connect(peripheral.address, 2)
        connecting = asyncio.ensure_future(central.backend.connect(peripheral.address, 0))
        await asyncio.sleep(3 * ROTATION_S)  # addresses change while it initiates
        assert not connecting.done()
        await peripheral.advertise()
        link = await connecting
        assert link.peer == peripheral.address
        await part(link, central, peripheral)
        connecting = asyncio.ensure_future(central.backend.connect(peripheral.address, 0))
        await asyncio.sleep(1)
        connecting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await connecting
        with pytest.raises(ConnectTimeout):
            await central.backend.connect(peripheral.address, 1)
        await peripheral.advertise()
        link, _ = await central.connect(peripheral)


@any_controller
@simulated
async def test_looking_for_a_peer_leaves_scans_alone(controller: str) -> None:
    async with PrivateWorld() as world:
        central, peripheral = await world.make(controller), await world.make(controller)
        link, _ = await bond(central, peripheral)
        await part(link, central, peripheral)
        other = await world.make()
        await other.advertise()
        connecting = asyncio.ensure_future(central.backend.connect(peripheral.address, 0))
        await asyncio.sleep(1)
        before = len(central.engine.reports)
        await asyncio.sleep(1)
        assert len(central.engine.reports) == before
        await central.scan()
        await until(lambda: len(central.engine.reports) > before)
        await central.backend.stop_scan()
        before = len(central.engine.reports)
        await asyncio.sleep(1)
        assert len(central.engine.reports) == before
        await peripheral.advertise()
        assert (await connecting).peer == peripheral.address


@any_controller
@simulated
async def test_erased_bonds_make_strangers(controller: str) -> None:
    async with PrivateWorld() as world:
        central, peripheral = await world.make(controller), await world.make(controller)
        link, _ = await bond(central, peripheral)
        await part(link, central, peripheral)
        await peripheral.advertise()
        assert await reported(central) == peripheral.address
        await central.backend.erase_bonds()
        await settled(central)
        assert is_private(await reported(central))  # type: ignore[arg-type]


@any_controller
@simulated
async def test_an_address_alone_opens_nothing(controller: str) -> None:
    """Somebody shows a bonded peer's identity in the clear, in either role, without its keys."""
    async with PrivateWorld() as world:
        device = await world.make(controller)
        peer = await world.make(private_address=False)
        mode = SecurityMode.ENCRYPT_NO_MITM
        add_echo(device.engine.server, read_perm=mode, write_perm=mode, value=b"secret")
        link, _ = await bond(peer, device)
        await part(link, device, peer)
        await peer.advertise()
        link, _ = await device.connect(peer)
        await link.pair()
        await part(link, device, peer)
        identity = peer.address
        await peer.backend.close()

        thief = await world.make(private_address=False)
        await thief.backend.set_address(identity)
        set_private(device, private_address=False)  # so that the thief finds it at all
        await device.advertise()
        link, incoming = await thief.connect(device)
        assert incoming.peer == identity
        (service,) = await link.discover([ECHO_SERVICE])
        with pytest.raises(AttError) as caught:
            await link.read(service.characteristics[0])
        assert caught.value.code in (
            AttErrorCode.INSUFFICIENT_AUTHENTICATION,
            AttErrorCode.INSUFFICIENT_ENCRYPTION,
        )
        assert not incoming.security.encrypted
        await part(link, device, thief)
        await thief.advertise()
        link, incoming = await device.connect(thief)
        await asyncio.sleep(1)
        assert not link.security.encrypted
        assert not incoming.security.encrypted
        assert not incoming.security.has_keys
