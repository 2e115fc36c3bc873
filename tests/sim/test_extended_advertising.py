"""Extended advertising and scanning: sets, fragments, durations, PHYs, reports."""

from __future__ import annotations

import struct
from typing import NamedTuple

import pytest

from bleio.radio.air.propagation import Propagation
from bleio.radio.air.radio import Radio
from support.raw_host import MS, SECOND, RawHost, new_hosts

REPORT, TERMINATED, SCAN_TIMEOUT, SCAN_REQUEST = 0x3E0D, 0x3E12, 0x3E11, 0x3E13
CONNECTABLE, SCANNABLE, DIRECTED, LEGACY, ANONYMOUS, TX_POWER = 1, 2, 4, 16, 32, 64


class Report(NamedTuple):
    properties: int
    address_type: int
    address: bytes
    primary_phy: int
    secondary_phy: int
    sid: int
    tx_power: int
    rssi: int
    data: bytes


def reports(host: RawHost) -> list[Report]:
    found = []
    for event in host.of(REPORT):
        fields = struct.unpack_from("<BHB6sBBBbbHB6sB", event.parameters)
        data = event.parameters[25:]
        assert fields[0] == 1
        assert len(data) == fields[12]
        found.append(Report(*fields[1:9], data))
    return found


def set_up(
    host: RawHost, handle: int = 0, *, properties: int = 0, interval_ms: float = 100,
    own_type: int = 1, peer: bytes = bytes(6), power: int = 127, primary: int = 1,
    secondary: int = 1, sid: int = 0, notify: int = 0, address: bytes | None = None,
) -> int:  # fmt: skip
    """Make an advertising set. Returns: the selected power."""
    interval = round(interval_ms / 0.625).to_bytes(3, "little")
    selected = host.must(
        0x2036,
        struct.pack(
            "<BH3s3sBBB6sBbBBBBB", handle, properties, interval, interval, 7, own_type, 1, peer,
            0, power, primary, 0, secondary, sid, notify,
        ),
    )  # fmt: skip
    if own_type == 1:
        host.must(0x2035, bytes((handle,)) + (address or host.random_address))
    return int(struct.unpack("<b", selected)[0])


def set_data(host: RawHost, data: bytes, handle: int = 0, opcode: int = 0x2037) -> None:
    parts = [data[offset : offset + 251] for offset in range(0, len(data), 251)] or [b""]
    for index, part in enumerate(parts):
        if len(parts) == 1:
            operation = 3
        else:
            operation = 1 if index == 0 else 2 if index == len(parts) - 1 else 0
        host.must(opcode, bytes((handle, operation, 1, len(part))) + part)


def enable(host: RawHost, handle: int = 0, duration: int = 0, events: int = 0) -> None:
    host.must(0x2039, b"\x01\x01" + struct.pack("<BHB", handle, duration, events))


def scan(
    host: RawHost, *, active: bool = False, phys: int = 1, duration: int = 0, period: int = 0,
    filter_duplicates: int = 0, own_type: int = 1,
) -> None:  # fmt: skip
    rows = struct.pack("<BHH", active, 0x4000, 0x4000) * phys.bit_count()
    host.must(0x2041, bytes((own_type, 0, phys)) + rows)
    host.must(0x2042, struct.pack("<BBHH", 1, filter_duplicates, duration, period))


@pytest.mark.parametrize(
    ("properties", "expected"),
    [(0b10011, 0x13), (0b10010, 0x12), (0b10000, 0x10)],
)
def test_legacy_pdus_in_extended_commands_look_like_legacy_to_everyone(
    properties: int, expected: int
) -> None:
    radio = Radio()
    advertiser, new, old = new_hosts(radio, 3)
    set_up(advertiser, properties=properties, sid=5)
    set_data(advertiser, b"\x02\x01\x06")
    enable(advertiser)
    scan(new)
    old.scan()
    radio.run_until(50 * MS)
    address = advertiser.random_address
    assert reports(new) == [Report(expected, 1, address, 1, 0, 0xFF, 127, -60, b"\x02\x01\x06")]
    assert len(old.of(0x3E02)) == 1


def test_scan_responses_to_legacy_pdus() -> None:
    radio = Radio()
    advertiser, scanner = new_hosts(radio)
    set_up(advertiser, properties=0b10011)
    set_data(advertiser, b"\x02\x0a\x00", opcode=0x2038)
    enable(advertiser)
    scan(scanner, active=True)
    radio.run_until(50 * MS)
    assert [(row.properties, row.data) for row in reports(scanner)] == [
        (0x13, b""),
        (0x1B, b"\x02\x0a\x00"),
    ]


def test_extended_pdus_are_not_for_legacy_scanners() -> None:
    radio = Radio()
    advertiser, new, old = new_hosts(radio, 3)
    set_up(advertiser, sid=3, secondary=2, properties=TX_POWER, power=4)
    set_data(advertiser, bytes(100))
    enable(advertiser)
    scan(new)
    old.scan()
    radio.run_until(50 * MS)
    address = advertiser.random_address
    assert reports(new) == [Report(TX_POWER & 0, 1, address, 1, 2, 3, 4, -56, bytes(100))]
    assert old.events == []


def test_long_data_arrives_in_chained_reports() -> None:
    radio = Radio()
    advertiser, scanner = new_hosts(radio)
    data = b"".join(bytes((54, 0xFF)) + bytes(range(53)) for _ in range(30))
    set_up(advertiser)
    set_data(advertiser, data)
    enable(advertiser)
    scan(scanner)
    radio.run_until(50 * MS)
    found = reports(scanner)
    assert b"".join(row.data for row in found) == data
    assert [row.properties >> 5 for row in found] == [1] * (len(found) - 1) + [0]


def test_more_than_1650_octets_do_not_fit() -> None:
    (host,) = new_hosts(Radio(), 1)
    set_up(host)
    host.must(0x2037, bytes((0, 1, 1, 251)) + bytes(251))
    for _ in range(5):
        host.must(0x2037, bytes((0, 0, 1, 251)) + bytes(251))
    assert host.command(0x2037, bytes((0, 2, 1, 251)) + bytes(251))[0] == 0x07
    assert host.command(0x2039, b"\x01\x01" + bytes(4))[0] == 0x0C  # not finished
    host.must(0x2037, bytes((0, 2, 1, 144)) + bytes(144))
    enable(host)


def test_connectable_extended_data_must_fit_into_one_packet() -> None:
    (host,) = new_hosts(Radio(), 1)
    set_up(host, properties=CONNECTABLE)
    set_data(host, bytes(300))
    assert host.command(0x2039, b"\x01\x01" + bytes(4))[0] == 0x45


def test_several_sets_with_their_own_addresses() -> None:
    radio = Radio()
    advertiser, scanner = new_hosts(radio)
    addresses = [bytes((index, 0, 0, 0, 0, 0xC0)) for index in range(1, 5)]
    for index, address in enumerate(addresses):
        set_up(advertiser, index, sid=index, address=address)
        set_data(advertiser, bytes((2, 0x0A, index)), index)
        enable(advertiser, index)
    scan(scanner, filter_duplicates=1)
    radio.run_until(SECOND)
    assert sorted((row.sid, row.address, row.data) for row in reports(scanner)) == [
        (index, address, bytes((2, 0x0A, index))) for index, address in enumerate(addresses)
    ]
    advertiser.must(0x2039, b"\x00\x00")
    scanner.events.clear()
    radio.run_until(2 * SECOND)
    assert scanner.events == []


def test_no_more_sets_than_there_are() -> None:
    (host,) = new_hosts(Radio(), 1)
    count = host.must(0x203B)[0]
    for handle in range(count):
        set_up(host, handle)
    parameters = struct.pack(
        "<BH3s3sBBB6sBbBBBBB", count, 0, b"\xa0\0\0", b"\xa0\0\0", 7, 0, 0, bytes(6), 0, 0, 1, 0,
        1, 0, 0,
    )  # fmt: skip
    assert host.command(0x2036, parameters)[0] == 0x07


def test_removing_and_clearing_sets() -> None:
    (host,) = new_hosts(Radio(), 1)
    set_up(host, 1)
    set_up(host, 2)
    enable(host, 1)
    assert host.command(0x203C, b"\x01")[0] == 0x0C
    assert host.command(0x203D)[0] == 0x0C
    host.must(0x203C, b"\x02")
    assert host.command(0x203C, b"\x02")[0] == 0x42
    host.must(0x2039, b"\x00\x01" + bytes((1, 0, 0, 0)))
    host.must(0x203D)
    assert host.command(0x203C, b"\x01")[0] == 0x42


def test_a_duration_ends_with_an_event() -> None:
    radio = Radio()
    advertiser, scanner = new_hosts(radio)
    scan(scanner)
    set_up(advertiser, interval_ms=20)
    enable(advertiser, duration=50)
    radio.run_until(2 * SECOND)
    (event,) = advertiser.of(TERMINATED)
    assert event.at_us == 500 * MS
    status, handle, _, events = struct.unpack("<BBHB", event.parameters)
    assert (status, handle) == (0x3C, 0)
    assert len(reports(scanner)) > 15
    assert events == 0  # not counted without a limit


def test_a_number_of_events_ends_with_an_event() -> None:
    radio = Radio()
    advertiser, scanner = new_hosts(radio)
    scan(scanner)
    set_up(advertiser)
    enable(advertiser, events=3)
    radio.run_until(2 * SECOND)
    assert advertiser.last(TERMINATED) == struct.pack("<BBHB", 0x43, 0, 0, 3)
    assert len(reports(scanner)) == 3


def test_anonymous_advertising_names_nobody() -> None:
    radio = Radio()
    advertiser, scanner = new_hosts(radio)
    set_up(advertiser, properties=ANONYMOUS)
    set_data(advertiser, b"\x02\x0a\x77")
    enable(advertiser)
    scan(scanner)
    radio.run_until(50 * MS)
    (report,) = reports(scanner)
    assert (report.address_type, report.address, report.data) == (0xFF, bytes(6), b"\x02\x0a\x77")


def test_extended_scannable_sets_answer_and_tell_their_host() -> None:
    radio = Radio()
    advertiser, scanner = new_hosts(radio)
    set_up(advertiser, properties=SCANNABLE, notify=1)
    assert advertiser.command(0x2039, b"\x01\x01" + bytes(4))[0] == 0x0C  # nothing to answer
    set_data(advertiser, bytes(300), opcode=0x2038)
    enable(advertiser)
    scan(scanner, active=True)
    radio.run_until(50 * MS)
    assert [(row.properties, len(row.data)) for row in reports(scanner)] == [
        (0x02, 0),
        (0x2A, 229),
        (0x0A, 71),
    ]
    assert advertiser.last(SCAN_REQUEST) == b"\x00\x01" + scanner.random_address


def test_data_may_change_while_advertising_and_counts_as_new() -> None:
    radio = Radio()
    advertiser, scanner = new_hosts(radio)
    set_up(advertiser)
    set_data(advertiser, b"\x02\x0a\x01")
    enable(advertiser)
    scan(scanner, filter_duplicates=1)
    radio.run_until(SECOND)
    set_data(advertiser, b"\x02\x0a\x02")
    radio.run_until(2 * SECOND)
    assert [row.data for row in reports(scanner)] == [b"\x02\x0a\x01", b"\x02\x0a\x02"]
    assert advertiser.command(0x2037, bytes((0, 1, 1, 1, 5)))[0] == 0x0C


def test_a_coded_primary_is_heard_by_those_who_listen_to_it() -> None:
    radio = Radio()
    advertiser, coded, plain = new_hosts(radio, 3)
    set_up(advertiser, primary=3, secondary=3)
    enable(advertiser)
    scan(coded, phys=0b101)
    scan(plain)
    radio.run_until(SECOND)
    assert {(row.primary_phy, row.secondary_phy) for row in reports(coded)} == {(3, 3)}
    assert plain.events == []


def test_a_scan_duration_ends_with_an_event() -> None:
    radio = Radio()
    advertiser, scanner = new_hosts(radio)
    set_up(advertiser, interval_ms=20)
    enable(advertiser)
    scan(scanner, duration=30)
    radio.run_until(SECOND)
    (timeout,) = scanner.of(SCAN_TIMEOUT)
    assert timeout.at_us == 300 * MS
    assert max(event.at_us for event in scanner.of(REPORT)) <= 300 * MS
    scan(scanner)


def test_a_periodic_scan_listens_again_and_forgets_duplicates() -> None:
    radio = Radio()
    advertiser, scanner = new_hosts(radio)
    set_up(advertiser, interval_ms=20)
    enable(advertiser)
    scan(scanner, duration=30, period=1, filter_duplicates=2)
    radio.run_until(1280 * 4 * MS - 1)
    assert [event.at_us // (1280 * MS) for event in scanner.of(REPORT)] == [0, 1, 2, 3]
    assert scanner.of(SCAN_TIMEOUT) == []


@pytest.mark.parametrize("power", [-40, 0, 12])
def test_power_decides_the_rssi(power: int) -> None:
    radio = Radio(propagation=Propagation(path_loss_db=50))
    advertiser, scanner = new_hosts(radio)
    assert set_up(advertiser, power=power) == power
    enable(advertiser)
    scan(scanner)
    radio.run_until(50 * MS)
    assert reports(scanner)[0].rssi == power - 50


def test_a_connection_ends_the_set_and_uses_its_secondary_phy() -> None:
    radio = Radio()
    advertiser, initiator = new_hosts(radio)
    set_up(advertiser, properties=CONNECTABLE, secondary=2)
    enable(advertiser)
    initiator.must(
        0x2043,
        bytes((0, 1, 1))
        + advertiser.random_address
        + b"\x03"
        + struct.pack("<HHHHHHHH", 16, 16, 12, 12, 0, 100, 0, 0)
        + struct.pack("<HHHHHHHH", 0, 0, 24, 24, 0, 100, 0, 0),
    )
    radio.run_until(200 * MS)
    codes = [event.code for event in advertiser.events]
    assert codes == [0x3E0A, TERMINATED, 0x3E14]
    status, handle = struct.unpack_from("<BH", advertiser.last(0x3E0A))
    assert status == 0
    # No limit was set for its events, so they are not counted.
    assert advertiser.last(TERMINATED) == struct.pack("<BBHB", 0, 0, handle, 0)
    assert advertiser.last(0x3E14) == struct.pack("<HB", handle, 1)  # algorithm #2
    assert advertiser.must(0x2030, struct.pack("<H", handle)) == struct.pack("<HBB", handle, 2, 2)
    interval = struct.unpack_from("<H", advertiser.last(0x3E0A), 23)
    assert interval == (24,)  # that of the 2M parameters


def test_high_duty_directed_sets_need_a_short_duration_and_end_with_it() -> None:
    radio = Radio()
    (host,) = new_hosts(radio, 1)
    set_up(host, properties=0b11101, peer=b"\x05" * 5 + b"\xc5")
    for duration in (0, 129):
        parameters = b"\x01\x01" + struct.pack("<BHB", 0, duration, 0)
        assert host.command(0x2039, parameters)[0] == 0x12
    enable(host, duration=128)
    radio.run_until(2 * SECOND)
    (event,) = host.of(TERMINATED)
    assert (event.parameters[0], event.at_us) == (0x3C, 1280 * MS)


def test_a_set_with_long_data_does_not_become_a_legacy_one() -> None:
    (host,) = new_hosts(Radio(), 1)
    set_up(host)
    set_data(host, bytes(32))
    interval = b"\xa0\x00\x00"
    parameters = struct.pack(
        "<BH3s3sBBB6sBbBBBBB", 0, 0b10000, interval, interval, 7, 0, 0, bytes(6), 0, 0, 1, 0, 1,
        0, 0,
    )  # fmt: skip
    assert host.command(0x2036, parameters)[0] == 0x12


def test_enabling_several_sets_is_all_or_nothing() -> None:
    radio = Radio()
    host, scanner = new_hosts(radio)
    set_up(host, 1)
    set_up(host, 2, properties=SCANNABLE)  # has no scan response yet
    rows = struct.pack("<BHBBHB", 1, 0, 0, 2, 0, 0)
    assert host.command(0x2039, b"\x01\x02" + rows)[0] == 0x0C
    scan(scanner)
    radio.run_until(SECOND)
    assert scanner.events == []
    assert host.command(0x2039, b"\x01\x02" + rows[:4] + rows[:4])[0] == 0x12
