"""A bonded peer that comes back with another key, as every peer does that was reset or restored."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import pytest

from bleio.backends.base import Link
from bleio.backends.hci.bonds.store import MemoryBondStore
from bleio.backends.hci.links.connecting import SILENCE_COUNTS_S
from bleio.core.codes import HciErrorCode, SecurityMode
from bleio.errors import ConnectTimeout, KeysLost, LinkLost
from bleio.gatt.model import RemoteCharacteristic
from support.hci.engine import ECHO_SERVICE, add_echo, until
from support.hci.simulated import simulated
from support.hci.world import Device, VirtualWorld


@dataclass
class Bonded:
    central: Device
    peripheral: Device
    ours: MemoryBondStore  # the central's
    theirs: MemoryBondStore
    remote: RemoteCharacteristic  # a protected value of the peripheral's

    async def meet(self, timeout_s: float = 10) -> Link:
        """Connect to the peripheral, which advertises again whenever it has no link."""
        stays = asyncio.ensure_future(self._keep_advertising())
        try:
            return await self.central.backend.connect(self.peripheral.address, timeout_s)
        finally:
            stays.cancel()

    async def _keep_advertising(self) -> None:
        while True:
            await self.peripheral.advertise()
            await until(lambda: self.peripheral.engine.links)
            while self.peripheral.engine.links:
                await asyncio.sleep(0.01)

    async def part(self, link: Link) -> None:
        await link.disconnect()
        await until(lambda: not self.peripheral.engine.links)


@asynccontextmanager
async def bonded() -> AsyncIterator[Bonded]:
    ours, theirs = MemoryBondStore(), MemoryBondStore()
    async with VirtualWorld() as world:
        central = await world.device(bonds=lambda identity: ours)
        peripheral = await world.device(bonds=lambda identity: theirs)
        mode = SecurityMode.ENCRYPT_NO_MITM
        add_echo(peripheral.engine.server, read_perm=mode, write_perm=mode, value=b"secret")
        await peripheral.advertise()
        link, incoming = await central.connect(peripheral)
        await link.pair()
        await until(lambda: incoming.security.has_keys)
        (found,) = await link.discover([ECHO_SERVICE])
        pair = Bonded(central, peripheral, ours, theirs, found.characteristics[0])
        await pair.part(link)
        yield pair


def give_another_key(store: MemoryBondStore) -> None:
    ((central, bond),) = store.all()
    store.save(replace(bond, ltk=b"another" + bytes(9)), central)


def authenticate(store: MemoryBondStore) -> None:
    """Have the bond count as one that was authenticated."""
    ((central, bond),) = store.all()
    store.save(replace(bond, authenticated=True), central)


@simulated
async def test_there_is_a_link_and_it_says_why_it_is_plain() -> None:
    async with bonded() as pair:
        give_another_key(pair.theirs)
        before = pair.ours.all()
        link = await pair.meet()
        assert link.connected and not link.security.encrypted
        with pytest.raises(KeysLost):
            await link.read(pair.remote)
        with pytest.raises(KeysLost):
            await link.write(pair.remote, b"mine")
        assert pair.ours.all() == before  # its keys stay: this may be somebody else


@simulated
async def test_pairing_makes_a_new_bond_which_is_used_from_then_on() -> None:
    async with bonded() as pair:
        give_another_key(pair.theirs)
        link = await pair.meet()
        await link.pair()
        assert await link.read(pair.remote) == b"secret"
        await pair.part(link)
        link = await pair.meet()
        assert link.security.encrypted
        assert await link.read(pair.remote) == b"secret"


@simulated
async def test_never_by_a_weaker_pairing() -> None:
    async with bonded() as pair:
        give_another_key(pair.theirs)
        authenticate(pair.ours)
        before = pair.ours.all()
        link = await pair.meet()
        with pytest.raises(KeysLost):
            await link.pair()
        assert not link.security.encrypted
        assert pair.ours.all() == before


@simulated
async def test_the_keys_are_tried_each_time() -> None:
    """A link that was disturbed once does not cost a good bond its use."""
    async with bonded() as pair:
        kept = pair.theirs.all()
        give_another_key(pair.theirs)
        await pair.part(await pair.meet())
        for central, bond in kept:
            pair.theirs.save(bond, central)
        link = await pair.meet()
        assert link.security.encrypted


@simulated
async def test_a_peer_that_does_not_come_back() -> None:
    async with bonded() as pair:
        give_another_key(pair.theirs)
        await pair.peripheral.advertise()
        with pytest.raises(KeysLost):
            await pair.central.backend.connect(pair.peripheral.address, 5)
        with pytest.raises(ConnectTimeout):
            await pair.central.backend.connect(pair.peripheral.address, 1)


@simulated
async def test_a_peripheral_that_waits_is_told() -> None:
    """It asks for security; the central encrypts by another key, which ends the link."""
    async with bonded() as pair:
        give_another_key(pair.ours)
        await pair.peripheral.advertise()
        connecting = asyncio.ensure_future(
            pair.central.backend.connect(pair.peripheral.address, 0.5)
        )
        await until(lambda: pair.peripheral.engine.links)
        (incoming,) = pair.peripheral.engine.links
        with pytest.raises(KeysLost):
            await incoming.pair()
        with pytest.raises(KeysLost):
            await connecting


def report_ends_as(reason: int, pair: Bonded, patch: pytest.MonkeyPatch) -> None:
    """Have the central's controller give this reason for the end of links that it did not wish."""
    links = pair.central.backend._open.links
    close = links.close_link

    def close_link(link: Link, given: int) -> None:
        close(link, reason if given == HciErrorCode.MIC_FAILURE else given)

    patch.setattr(links, "close_link", close_link)


@pytest.mark.parametrize("reason", [0x05, 0x06, 0x08, 0x1F, 0x22, 0x3D])
@simulated
async def test_controllers_and_hosts_end_it_in_many_ways(
    monkeypatch: pytest.MonkeyPatch, reason: int
) -> None:
    """The one that finds the wrong MIC reports 0x3D; the other hears nothing any more, 0x08."""
    async with bonded() as pair:
        kept, before = pair.theirs.all(), pair.ours.all()
        give_another_key(pair.theirs)
        report_ends_as(reason, pair, monkeypatch)
        link = await pair.meet()
        assert link.connected and not link.security.encrypted
        with pytest.raises(KeysLost):
            await link.read(pair.remote)
        assert pair.ours.all() == before
        await pair.part(link)
        for central, bond in kept:
            pair.theirs.save(bond, central)
        link = await pair.meet()
        assert link.security.encrypted  # the keys are tried each time


@pytest.mark.parametrize("reason", [0x13, 0x14, 0x15, 0x16])
@simulated
async def test_ends_that_somebody_wished_are_not_of_the_keys(
    monkeypatch: pytest.MonkeyPatch, reason: int
) -> None:
    async with bonded() as pair:
        give_another_key(pair.theirs)
        report_ends_as(reason, pair, monkeypatch)
        with pytest.raises(LinkLost):
            await pair.meet()
        assert not pair.central.backend._open.security.shared.without_keys


@simulated
async def test_a_peer_that_refuses_and_goes() -> None:
    """It has lost its keys, says so, and ends the link at once, as some hosts do."""
    async with bonded() as pair:
        await pair.peripheral.backend.erase_bonds()
        meeting = asyncio.ensure_future(pair.meet())
        await until(lambda: pair.peripheral.engine.links)
        (incoming,) = pair.peripheral.engine.links
        incoming.bearer.received = lambda pdu: None  # its end comes before all else
        await until(lambda: incoming._security.keys_lost)
        await incoming.disconnect()
        link = await meeting
        assert link.connected and not link.security.encrypted
        await link.pair()
        assert await link.read(pair.remote) == b"secret"


@simulated
async def test_silence_may_outlast_the_time_of_a_connect(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then that connect raises the reason, and the next one gives the link to pair on."""
    async with bonded() as pair:
        give_another_key(pair.theirs)
        links = pair.central.backend._open.links
        close = links.close_link

        def close_late(link: Link, given: int) -> None:
            if given == HciErrorCode.MIC_FAILURE:
                timeout = HciErrorCode.CONNECTION_TIMEOUT
                asyncio.get_running_loop().call_later(4.0, close, link, timeout)
            else:
                close(link, given)

        monkeypatch.setattr(links, "close_link", close_late)
        with pytest.raises(KeysLost):
            await pair.meet(timeout_s=4.0)
        link = await pair.meet(timeout_s=4.0)
        assert link.connected and not link.security.encrypted
        await link.pair()
        await pair.part(link)
        assert (await pair.meet(timeout_s=4.0)).security.encrypted


@simulated
async def test_a_peer_that_was_out_of_range_for_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Silence told no more than that: when it is back after a while, its keys are used."""
    async with bonded() as pair:
        kept = pair.theirs.all()
        give_another_key(pair.theirs)
        report_ends_as(HciErrorCode.CONNECTION_TIMEOUT, pair, monkeypatch)
        await pair.peripheral.advertise()
        with pytest.raises(KeysLost):
            await pair.central.backend.connect(pair.peripheral.address, 5)
        for central, bond in kept:
            pair.theirs.save(bond, central)
        await asyncio.sleep(SILENCE_COUNTS_S)
        assert (await pair.meet()).security.encrypted


@simulated
async def test_a_peer_that_goes_away_from_the_link_without_keys() -> None:
    """The program gets no link that is gone already."""
    async with bonded() as pair:
        give_another_key(pair.theirs)
        shared = pair.central.backend._open.security.shared
        meeting = asyncio.ensure_future(pair.meet())
        await until(lambda: shared.without_keys and pair.central.engine.links)
        (link,) = pair.central.engine.links
        pair.central.backend._open.links.close_link(link, HciErrorCode.CONNECTION_TIMEOUT)
        with pytest.raises(KeysLost):
            await meeting
        assert not shared.without_keys


@simulated
async def test_a_link_of_the_other_role_has_its_keys() -> None:
    """Keys that are not tried as central say nothing of what the peer has as central."""
    async with bonded() as pair:
        pair.peripheral.backend._open.security.shared.without_keys.add(pair.central.address)
        await pair.peripheral.advertise()
        _, incoming = await pair.central.connect(pair.peripheral)
        await until(lambda: incoming.security.encrypted)
        assert incoming.encryption.keys_fit


@simulated
async def test_the_link_without_keys_is_tried_again_if_it_was_never_established(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with bonded() as pair:
        give_another_key(pair.theirs)
        shared = pair.central.backend._open.security.shared
        meeting = asyncio.ensure_future(pair.meet())
        await until(lambda: shared.without_keys and pair.central.engine.links)
        (link,) = pair.central.engine.links
        links = pair.central.backend._open.links
        close = links.close_link
        gone = HciErrorCode.CONNECTION_FAILED_TO_BE_ESTABLISHED
        monkeypatch.setattr(links, "close_link", lambda link, reason: close(link, gone))
        await link.disconnect()
        again = await meeting
        assert again is not link and again.connected and not again.security.encrypted


@simulated
async def test_other_ends_while_encryption_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    """The program gets no link that is gone already."""
    async with bonded() as pair:
        await pair.peripheral.advertise()
        connecting = asyncio.ensure_future(pair.central.backend.connect(pair.peripheral.address, 5))
        await until(lambda: pair.central.engine.links)
        (link,) = pair.central.engine.links
        monkeypatch.setattr(link.encryption, "changed", lambda *report: None)  # it never comes
        await asyncio.sleep(0.5)
        pair.central.backend._open.links.close_link(link, HciErrorCode.REMOTE_USER_TERMINATED)
        with pytest.raises(LinkLost):
            await connecting
