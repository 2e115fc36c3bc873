"""Scanning, initiating and advertising have what a station's links leave of its radio."""

from __future__ import annotations

import struct

import pytest

from bleio.radio.air import phy
from bleio.radio.air.propagation import Propagation
from bleio.radio.air.radio import AirPdu, Radio
from bleio.radio.air.station import RadioOn
from support.raw_host import (
    MS,
    SECOND,
    Pair,
    RawHost,
    connected_pair,
    handle_of,
    new_hosts,
)

COMPLETE, REPORT = 0x3E0A, 0x3E02
BUFFERS = 12
AIRS = pytest.mark.parametrize("propagation", [Propagation(), Propagation(loss=1e-12)])


def keep_sending(host: RawHost, us: int) -> None:
    radio = host.radio
    until_us = radio.now_us + us
    while radio.now_us < until_us:
        while host.controller.host.acl_in_flight < BUFFERS:
            host.send_acl(handle_of(host), bytes(27))
        radio.run_until(radio.now_us + MS)


def half_busy_pair(propagation: Propagation) -> Pair:
    """A link that may use half of each interval of 20 ms."""
    pair = connected_pair(Radio(1, propagation), interval_ms=20, timeout_ms=4000)
    timing = struct.pack("<HHHHHHH", pair.central_handle, 16, 16, 0, 400, 0, 16)
    assert pair.central.command(0x2013, timing)[0] == 0
    pair.radio.run_until(pair.radio.now_us + SECOND)
    return pair


def used(host: RawHost) -> RadioOn:
    return host.controller.layer.station.radio_on


def both_us(before: RadioOn, after: RadioOn) -> int:
    return after.tx_us + after.rx_us - before.tx_us - before.rx_us


@AIRS
def test_a_scanner_does_not_hear_what_is_sent_during_an_event(propagation: Propagation) -> None:
    pair = half_busy_pair(propagation)
    (beacon,) = new_hosts(pair.radio, 1)
    beacon.must(0x2005, b"\x77" * 5 + b"\xc7")
    beacon.advertise(interval_ms=20, kind=3)
    pair.central.scan(interval_ms=1000, window_ms=1000)
    keep_sending(pair.peripheral, 10 * SECOND)
    sent = beacon.controller.layer.legacy_advertiser.event
    assert len(pair.central.of(REPORT)) / sent == pytest.approx(0.5, abs=0.05)


@AIRS
def test_scanning_and_links_together_use_no_more_than_there_is(propagation: Propagation) -> None:
    pair = half_busy_pair(propagation)
    pair.central.scan()
    keep_sending(pair.peripheral, 50 * MS)
    before, begin_us = used(pair.central), pair.radio.now_us
    keep_sending(pair.peripheral, 2 * SECOND)
    total_us = both_us(before, used(pair.central))
    elapsed_us = pair.radio.now_us - begin_us
    # In the link's events the gaps between packets are missing.
    gaps_us = 10_000 // (80 + 150 + 296 + 150) * 2 * 150
    assert total_us / elapsed_us == pytest.approx(1 - gaps_us / 20_000, rel=0.02)


@AIRS
@pytest.mark.parametrize("latency", [0, 4])
def test_idle_events_are_not_scanned_in(propagation: Propagation, latency: int) -> None:
    radio = Radio(1, propagation)
    pair = connected_pair(radio, interval_ms=20, latency=latency, timeout_ms=4000)
    pair.radio.run_until(pair.radio.now_us + SECOND)
    pair.peripheral.scan()
    pair.radio.run_until(pair.radio.now_us + 10 * MS)
    before = used(pair.peripheral)
    pair.radio.run_until(pair.radio.now_us + 10 * SECOND)
    events = 10 * SECOND // 20_000 // (latency + 1)
    # An idle event is two empty packets and the gap between them, which alone is lost.
    gaps_us = 10 * SECOND - both_us(before, used(pair.peripheral))
    assert gaps_us == pytest.approx(events * 150, abs=0.02 * events * 150 + 450)


@AIRS
def test_a_scan_that_begins_during_an_event(propagation: Propagation) -> None:
    pair = half_busy_pair(propagation)
    keep_sending(pair.peripheral, 50 * MS)
    (link,) = pair.radio.links
    anchor_us = link.anchor_us(link.event_at(pair.radio.now_us))
    keep_sending(pair.peripheral, anchor_us + 5 * MS - pair.radio.now_us)
    before, begin_us = used(pair.central), pair.radio.now_us
    pair.central.scan(interval_ms=1000, window_ms=1000)
    keep_sending(pair.peripheral, 10 * MS)
    elapsed_us = pair.radio.now_us - begin_us
    gaps_us = (anchor_us + 9464 - begin_us) * 300 // 676
    assert both_us(before, used(pair.central)) == pytest.approx(elapsed_us - gaps_us, abs=700)


def test_reading_in_between_does_not_change_what_is_counted() -> None:
    totals = []
    for reads in (1, 300):
        pair = connected_pair(interval_ms=20, latency=3, timeout_ms=4000)
        pair.peripheral.scan(interval_ms=70, window_ms=30)
        for _ in range(reads):
            pair.radio.run_until(pair.radio.now_us + 3 * SECOND // reads)
            total = used(pair.peripheral)
        totals.append(total)
    assert totals[0] == totals[1]


def advertise_extended(host: RawHost) -> None:
    interval = b"\x20\x00\x00"
    head = struct.pack("<BH", 0, 0) + interval * 2
    rest = struct.pack("<BBB6sBbBBBBB", 7, 1, 0, bytes(6), 0, 0, 1, 0, 1, 9, 0)
    host.must(0x2036, head + rest)
    host.must(0x2035, b"\x00" + host.random_address)
    host.must(0x2037, bytes((0, 3, 1, 20)) + bytes(20))
    host.must(0x2039, b"\x01\x01" + bytes(4))


def sent_in_events(pair: Pair, air: list[AirPdu]) -> list[bool]:
    """For each advertising packet of the peripheral, whether a link event goes on."""
    (link,) = pair.radio.links
    station = pair.peripheral.controller.layer.station
    found = []
    for packet in air:
        if packet.sender is station and packet.access_address == phy.ADVERTISING_ACCESS_ADDRESS:
            into_us = (packet.time_us - link.anchor_us(0)) % link.interval_us
            found.append(into_us < 8_700)
    return found


@AIRS
@pytest.mark.parametrize("extended", [False, True])
def test_a_device_does_not_advertise_during_an_event(
    propagation: Propagation, extended: bool
) -> None:
    pair = half_busy_pair(propagation)
    if extended:
        advertise_extended(pair.peripheral)
    else:
        pair.peripheral.advertise(interval_ms=20, kind=3, data=bytes(20))
    air: list[AirPdu] = []
    keep_sending(pair.peripheral, 50 * MS)
    pair.radio.watch(air.append)
    keep_sending(pair.peripheral, 5 * SECOND)
    in_events = sent_in_events(pair, air)
    assert len(in_events) > 50
    assert not any(in_events)


@AIRS
def test_an_initiator_finds_its_advertiser_between_events(propagation: Propagation) -> None:
    pair = half_busy_pair(propagation)
    (other,) = new_hosts(pair.radio, 1)
    other.must(0x2005, b"\x77" * 5 + b"\xc7")
    other.advertise(interval_ms=20)
    pair.central.connect(other.random_address, interval_ms=20)
    keep_sending(pair.peripheral, SECOND)
    assert len(pair.central.of(COMPLETE)) == 2
    first, second = pair.radio.links
    offset_us = second.anchor_us(0) - first.anchor_us(first.event_at(second.anchor_us(0)))
    assert offset_us % first.interval_us == 10_000
