"""The resolving list of a controller."""

from __future__ import annotations

from bleio.core.address import DeviceAddress
from bleio.core.private_address import make_resolvable
from bleio.radio.air.privacy import Entry, Peer, ResolvingList
from bleio.radio.air.radio import Radio

IRK = bytes.fromhex("ec0234a357c8ad05341010a60a397d9b")[::-1]
PEER = DeviceAddress(bytes.fromhex("c00000000001")[::-1], True)


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
