"""Radio-on time against arithmetic."""

from __future__ import annotations

import struct

import pytest

from bleio.radio.air.propagation import Propagation
from bleio.radio.air.radio import Radio
from bleio.radio.air.station import RadioOn
from bleio.testing import World
from support.raw_host import MS, SECOND, Pair, RawHost, connected_pair, new_hosts

ADDRESS = 6
SYNC_US = (1 + 4) * 8  # preamble and access address


def packet_us(payload: int) -> int:
    """Preamble, access address, header, payload and CRC at 1M."""
    return (1 + 4 + 2 + payload + 3) * 8


EMPTY_US = packet_us(0)


def used(host: RawHost) -> RadioOn:
    return host.controller.layer.station.radio_on


def used_in(pair: Pair, us: int) -> tuple[RadioOn, RadioOn]:
    """What both ends use from just after an idle event to the same moment in a later one."""
    before = used(pair.central), used(pair.peripheral)
    pair.radio.run_until(pair.radio.now_us + us)
    after = used(pair.central), used(pair.peripheral)
    central, peripheral = (
        RadioOn(b.tx_us - a.tx_us, b.rx_us - a.rx_us) for a, b in zip(before, after, strict=True)
    )
    return central, peripheral


@pytest.mark.parametrize("loss", [0, 1e-9])
@pytest.mark.parametrize(("kind", "listens"), [(0, True), (2, True), (3, False)])
def test_advertiser(kind: int, listens: bool, loss: float) -> None:
    radio = Radio(seed=3, propagation=Propagation(loss=loss))
    (host,) = new_hosts(radio, 1)
    host.advertise(interval_ms=100, kind=kind, data=bytes(20))
    radio.run_until(10 * SECOND)
    events = host.controller.layer.legacy_advertiser.event
    assert events == pytest.approx(10_000 / 105, abs=3)
    assert used(host) == (
        events * 3 * packet_us(ADDRESS + 20),
        events * 3 * SYNC_US if listens else 0,
    )


def test_changed_data_count_from_then_on() -> None:
    radio = Radio(seed=3)
    (host,) = new_hosts(radio, 1)
    host.advertise(interval_ms=100, kind=3, data=bytes(20))
    radio.run_until(SECOND)
    former = host.controller.layer.legacy_advertiser.event
    host.must(0x2008, struct.pack("<B31s", 5, bytes(5)))
    radio.run_until(2 * SECOND)
    later = host.controller.layer.legacy_advertiser.event - former
    assert later > 5
    expected_us = former * 3 * packet_us(ADDRESS + 20) + later * 3 * packet_us(ADDRESS + 5)
    assert used(host).tx_us == expected_us


def test_scanner_with_a_duty_of_a_tenth() -> None:
    radio = Radio()
    (host,) = new_hosts(radio, 1)
    host.scan(interval_ms=100, window_ms=10)
    radio.run_until(5 * SECOND)
    assert used(host) == (0, 500 * MS)
    radio.run_until(5 * SECOND + 4 * MS)
    assert used(host) == (0, 504 * MS)
    host.must(0x200C, b"\0\0")
    radio.run_until(9 * SECOND)
    assert used(host) == (0, 504 * MS)


def test_scan_requests_and_responses() -> None:
    radio = Radio(seed=2)
    advertiser, scanner = new_hosts(radio)
    advertiser.advertise(interval_ms=100, kind=2, data=bytes(10), response=bytes(15))
    scanner.scan(active=True, interval_ms=10, window_ms=10)
    radio.run_until(5 * SECOND)
    events = advertiser.controller.layer.legacy_advertiser.event
    requests = used(scanner).tx_us // packet_us(12)
    assert requests > 30
    assert used(scanner) == (requests * packet_us(12), 5 * SECOND)
    assert used(advertiser) == (
        events * 3 * packet_us(ADDRESS + 10) + requests * packet_us(ADDRESS + 15),
        events * 3 * SYNC_US + requests * (packet_us(12) - SYNC_US),
    )


def test_connecting() -> None:
    radio = Radio(seed=1)
    central, peripheral = new_hosts(radio)
    peripheral.advertise(interval_ms=20)
    central.connect(peripheral.random_address, interval_ms=100)
    events = peripheral.controller.layer.legacy_advertiser
    while events.enabled:
        radio.run_until(radio.now_us + 10)
    assert used(central).tx_us == packet_us(34)
    packets, rest_us = divmod(used(peripheral).tx_us, packet_us(ADDRESS))
    assert rest_us == 0
    assert 3 * (events.event - 1) < packets <= 3 * events.event
    assert used(peripheral).rx_us == packets * SYNC_US + packet_us(34) - SYNC_US


@pytest.mark.parametrize("loss", [0, 1e-9])
def test_idle_link(loss: float) -> None:
    pair = connected_pair(Radio(seed=1, propagation=Propagation(loss=loss)), interval_ms=100)
    pair.radio.run_until(pair.radio.now_us + SECOND)
    expected = RadioOn(100 * EMPTY_US, 100 * EMPTY_US)
    assert used_in(pair, 10 * SECOND) == (expected, expected)


@pytest.mark.parametrize("loss", [0, 1e-9])
def test_idle_link_with_latency(loss: float) -> None:
    radio = Radio(seed=1, propagation=Propagation(loss=loss))
    pair = connected_pair(radio, interval_ms=100, latency=4, timeout_ms=4000)
    pair.radio.run_until(pair.radio.now_us + SECOND)
    attended = RadioOn(20 * EMPTY_US, 20 * EMPTY_US)
    central = RadioOn(100 * EMPTY_US, 20 * EMPTY_US + 80 * SYNC_US)
    assert used_in(pair, 10 * SECOND) == (central, attended)


@pytest.mark.parametrize("loss", [0, 1e-9])
def test_link_with_data(loss: float) -> None:
    pair = connected_pair(Radio(seed=1, propagation=Propagation(loss=loss)), interval_ms=100)
    pair.radio.run_until(pair.radio.now_us + SECOND)
    for _ in range(5):
        pair.peripheral.send_acl(pair.peripheral_handle, bytes(16))
    central, peripheral = used_in(pair, 10 * SECOND)
    # One packet to an exchange, all in one event; 99 others are idle.
    assert len(pair.central.acl) == 5
    assert peripheral == (99 * EMPTY_US + 5 * packet_us(16), (99 + 5) * EMPTY_US)
    assert central == (peripheral.rx_us, peripheral.tx_us)


def test_reading_does_not_change_what_is_counted() -> None:
    totals = []
    for reads in (1, 500):
        pair = connected_pair(interval_ms=100, latency=2, timeout_ms=4000)
        pair.central.scan(interval_ms=70, window_ms=30)
        for _ in range(reads):
            pair.radio.run_until(pair.radio.now_us + 10 * SECOND // reads)
            total = used(pair.central), used(pair.peripheral)
        totals.append(total)
    assert totals[0] == totals[1]


def test_phy_counts_from_its_instant() -> None:
    pair = connected_pair(interval_ms=100)
    command = struct.pack("<HBBBH", pair.central_handle, 0, 2, 2, 0)
    assert pair.central.command(0x2032, command)[0] == 0
    pair.radio.run_until(pair.radio.now_us + 3 * SECOND)
    expected = RadioOn(100 * 44, 100 * 44)  # 11 octets of 4 us
    assert used_in(pair, 10 * SECOND) == (expected, expected)


def test_one_whose_peer_has_gone_calls_in_vain_until_its_time_out() -> None:
    pair = connected_pair(interval_ms=100, timeout_ms=1000)
    pair.peripheral.controller.detach()
    central, peripheral = used_in(pair, 10 * SECOND)
    assert peripheral == (0, 0)
    assert central == (10 * EMPTY_US, 10 * SYNC_US)
    assert not pair.central.controller.layer.station.meters


def test_device_counts_over_power_cycles() -> None:
    program = """
import time
import _bleio
_bleio.adapter.start_advertising(b"\\x02\\x01\\x06", interval=0.1, connectable=False)
time.sleep(60)
"""
    with World(seed=1) as world:
        device = world.add(source=program, name="beacon")
        world.run_for(10)
        first = device.energy
        assert first.tx_us == pytest.approx(10 / 0.105 * 3 * packet_us(ADDRESS + 3), rel=0.03)
        device.power_off()
        world.run_for(10)
        assert device.energy == first
        device.power_on()
        world.run_for(10)
        assert device.energy.tx_us == pytest.approx(2 * first.tx_us, rel=0.03)
