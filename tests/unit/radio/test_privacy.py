"""Resolvable private addresses against the specification's sample data."""

from __future__ import annotations

from bleio.core.address import AddressType, DeviceAddress
from bleio.radio.air.privacy import (
    Entry,
    Peer,
    ResolvingList,
    address_hash,
    encrypt,
    make_resolvable,
    resolves,
)
from bleio.radio.air.radio import Radio

IRK = bytes.fromhex("ec0234a357c8ad05341010a60a397d9b")[::-1]
PEER = DeviceAddress(bytes.fromhex("c00000000001")[::-1], True)


def test_ah_sample_data() -> None:
    """Vol 3, Part H, Appendix D.7."""
    assert address_hash(IRK, bytes.fromhex("708194")[::-1]) == bytes.fromhex("0dfbaa")[::-1]


def test_e_sample_data() -> None:
    """FIPS 197, Appendix B, octets reversed as HCI has them."""
    key = bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c")[::-1]
    block = bytes.fromhex("3243f6a8885a308d313198a2e0370734")[::-1]
    assert encrypt(key, block) == bytes.fromhex("3925841d02dc09fbdc118597196a0b32")[::-1]


def test_a_made_address_is_resolvable_with_its_key_alone() -> None:
    address = make_resolvable(IRK, b"\x01\x02\xff")
    assert DeviceAddress(address, True).type is AddressType.RANDOM_PRIVATE_RESOLVABLE
    assert resolves(address, IRK)
    assert not resolves(address, bytes(range(16)))
    assert not resolves(address, bytes(16))


def resolving_list(**entry: object) -> tuple[Radio, ResolvingList]:
    radio = Radio(seed=3)
    table = ResolvingList(radio)
    values = {"peer_irk": IRK, "local_irk": bytes(range(16))} | entry
    table.entries[PEER] = Entry(PEER, **values)  # type: ignore[arg-type]
    table.enabled = True
    return radio, table


def test_peers_are_resolved_only_when_enabled() -> None:
    _, table = resolving_list()
    address = DeviceAddress(make_resolvable(IRK, b"abc"), True)
    assert table.peer_of(address) == Peer(PEER, True)
    table.enabled = False
    assert table.peer_of(address) == Peer(address, False)


def test_the_identity_address_is_ignored_in_network_privacy_mode_only() -> None:
    _, table = resolving_list()
    assert table.peer_of(PEER) is None
    table.entries[PEER].network_privacy = False
    assert table.peer_of(PEER) == Peer(PEER, False)
    _, keyless = resolving_list(peer_irk=bytes(16))
    assert keyless.peer_of(PEER) == Peer(PEER, False)


def test_our_own_address_changes_with_its_timeout() -> None:
    radio, table = resolving_list()
    first = table.local_address(PEER)
    radio.run_until(899_999_999)
    assert table.local_address(PEER) == first
    radio.run_until(900_000_000)
    second = table.local_address(PEER)
    assert first != second
    assert second is not None
    assert table.is_ours(second.octets)


def test_without_a_local_key_there_is_no_private_address() -> None:
    _, table = resolving_list(local_irk=bytes(16))
    assert table.local_address(PEER) is None
    assert table.local_address(None) is None
