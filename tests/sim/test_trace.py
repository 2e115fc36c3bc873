"""The air as octets: what a capture sees, and that the same seed gives the same trace."""

from __future__ import annotations

import struct

import pytest

from bleio.radio.air.phy import ADVERTISING_ACCESS_ADDRESS
from bleio.radio.air.radio import AirPdu, Direction, Radio
from support.raw_host import MS, SECOND, RawHost, connected_pair, handle_of, l2cap, new_hosts

KEY = bytes(range(16))


def record(radio: Radio) -> list[AirPdu]:
    packets: list[AirPdu] = []
    radio.watch(packets.append)
    return packets


def story(seed: int) -> tuple[list[tuple[object, ...]], list[list[bytes]]]:
    """Scan, connect, exchange, encrypt, lose. Returns: packets on air and at each host."""
    radio = Radio(seed=seed)
    air = record(radio)
    hosts = new_hosts(radio, 4)
    central, peripheral, beacon, scanner = hosts
    beacon.advertise(kind=3, data=b"\x03\xff\x01\x02", interval_ms=50)
    peripheral.advertise(interval_ms=30, response=b"\x02\x0a\x00")
    scanner.scan(active=True, interval_ms=60, window_ms=30)
    radio.run_until(SECOND)
    central.connect(peripheral.random_address)
    radio.run_until(2 * SECOND)
    central.must(0x2022, struct.pack("<HHH", handle_of(central), 251, 2120))
    for index in range(10):
        central.send_acl(handle_of(central), l2cap(bytes((index,)) * 96))
        peripheral.send_acl(handle_of(peripheral), l2cap(bytes((index,)) * 26))
        radio.run_until(radio.now_us + 13 * MS)
    parameters = struct.pack("<H8sH16s", handle_of(central), bytes(8), 0, KEY)
    assert central.command(0x2019, parameters)[0] == 0
    radio.run_until(radio.now_us + 200 * MS)
    peripheral.must(0x201A, struct.pack("<H", handle_of(peripheral)) + KEY)
    radio.run_until(radio.now_us + 200 * MS)
    peripheral.controller.detach()
    radio.run_until(radio.now_us + 2 * SECOND)
    return [(*pdu[:5], pdu.sender.index, pdu.octets) for pdu in air], [h.packets for h in hosts]


def test_the_same_seed_gives_the_same_trace() -> None:
    assert story(42) == story(42)


def test_another_seed_gives_another_trace() -> None:
    assert story(42)[0] != story(43)[0]


def test_looking_changes_nothing() -> None:
    radio = Radio(seed=42)
    advertiser, scanner = new_hosts(radio)
    advertiser.advertise()
    scanner.scan(active=True)
    radio.run_until(SECOND)
    watched = Radio(seed=42)
    record(watched)
    other, watcher = new_hosts(watched)
    other.advertise()
    watcher.scan(active=True)
    watched.run_until(SECOND)
    assert scanner.events == watcher.events


def advertising_event(host: RawHost, air: list[AirPdu]) -> list[AirPdu]:
    host.radio.run_until(host.radio.now_us + 50 * MS)
    return sorted(air, key=lambda packet: packet.time_us)


def test_legacy_advertising_on_air() -> None:
    radio = Radio()
    advertiser, scanner = new_hosts(radio)
    air = record(radio)
    scanner.scan(active=True)
    advertiser.advertise(data=b"\x02\x01\x06", response=b"\x01\x09")
    address, scanner_address = advertiser.random_address, scanner.random_address
    packets = advertising_event(advertiser, air)
    adv_ind = bytes((0x60, 9)) + address + b"\x02\x01\x06"
    scan_req = bytes((0xC3, 12)) + scanner_address + address
    scan_rsp = bytes((0x44, 8)) + address + b"\x01\x09"
    assert [packet.octets for packet in packets] == [adv_ind, scan_req, scan_rsp, adv_ind, adv_ind]
    assert [packet.channel for packet in packets] == [37, 37, 37, 38, 39]
    assert {packet.access_address for packet in packets} == {ADVERTISING_ACCESS_ADDRESS}
    # T_IFS lies between the end of one packet, (1 + 4 + 2 + n + 3) * 8 us long, and the next.
    times = [packet.time_us for packet in packets]
    assert times[1] - times[0] == (10 + 9) * 8 + 150
    assert times[2] - times[1] == (10 + 12) * 8 + 150


@pytest.mark.parametrize(
    ("kind", "header"), [(0, 0x60), (1, 0xE1), (2, 0x46), (3, 0x42), (4, 0xE1)]
)
def test_legacy_types_on_air(kind: int, header: int) -> None:
    radio = Radio()
    (advertiser,) = new_hosts(radio, 1)
    air = record(radio)
    advertiser.advertise(kind=kind, peer_type=1, peer=b"\x05" * 5 + b"\xc5")
    assert advertising_event(advertiser, air)[0].octets[0] == header


def test_extended_advertising_on_air() -> None:
    radio = Radio(seed=1)
    (advertiser,) = new_hosts(radio, 1)
    air = record(radio)
    interval = b"\xa0\x00\x00"
    advertiser.must(
        0x2036,
        struct.pack(
            "<BH3s3sBBB6sBbBBBBB", 0, 0x41, interval, interval, 7, 1, 0, bytes(6), 0, -4, 1, 0, 2,
            9, 0,
        ),
    )  # fmt: skip
    advertiser.must(0x2035, b"\x00" + advertiser.random_address)
    advertiser.must(0x2037, bytes((0, 3, 1, 5)) + b"\x04\xffabc")
    advertiser.must(0x2039, b"\x01\x01" + bytes(4))
    *primary, auxiliary = advertising_event(advertiser, air)
    identifier = advertiser.controller.layer.advertisers[0].data_identifier
    adi = struct.pack("<H", identifier | 9 << 12)
    for packet, channel in zip(primary, (37, 38, 39), strict=True):
        assert (packet.channel, packet.phy) == (channel, 1)
        assert packet.octets[:6] == bytes((0x07, 7, 0x40 | 6, 0x18)) + adi
        pointer = int.from_bytes(packet.octets[6:], "little")
        assert pointer >> 21 == 1  # 2M
        assert pointer & 0x3F == auxiliary.channel < 37
        offset_us = (pointer >> 8 & 0x1FFF) * 30
        assert 0 <= auxiliary.time_us - packet.time_us - offset_us < 30
    assert (auxiliary.phy, auxiliary.tx_power_dbm) == (2, -4)
    assert auxiliary.octets == (
        bytes((0x47, 16, 0x40 | 10, 0x49)) + advertiser.random_address + adi + b"\xfc\x04\xffabc"
    )


def test_a_connection_on_air() -> None:
    radio = Radio(seed=1)
    air = record(radio)
    pair = connected_pair(radio, interval_ms=30, timeout_ms=2000)
    (request,) = [packet for packet in air if packet.octets[0] & 0x0F == 5]
    assert request.octets[:2] == bytes((0xE5, 34))
    assert request.octets[2:14] == pair.central.random_address + pair.peripheral.random_address
    access_address, _, size, offset, *timing, channels, hop = struct.unpack(
        "<I3sBHHHH5sB", request.octets[14:]
    )
    assert (size, offset, timing, channels, hop) == (1, 0, [24, 0, 200], b"\xff\xff\xff\xff\x1f", 7)
    air.clear()
    frame = l2cap(bytes(range(26)))
    pair.central.send_acl(pair.central_handle, frame)
    radio.run_until(radio.now_us + 30 * MS)
    assert {packet.access_address for packet in air} == {access_address}
    assert {packet.channel for packet in air if packet.channel < 37}
    # Empty packets that are not shown turn neither SN nor NESN, or it would look as if some had
    # been lost: both are 0, in the answer NESN is 1, and so on.
    more, sequence = 1 << 4, (0b0000, 0b0100, 0b1100, 0b1000)
    assert [packet.octets for packet in air] == [
        bytes((2 | more | sequence[0], 27)) + frame[:27],
        bytes((1 | sequence[1], 0)),
        bytes((1 | sequence[2], 3)) + frame[27:],
        bytes((1 | sequence[3], 0)),
    ]
    assert [packet.sender.index for packet in air] == [1, 2, 1, 2]
    to_peripheral, to_central = Direction.TO_PERIPHERAL, Direction.TO_CENTRAL
    assert [packet.direction for packet in air] == [to_peripheral, to_central] * 2
