"""Resolving lists in use: who is reported, who may connect, under which address."""

from __future__ import annotations

import struct

import pytest

from bleio.core.address import AddressType, DeviceAddress
from bleio.core.private_address import make_resolvable
from bleio.radio.air.radio import Radio
from support.raw_host import MS, SECOND, RawHost, new_hosts

IRKS = {"central": b"\x01" * 16, "peripheral": b"\x02" * 16}
NO_KEY = bytes(16)
REPORT, COMPLETE, DIRECTED_REPORT = 0x3E02, 0x3E0A, 0x3E0B


def introduce(host: RawHost, peer: RawHost, peer_irk: bytes, local_irk: bytes) -> None:
    host.must(0x2027, b"\x01" + peer.random_address + peer_irk + local_irk)
    host.must(0x202D, b"\x01")


def acquainted() -> tuple[Radio, RawHost, RawHost]:
    """A central and a peripheral that have exchanged keys."""
    radio = Radio(seed=4)
    central, peripheral = new_hosts(radio)
    introduce(central, peripheral, IRKS["peripheral"], IRKS["central"])
    introduce(peripheral, central, IRKS["central"], IRKS["peripheral"])
    return radio, central, peripheral


def private_advertise(peripheral: RawHost, central: RawHost, **how: int) -> None:
    peripheral.advertise(own_type=3, peer_type=1, peer=central.random_address, **how)


def test_a_private_advertiser_is_reported_by_its_identity_to_who_has_its_key() -> None:
    radio, central, peripheral = acquainted()
    stranger = RawHost(radio, address="c00000000099")
    private_advertise(peripheral, central)
    for host in (central, stranger):
        host.scan()
    radio.run_until(300 * MS)
    assert central.last(REPORT)[2:9] == b"\x03" + peripheral.random_address
    shown = stranger.last(REPORT)
    assert shown[2] == 1
    address = DeviceAddress(shown[3:9], True)
    assert address.type is AddressType.RANDOM_PRIVATE_RESOLVABLE
    query = b"\x01" + peripheral.random_address
    assert central.must(0x202B, query) == address.octets
    assert peripheral.must(0x202C, b"\x01" + central.random_address) == address.octets


def test_private_addresses_change_with_the_timeout_while_advertising() -> None:
    radio, central, peripheral = acquainted()
    peripheral.must(0x202E, struct.pack("<H", 2))
    stranger = RawHost(radio, address="c00000000099")
    stranger.scan()
    private_advertise(peripheral, central)
    radio.run_until(10 * SECOND)
    assert len({event.parameters[3:9] for event in stranger.of(REPORT)}) == 5


def test_both_ends_know_each_other_by_identity_and_private_address() -> None:
    radio, central, peripheral = acquainted()
    private_advertise(peripheral, central)
    central.connect(peripheral.random_address, peer_type=3, own_type=3)
    radio.run_until(SECOND)
    parts = {}
    for host, other in ((central, peripheral), (peripheral, central)):
        kind, address, local, peer = struct.unpack_from("<B6s6s6s", host.last(COMPLETE), 4)
        assert (kind, address) == (3, other.random_address)
        parts[host] = (local, peer)
    assert parts[central] == parts[peripheral][::-1]
    assert bytes(6) not in parts[central]


def test_without_the_enhanced_event_the_identity_comes_in_the_plain_one() -> None:
    radio, central, peripheral = acquainted()
    central.must(0x2001, struct.pack("<Q", 0x1F))
    private_advertise(peripheral, central)
    central.connect(peripheral.random_address, own_type=3)
    radio.run_until(SECOND)
    assert central.of(COMPLETE) == []
    assert central.last(0x3E01)[4:11] == b"\x01" + peripheral.random_address


@pytest.mark.parametrize(("mode", "seen"), [(0, False), (1, True)])
def test_network_privacy_ignores_a_peers_identity_address(mode: int, seen: bool) -> None:
    radio, central, peripheral = acquainted()
    central.must(0x204E, b"\x01" + peripheral.random_address + bytes((mode,)))
    peripheral.advertise(own_type=1)
    central.scan()
    radio.run_until(SECOND)
    assert bool(central.of(REPORT)) is seen
    if seen:
        assert central.last(REPORT)[2:9] == b"\x01" + peripheral.random_address


def test_the_accept_list_holds_identities() -> None:
    radio, central, peripheral = acquainted()
    central.must(0x2011, b"\x01" + peripheral.random_address)
    peripheral.must(0x2011, b"\x01" + central.random_address)
    private_advertise(peripheral, central, policy=3)
    central.connect(bytes(6), policy=1, own_type=3)
    radio.run_until(SECOND)
    assert central.last(COMPLETE)[0] == 0
    assert peripheral.last(COMPLETE)[0] == 0


def test_directed_advertising_between_private_addresses() -> None:
    radio, central, peripheral = acquainted()
    stranger = RawHost(radio, address="c00000000099")
    stranger.scan()
    central.scan(own_type=3)
    private_advertise(peripheral, central, kind=4)
    radio.run_until(SECOND)
    assert stranger.events == []
    assert central.last(REPORT)[1:9] == b"\x01\x03" + peripheral.random_address
    central.must(0x200C, b"\x00\x00")
    central.connect(peripheral.random_address, own_type=3)
    radio.run_until(2 * SECOND)
    assert central.last(COMPLETE)[0] == 0


def test_a_host_that_resolves_itself_hears_of_directed_advertising_to_private_addresses() -> None:
    radio, central, peripheral = acquainted()
    host = RawHost(radio, address="c00000000099")
    host.scan(policy=2)
    private_advertise(peripheral, central, kind=4)
    radio.run_until(SECOND)
    count, kind, _, _, target_type, target, rssi = struct.unpack(
        "<BBB6sB6sb", host.last(DIRECTED_REPORT)
    )
    assert (count, kind, target_type, rssi) == (1, 1, 1, -60)
    assert DeviceAddress(target, True).type is AddressType.RANDOM_PRIVATE_RESOLVABLE


def test_a_scanner_asks_with_a_private_address() -> None:
    radio, central, peripheral = acquainted()
    central.scan(active=True, own_type=3)
    peripheral.must(
        0x2036,
        struct.pack(
            "<BH3s3sBBB6sBbBBBBB", 0, 0b10011, b"\xa0\0\0", b"\xa0\0\0", 7, 3, 1,
            central.random_address, 0, 0, 1, 0, 1, 0, 1,
        ),
    )  # fmt: skip
    peripheral.must(0x2039, b"\x01\x01" + bytes(4))
    radio.run_until(300 * MS)
    # The request came from a private address that the advertiser resolves.
    assert peripheral.last(0x3E13) == b"\x00\x03" + central.random_address


def test_the_list_does_not_change_while_it_is_used() -> None:
    _, central, peripheral = acquainted()
    central.scan()
    query = b"\x01" + peripheral.random_address
    for opcode, parameters in (
        (0x2027, query + bytes(32)),
        (0x2028, query),
        (0x2029, b""),
        (0x204E, query + b"\x00"),
        (0x202D, b"\x00"),
    ):
        assert central.command(opcode, parameters)[0] == 0x0C
    central.must(0x200C, b"\x00\x00")
    assert central.command(0x2027, query + bytes(32))[0] == 0x12  # is there already
    central.must(0x2028, query)
    assert central.command(0x2028, query)[0] == 0x02
    size = central.must(0x202A)[0]
    for index in range(size):
        central.must(0x2027, b"\x01" + bytes((index, 0, 0, 0, 0, 0xC1)) + bytes(32))
    assert central.command(0x2027, query + bytes(32))[0] == 0x07


def test_host_made_private_addresses_are_just_addresses() -> None:
    radio = Radio()
    peripheral, scanner = new_hosts(radio)
    address = make_resolvable(IRKS["peripheral"], b"xyz")
    peripheral.must(0x2005, address)
    peripheral.advertise()
    scanner.scan()
    radio.run_until(SECOND)
    assert scanner.last(REPORT)[2:9] == b"\x01" + address


def test_own_types_two_and_three_fall_back_without_a_key() -> None:
    radio = Radio()
    first, second, scanner = new_hosts(radio, 3)
    first.advertise(own_type=2)
    second.advertise(own_type=3)
    scanner.scan(filter_duplicates=True)
    radio.run_until(SECOND)
    assert {event.parameters[2:9] for event in scanner.of(REPORT)} == {
        b"\x00" + first.must(0x1009),
        b"\x01" + second.random_address,
    }
