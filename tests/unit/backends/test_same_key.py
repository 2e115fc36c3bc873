"""Bonds with one Identity Resolving Key: the last one made is used, then what proof says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import pytest

from bleio.backends.hci.bonds.store import Bond, MemoryBondStore
from bleio.core.address import DeviceAddress
from bleio.core.codes import HciErrorCode
from support.hci.engine import until
from support.hci.privacy import bond, set_private
from support.hci.simulated import simulated
from support.hci.world import Device, VirtualWorld

FORMER = DeviceAddress(bytes.fromhex("0102030405c6"), random=True)  # an identity with the same key


@dataclass
class Bonded:
    central: Device
    peripheral: Device
    ours: MemoryBondStore  # the central's
    theirs: MemoryBondStore

    async def meet(self) -> tuple[bool, bool]:
        """Connect once by private addresses. Returns: whether both ends are encrypted."""
        stays = asyncio.ensure_future(self._keep_advertising())
        link = await self.central.backend.connect(self.central_knows, 20)
        stays.cancel()
        (incoming,) = self.peripheral.engine.links
        with_keys = link.security.encrypted, incoming.security.encrypted
        await link.disconnect()
        await until(lambda: not self.peripheral.engine.links)
        return with_keys

    @property
    def central_knows(self) -> DeviceAddress:
        """The newest identity, which a scan would show."""
        return self.central.backend._open.peers.resolver.sharing(self.peripheral.address)[-1]

    async def _keep_advertising(self) -> None:
        while True:
            await self.peripheral.advertise()
            await until(lambda: self.peripheral.engine.links)
            while self.peripheral.engine.links:
                await asyncio.sleep(0.01)


@asynccontextmanager
async def bonded() -> AsyncIterator[Bonded]:
    ours, theirs = MemoryBondStore(), MemoryBondStore()
    async with VirtualWorld() as world:
        central = await world.device(bonds=lambda identity: ours)
        peripheral = await world.device(bonds=lambda identity: theirs)
        for device in (central, peripheral):
            set_private(device)
        link, _ = await bond(central, peripheral)
        await link.disconnect()
        await until(lambda: not peripheral.engine.links)
        yield Bonded(central, peripheral, ours, theirs)


def only(store: MemoryBondStore) -> tuple[bool, Bond]:
    (found,) = store.all()
    return found


def add(device: Device, made: Bond, central: bool) -> None:
    """Save a bond as a pairing would."""
    device.backend._open.bonds.save(made, central)


def other_than(made: Bond) -> Bond:
    return replace(made, identity=FORMER, ltk=b"other" + bytes(11))


@pytest.mark.parametrize("whose", ["central", "peripheral"])
@simulated
async def test_the_bond_just_made_is_used(whose: str) -> None:
    """An older one has the same key, as of a device that made itself a new identity."""
    async with bonded() as pair:
        device, store = (
            (pair.central, pair.ours) if whose == "central" else (pair.peripheral, pair.theirs)
        )
        central, made = only(store)
        store.erase()
        add(device, other_than(made), central)
        add(device, made, central)
        assert await pair.meet() == (True, True)


@simulated
async def test_a_central_tries_the_other_one_too() -> None:
    """The newest is another device's: the link ends of its key, and connect goes on."""
    async with bonded() as pair:
        central, made = only(pair.ours)
        add(pair.central, other_than(made), central)
        await pair.peripheral.advertise()
        with pytest.raises(Exception):  # noqa: B017 - the peer advertises once only
            await pair.central.backend.connect(FORMER, 2)
        assert await pair.meet() == (True, True)
        assert len(pair.ours.all()) == 2  # none is erased


@simulated
async def test_a_peripheral_uses_the_other_one_next_time() -> None:
    async with bonded() as pair:
        central, made = only(pair.theirs)
        add(pair.peripheral, other_than(made), central)
        await pair.peripheral.advertise()
        with pytest.raises(Exception):  # noqa: B017 - the link ends of the wrong key
            await pair.central.backend.connect(pair.peripheral.address, 2)
        assert await pair.meet() == (True, True)
        assert await pair.meet() == (True, True)  # the one that was proven stays in front


@simulated
async def test_what_came_encrypted_from_one_is_not_taken_in_the_clear_from_the_other() -> None:
    async with bonded() as pair:
        central, made = only(pair.ours)
        shared = pair.central.backend._open.security.shared
        shared.encrypted_values.passed_encrypted(made.identity, b"a name")
        add(pair.central, other_than(made), central)
        assert set(shared.same_key.sharing(FORMER)) == {FORMER, made.identity}
        shared.without_keys.update((FORMER, made.identity))
        await pair.peripheral.advertise()
        link = await pair.central.backend.connect(made.identity, 10)
        link._security.peer.address = FORMER
        assert not link.security.encrypted
        assert not link._security.trust.admits(b"a name")


@simulated
async def test_values_wait_while_the_other_ones_keys_are_tried() -> None:
    """The peer has lost the keys of the first; a read must not pass in the clear meanwhile."""
    async with bonded() as pair:
        central, made = only(pair.ours)
        add(pair.central, other_than(made), central)
        await pair.peripheral.advertise()
        connecting = asyncio.ensure_future(pair.central.connect(pair.peripheral))
        await until(lambda: pair.central.engine.links)
        (link,) = pair.central.engine.links
        link._security.peer.address = FORMER
        link.encryption.changed(HciErrorCode.PIN_OR_KEY_MISSING, False, 0)
        assert link.peer == made.identity and link.encryption.by_bond
        waiting = asyncio.ensure_future(link.encryption.under_way())
        await asyncio.sleep(0)
        assert not waiting.done()
        await link.disconnect()
        await asyncio.gather(waiting, connecting, return_exceptions=True)


@simulated
async def test_a_weaker_bond_does_not_answer_for_a_stronger_one() -> None:
    """A peer that was bonded on no proof gives the key of an authenticated one as its own."""
    async with bonded() as pair:
        central, made = only(pair.ours)
        assert not made.authenticated
        add(pair.central, replace(other_than(made), authenticated=True), central)
        stays = asyncio.ensure_future(pair._keep_advertising())
        link = await pair.central.backend.connect(FORMER, 20)
        stays.cancel()
        assert not link.security.encrypted  # a link to pair on, which has proved nothing
        assert link.peer == FORMER
        assert len(pair.ours.all()) == 2
