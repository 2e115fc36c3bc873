"""Legacy advertising and scanning in time: intervals, windows, reports, filters, responses."""

from __future__ import annotations

import struct

import pytest

from bleio.radio.air.propagation import Propagation
from bleio.radio.air.radio import AirPdu, Radio
from support.raw_host import MS, SECOND, RawHost, new_hosts

ADV_IND, ADV_DIRECT, ADV_SCAN, ADV_NONCONN, SCAN_RSP = range(5)
LEGACY_REPORT, DIRECTED_REPORT, EXTENDED_REPORT = 0x3E02, 0x3E0B, 0x3E0D


def reports(host: RawHost) -> list[tuple[int, int, bytes, bytes, int]]:
    """Event type, address type, address, data, RSSI of each legacy report."""
    found = []
    for event in host.of(LEGACY_REPORT):
        count, kind, address_type, address, length = struct.unpack_from("<BBB6sB", event.parameters)
        assert count == 1
        data = event.parameters[10 : 10 + length]
        (rssi,) = struct.unpack("<b", event.parameters[10 + length :])
        found.append((kind, address_type, address, data, rssi))
    return found


def test_a_report_carries_what_was_advertised_and_rssi_is_power_less_path_loss() -> None:
    radio = Radio(propagation=Propagation(path_loss_db=47))
    advertiser, scanner = new_hosts(radio)
    advertiser.advertise(data=b"\x02\x01\x06")
    scanner.scan()
    radio.run_until(50 * MS)
    assert reports(scanner) == [(ADV_IND, 1, advertiser.random_address, b"\x02\x01\x06", -47)]


def test_the_interval_holds_with_a_delay_of_up_to_ten_milliseconds() -> None:
    radio = Radio(seed=7)
    advertiser, scanner = new_hosts(radio)
    advertiser.advertise(interval_ms=100)
    scanner.scan(interval_ms=10_240, window_ms=10_240)
    radio.run_until(10 * SECOND)
    times = [event.at_us for event in scanner.of(LEGACY_REPORT)]
    gaps = [later - earlier for earlier, later in zip(times, times[1:])]  # noqa: B905, RUF007
    assert all(100 * MS <= gap <= 110 * MS for gap in gaps)
    assert max(gaps) - min(gaps) > 8 * MS
    assert len(set(gaps)) > 80


@pytest.mark.parametrize(("window_ms", "share"), [(25, 0.25), (50, 0.5), (100, 1.0)])
def test_a_scanner_hears_what_falls_into_its_window(window_ms: float, share: float) -> None:
    radio = Radio(seed=2)
    advertiser, scanner = new_hosts(radio)
    advertiser.advertise(interval_ms=20)
    scanner.scan(interval_ms=100, window_ms=window_ms)
    radio.run_until(60 * SECOND)
    sent = 60_000 / 25
    assert len(reports(scanner)) / sent == pytest.approx(share, abs=0.04)


def test_an_advertiser_on_one_channel_is_heard_a_third_of_the_time() -> None:
    radio = Radio(seed=2)
    advertiser, scanner = new_hosts(radio)
    advertiser.advertise(interval_ms=20, channels=0b010)
    scanner.scan(interval_ms=50, window_ms=50)
    radio.run_until(60 * SECOND)
    assert len(reports(scanner)) / (60_000 / 25) == pytest.approx(1 / 3, abs=0.04)


@pytest.mark.parametrize(
    ("kind", "event_type", "responds"),
    [(0, ADV_IND, True), (2, ADV_SCAN, True), (3, ADV_NONCONN, False)],
)
def test_scan_responses_come_from_scannable_advertising_only(
    kind: int, event_type: int, responds: bool
) -> None:
    radio = Radio()
    advertiser, scanner = new_hosts(radio)
    advertiser.advertise(kind=kind, data=b"\x02\x01\x06", response=b"\x02\x0a\x00")
    scanner.scan(active=True)
    radio.run_until(50 * MS)
    found = [(row[0], row[3]) for row in reports(scanner)]
    expected = [(event_type, b"\x02\x01\x06")]
    expected += [(SCAN_RSP, b"\x02\x0a\x00")] if responds else []
    assert found == expected


def test_an_empty_scan_response_is_reported_too() -> None:
    radio = Radio()
    advertiser, scanner = new_hosts(radio)
    advertiser.advertise()
    scanner.scan(active=True)
    radio.run_until(50 * MS)
    assert [(row[0], row[3]) for row in reports(scanner)] == [(ADV_IND, b""), (SCAN_RSP, b"")]


def test_a_passive_scan_asks_for_nothing() -> None:
    radio = Radio()
    advertiser, scanner = new_hosts(radio)
    advertiser.advertise(response=b"\x01\xbb")
    scanner.scan()
    radio.run_until(50 * MS)
    assert [row[0] for row in reports(scanner)] == [ADV_IND]


def test_the_duplicate_filter_reports_each_advertiser_once() -> None:
    radio = Radio()
    first, second, scanner = new_hosts(radio, 3)
    first.advertise()
    second.advertise()
    scanner.scan(active=True, filter_duplicates=True)
    radio.run_until(2 * SECOND)
    assert sorted((row[2], row[0]) for row in reports(scanner)) == [
        (first.random_address, ADV_IND),
        (first.random_address, SCAN_RSP),
        (second.random_address, ADV_IND),
        (second.random_address, SCAN_RSP),
    ]


def test_the_accept_list_filters_reports() -> None:
    radio = Radio()
    first, second, scanner = new_hosts(radio, 3)
    first.advertise()
    second.advertise()
    scanner.must(0x2011, b"\x01" + second.random_address)
    scanner.scan(policy=1)
    assert scanner.command(0x2010)[0] == 0x0C
    radio.run_until(SECOND)
    assert {row[2] for row in reports(scanner)} == {second.random_address}


def test_an_advertiser_with_an_accept_list_answers_listed_scanners() -> None:
    radio = Radio()
    advertiser, listed, stranger = new_hosts(radio, 3)
    advertiser.must(0x2011, b"\x01" + listed.random_address)
    advertiser.advertise(policy=1)
    stranger.scan(active=True)
    radio.run_until(SECOND)
    assert {row[0] for row in reports(stranger)} == {ADV_IND}
    listed.scan(active=True)
    radio.run_until(2 * SECOND)
    assert SCAN_RSP in {row[0] for row in reports(listed)}


def test_scanners_that_ask_at_once_share_one_answer() -> None:
    """A scan response names no scanner: whoever has asked for one hears it."""
    radio = Radio()
    air: list[AirPdu] = []
    radio.watch(air.append)
    advertiser, *scanners = new_hosts(radio, 3)
    advertiser.advertise()
    for host in scanners:
        host.scan(active=True)
    radio.run_until(50 * MS)
    assert [[row[0] for row in reports(host)] for host in scanners] == [[ADV_IND, SCAN_RSP]] * 2
    assert [packet.octets[0] & 0xF for packet in air].count(4) == 1


@pytest.mark.parametrize("kind", [1, 4])
def test_directed_advertising_shows_to_its_target_only(kind: int) -> None:
    radio = Radio()
    advertiser, target, other = new_hosts(radio, 3)
    for host in (target, other):
        host.scan()
    advertiser.advertise(kind=kind, peer_type=1, peer=target.random_address)
    radio.run_until(200 * MS)
    assert {row[0] for row in reports(target)} == {ADV_DIRECT}
    assert reports(other) == []


def test_high_duty_directed_advertising_ends_after_1280_ms() -> None:
    radio = Radio()
    (advertiser,) = new_hosts(radio, 1)
    advertiser.advertise(kind=1, peer_type=1, peer=b"nobody")
    radio.run_until(1279 * MS)
    assert advertiser.of(0x3E0A) == []
    radio.run_until(1281 * MS)
    assert advertiser.last(0x3E0A)[:1] == b"\x3c"
    advertiser.must(0x2005, bytes(6))  # allowed again: nothing is enabled


def test_low_duty_directed_advertising_goes_on() -> None:
    radio = Radio()
    advertiser, target = new_hosts(radio)
    advertiser.advertise(kind=4, peer_type=1, peer=target.random_address)
    radio.run_until(5 * SECOND)
    target.scan()
    radio.run_until(6 * SECOND)
    assert reports(target)


def test_stopping_stops() -> None:
    radio = Radio()
    advertiser, scanner = new_hosts(radio)
    advertiser.advertise()
    scanner.scan()
    radio.run_until(SECOND)
    advertiser.must(0x200A, b"\x00")
    scanner.events.clear()
    radio.run_until(3 * SECOND)
    assert scanner.events == []
    assert radio.next_event_us() is None


def test_a_host_that_went_away_is_silent() -> None:
    radio = Radio()
    advertiser, scanner = new_hosts(radio)
    advertiser.advertise()
    scanner.scan()
    radio.run_until(SECOND)
    advertiser.controller.detach()
    scanner.events.clear()
    radio.run_until(3 * SECOND)
    assert scanner.events == []


def test_reports_are_dropped_and_counted_while_the_host_is_slow() -> None:
    radio = Radio()
    advertiser, scanner = new_hosts(radio)
    advertiser.advertise()
    scanner.scan()
    scanner.controller.congested = True
    radio.run_until(SECOND)
    assert scanner.events == []
    dropped = scanner.controller.dropped["advertising report while the host was slow"]
    assert 9 <= dropped <= 10
    scanner.controller.congested = False
    radio.run_until(2 * SECOND)
    assert reports(scanner)


def test_a_scanner_does_not_hear_its_own_controller() -> None:
    radio = Radio()
    (host,) = new_hosts(radio, 1)
    host.scan()
    host.advertise()
    radio.run_until(SECOND)
    assert host.events == []
