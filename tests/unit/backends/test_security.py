"""Pairing against peers that refuse, fall silent or talk nonsense; and the bonds."""

from __future__ import annotations

import asyncio

import pytest

from bleio.backends.hci.bonds.store import MAX_BONDS, Bond, MemoryBondStore
from bleio.core.address import DeviceAddress
from bleio.errors import PairingFailed
from support.hci.engine import asynchronous, until
from support.hci.simulated import simulated
from support.hci.world import BumbleWorld, VirtualWorld, connected_pair

PAIRING_NOT_SUPPORTED = b"\x05\x05"


def address(number: int) -> DeviceAddress:
    return DeviceAddress(bytes((number, 2, 3, 4, 5, 0xC6)), random=True)


def test_bonds_are_separate_for_each_role() -> None:
    store = MemoryBondStore()
    store.save(Bond(address(1), b"central" * 2), central=True)
    assert store.find(address(1), central=False) is None
    assert store.find(address(1), central=True) is not None
    store.erase()
    assert store.find(address(1), central=True) is None


def test_the_oldest_bond_gives_way() -> None:
    store = MemoryBondStore()
    for number in range(MAX_BONDS):
        store.save(Bond(address(number), bytes(16)), central=True)
    store.save(Bond(address(0), b"anew" * 4), central=True)  # now the youngest
    store.save(Bond(address(200), bytes(16)), central=True)
    assert store.find(address(0), central=True) is not None
    assert store.find(address(1), central=True) is None


def test_keys_are_kept_out_of_reprs() -> None:
    shown = repr(Bond(address(1), b"secretsecretsecr", irk=b"secretsecretsecr"))
    assert "secret" not in shown


@pytest.mark.parametrize("by_central", [True, False])
@asynchronous
async def test_a_peer_that_refuses(by_central: bool) -> None:
    async with BumbleWorld() as world:
        _, _, link, incoming = await connected_pair(world)
        asking, other = (link, incoming) if by_central else (incoming, link)
        real = other._security.received
        other._security.received = lambda pdu: other._security.send(PAIRING_NOT_SUPPORTED)
        with pytest.raises(PairingFailed) as caught:
            await asking.pair()
        assert caught.value.reason == 0x05
        assert not asking.security.encrypted
        other._security.received = real
        await asking.pair()
        assert asking.security.encrypted


@simulated
async def test_a_peripheral_that_falls_silent() -> None:
    """A pairing that timed out is the last on its link. Spec: Vol 3, Part H, 3.4."""
    async with VirtualWorld() as world:
        _, _, link, incoming = await connected_pair(world)
        incoming._security.received = lambda pdu: None
        with pytest.raises(PairingFailed):
            await link.pair()
        assert link.connected
        del incoming._security.received
        with pytest.raises(PairingFailed):
            await link.pair()
        assert not link.security.encrypted


@simulated
async def test_a_central_that_ignores_a_security_request() -> None:
    async with VirtualWorld() as world:
        _, _, link, incoming = await connected_pair(world)
        link._security.received = lambda pdu: None
        with pytest.raises(PairingFailed):
            await incoming.pair()
        del link._security.received
        await incoming.pair()
        assert incoming.security.encrypted


@asynchronous
async def test_a_public_key_that_is_no_point_fails_the_pairing() -> None:
    async with BumbleWorld() as world:
        _, _, link, incoming = await connected_pair(world)
        send = incoming._security.send

        def spoil(pdu: bytes) -> None:
            send(pdu[:1] + bytes(64) if pdu[0] == 0x0C else pdu)

        incoming._security.send = spoil
        with pytest.raises(PairingFailed):
            await link.pair()
        assert not link.security.encrypted


@asynchronous
async def test_nonsense_before_during_and_after_pairing() -> None:
    async with BumbleWorld() as world:
        central, peripheral, link, incoming = await connected_pair(world)
        nonsense = [b"\x01", b"\x0c" + bytes(10), b"\xff", b"\x03" * 17, b"\x0d" + bytes(16)]
        for end, device in ((link, central), (incoming, peripheral)):
            for pdu in nonsense:
                end._security.received(pdu)
            assert device.counters().faults == 0
        await asyncio.sleep(0.05)
        await link.pair()
        for pdu in nonsense:
            link._security.received(pdu)
        await until(lambda: incoming.security.has_keys)
        assert link.security.encrypted
        assert link.connected
