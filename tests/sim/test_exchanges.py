"""What follows advertising packets, on air and at both ends."""

from __future__ import annotations

import struct

import pytest

from bleio.radio.air.phy import T_IFS_US
from bleio.radio.air.propagation import Propagation
from bleio.radio.air.radio import AirPdu, Direction, Radio
from support.on_air import end_us, in_time, kind, overlapping, record, sent_us
from support.raw_host import MS, SECOND, RawHost, new_hosts

(
    ADV_IND,
    ADV_DIRECT,
    ADV_NONCONN,
    SCAN_REQ,
    SCAN_RSP,
    CONNECT_IND,
    ADV_SCAN,
    ADV_EXT,
    CONNECT_RSP,
) = range(9)
LEGACY_REPORT, EXTENDED_REPORT, CONNECTED, DISCONNECTED = 0x3E02, 0x3E0D, 0x3E0A, 0x05
NOT_ESTABLISHED = 0x3E
CONNECTABLE, SCANNABLE = 1, 2
PRIMARY_TO_SECONDARY_US = 300

IDEAL, LOSSY, COLLIDING = Propagation(), Propagation(loss=0.2), Propagation(collisions=True)
AIRS = pytest.mark.parametrize("propagation", [IDEAL, LOSSY, COLLIDING],
                               ids=["ideal", "lossy", "colliding"])  # fmt: skip
PHYS = pytest.mark.parametrize("phys", [(1, 1), (1, 2), (3, 3)], ids=["1M", "2M", "Coded"])


def advertise_extended(
    host: RawHost, properties: int, data: bytes, phys: tuple[int, int] = (1, 1), handle: int = 0,
    interval_ms: float = 100,
) -> None:  # fmt: skip
    interval = round(interval_ms / 0.625).to_bytes(3, "little")
    head = struct.pack("<BH", handle, properties) + interval * 2
    rest = struct.pack("<BBB6sBbBBBBB", 7, 1, 0, bytes(6), 0, 0, phys[0], 0, phys[1], 9, 0)
    host.must(0x2036, head + rest)
    host.must(0x2035, bytes((handle,)) + host.random_address)
    parts = [data[offset : offset + 250] for offset in range(0, len(data), 250)]
    for index, part in enumerate(parts):
        operation = 3 if len(parts) == 1 else 1 if not index else 2 if part is parts[-1] else 0
        opcode = 0x2038 if properties & SCANNABLE else 0x2037
        host.must(opcode, bytes((handle, operation, 1, len(part))) + part)
    host.must(0x2039, struct.pack("<BBBHB", 1, 1, handle, 0, 0))


def scan_extended(host: RawHost, *, active: bool = False, phys: int = 0b101) -> None:
    rows = struct.pack("<BHH", active, 160, 160) * phys.bit_count()
    host.must(0x2041, bytes((1, 0, phys)) + rows)
    host.must(0x2042, bytes((1, 0)) + bytes(4))


def connect_extended(host: RawHost, peer: bytes, phys: tuple[int, int]) -> None:
    mask = sum({1 << phy - 1 for phy in (1, *phys)})
    timing = struct.pack("<HHHHHHHH", 96, 96, 24, 24, 0, 100, 0, 0) * mask.bit_count()
    head = struct.pack("<BBB6sB", 0, 1, 1, peer, mask)
    assert host.command(0x2043, head + timing)[0] == 0


def reports(host: RawHost, code: int = LEGACY_REPORT) -> list[int]:
    """Event types of the reports that a host got."""
    return [event.parameters[1] for event in host.of(code)]


# -- scanning --


@AIRS
def test_scan_responses_arrive(propagation: Propagation) -> None:
    radio = Radio(1, propagation)
    advertiser, scanner = new_hosts(radio)
    air = record(radio)
    advertiser.advertise(interval_ms=20, response=b"\x03\x09ab")
    scanner.scan(active=True)
    radio.run_until(60 * SECOND)
    asked = sum(kind(packet) == SCAN_REQ for packet in air)
    answered = sum(kind(packet) == SCAN_RSP for packet in air)
    assert asked > 500
    assert answered / asked == pytest.approx(1 - propagation.loss, abs=0.05)
    assert reports(scanner).count(4) / answered == pytest.approx(1 - propagation.loss, abs=0.05)


@AIRS
def test_requests_and_answers_keep_their_time(propagation: Propagation) -> None:
    radio = Radio(1, propagation)
    advertiser, scanner = new_hosts(radio)
    air = record(radio)
    advertiser.advertise(interval_ms=20, data=bytes(31), response=bytes(31))
    scanner.scan(active=True)
    radio.run_until(SECOND)
    packets = in_time(air)
    for index, packet in enumerate(packets):
        if kind(packet) in (SCAN_REQ, SCAN_RSP):
            before = packets[index - 1]
            assert packet.time_us == end_us(before) + T_IFS_US
            assert packet.channel == before.channel
            assert kind(before) == (ADV_IND if kind(packet) == SCAN_REQ else SCAN_REQ)
    assert {kind(packet) for packet in packets} == {ADV_IND, SCAN_REQ, SCAN_RSP}


@pytest.mark.parametrize("seed", range(5))
def test_scanners_whose_requests_collide_back_off(seed: int) -> None:
    radio = Radio(seed, COLLIDING)
    advertiser, *scanners = new_hosts(radio, 3)
    advertiser.advertise(interval_ms=20)
    for scanner in scanners:
        scanner.scan(active=True, filter_duplicates=True)
    radio.run_until(5 * SECOND)
    assert radio.medium.lost > 1
    assert [reports(scanner) for scanner in scanners] == [[0, 4], [0, 4]]


def test_a_scanner_asks_one_advertiser_at_a_time() -> None:
    radio = Radio(1)
    *advertisers, scanner = new_hosts(radio, 41)
    air = record(radio)
    for host in advertisers:
        host.advertise(interval_ms=20)
    scanner.scan(active=True)
    radio.run_until(SECOND)
    assert overlapping(air) == []


# -- extended --


@AIRS
@PHYS
def test_extended_connections_come_about(propagation: Propagation, phys: tuple[int, int]) -> None:
    radio = Radio(1, propagation)
    central, peripheral = new_hosts(radio)
    advertise_extended(peripheral, CONNECTABLE, b"\x02\x01\x06", phys)
    connect_extended(central, peripheral.random_address, phys)
    radio.run_until(3 * SECOND)
    assert central.of(CONNECTED)
    assert peripheral.of(CONNECTED)
    assert central.of(DISCONNECTED) == []
    assert len(radio.links) == 1


@PHYS
def test_an_extended_connection_on_air(phys: tuple[int, int]) -> None:
    radio = Radio(1)
    central, peripheral = new_hosts(radio)
    air = record(radio)
    advertise_extended(peripheral, CONNECTABLE, b"\x02\x01\x06", phys)
    connect_extended(central, peripheral.random_address, phys)
    radio.run_until(100 * MS)
    *primary, auxiliary, request, response = in_time(air)
    assert [kind(packet) for packet in primary] == [ADV_EXT] * 3
    assert [kind(packet) for packet in (auxiliary, request, response)] == [
        ADV_EXT, CONNECT_IND, CONNECT_RSP,
    ]  # fmt: skip
    assert auxiliary.time_us == end_us(primary[-1]) + PRIMARY_TO_SECONDARY_US
    assert request.time_us == end_us(auxiliary) + T_IFS_US
    assert response.time_us == end_us(request) + T_IFS_US
    assert len({packet.channel for packet in (auxiliary, request, response)}) == 1
    assert {packet.phy for packet in (auxiliary, request, response)} == {phys[1]}
    assert {packet.direction for packet in air[3:]} == {Direction.AUXILIARY}


@pytest.mark.parametrize(("corrupt", "peripheral_connects"), [(0, False), (1, True)])
def test_an_initiator_without_an_answer_goes_on_looking(
    corrupt: int, peripheral_connects: bool
) -> None:
    """AUX_CONNECT_REQ or AUX_CONNECT_RSP is lost; only then does the advertiser start anew."""
    radio = Radio(1)
    central, peripheral = new_hosts(radio)
    advertise_extended(peripheral, CONNECTABLE, b"")
    connect_extended(central, peripheral.random_address, (1, 1))
    sender = (central, peripheral)[corrupt].controller.layer.station
    wrong: list[AirPdu] = []

    def corrupt_one(packet: AirPdu) -> None:
        wrong.extend([packet] * (not packet.crc_right))
        trigger = (ADV_EXT, CONNECT_IND)[corrupt]
        if not wrong and packet.direction is Direction.AUXILIARY and kind(packet) == trigger:
            radio.medium.corrupt_next(sender)

    radio.watch(corrupt_one)
    radio.run_until(90 * MS)
    assert [kind(packet) for packet in wrong] == [(CONNECT_IND, CONNECT_RSP)[corrupt]]
    assert central.events == []
    assert bool(peripheral.of(CONNECTED)) is peripheral_connects
    radio.run_until(SECOND)
    if peripheral_connects:
        assert peripheral.last(DISCONNECTED)[3] == NOT_ESTABLISHED
        peripheral.must(0x2039, struct.pack("<BBBHB", 1, 1, 0, 0, 0))
        radio.run_until(2 * SECOND)
    assert len(central.of(CONNECTED)) == 1
    assert central.of(DISCONNECTED) == []


@AIRS
def test_all_who_follow_hear_the_same_auxiliary_packet(propagation: Propagation) -> None:
    radio = Radio(1, propagation)
    advertiser, *scanners = new_hosts(radio, 4)
    air = record(radio)
    advertise_extended(advertiser, 0, bytes((200, 0xFF)) + bytes(199))
    for scanner in scanners:
        scan_extended(scanner)
    radio.run_until(100 * SECOND)
    radio.run_until(radio.now_us + 20 * MS)
    events = advertiser.controller.layer.advertisers[0].event
    assert sum(packet.direction is Direction.AUXILIARY for packet in air) == events
    for scanner in scanners:
        # Both packets must get through; of the primary ones a scanner listens to one.
        share = (1 - propagation.loss) ** 2
        assert len(scanner.of(EXTENDED_REPORT)) / events == pytest.approx(share, abs=0.05)


@pytest.mark.parametrize("octets", [10, 400, 1200])
def test_a_chain_is_heard_whole_or_not_at_all(octets: int) -> None:
    loss = 0.2
    radio = Radio(1, Propagation(loss=loss))
    advertiser, scanner = new_hosts(radio)
    air = record(radio)
    advertise_extended(advertiser, 0, b"\x04\xffabc" * (octets // 5))
    scan_extended(scanner)
    radio.run_until(100 * SECOND)
    events = advertiser.controller.layer.advertisers[0].event
    packets = sum(packet.direction is Direction.AUXILIARY for packet in air) // events
    assert packets == -(-octets // 235)
    last = [event for event in scanner.of(EXTENDED_REPORT) if not event.parameters[1] >> 5 & 1]
    expected = (1 - loss) ** (1 + packets)
    assert len(last) / events == pytest.approx(expected, abs=0.05)


def test_auxiliary_packets_are_where_and_when_they_are_announced() -> None:
    radio = Radio(1)
    advertiser, scanner = new_hosts(radio)
    air = record(radio)
    advertise_extended(advertiser, SCANNABLE, bytes(600), (1, 2))
    scan_extended(scanner, active=True)
    radio.run_until(3 * SECOND)
    packets = in_time(air)
    announced = [
        (packet, int.from_bytes(packet.octets[at : at + 3], "little"))
        for packet in packets
        for at in [6 if packet.channel >= 37 else 6 + 6 * (packet.octets[3] & 1)]
        if kind(packet) == ADV_EXT and packet.octets[3] & 1 << 4
    ]
    assert len(announced) > 100
    for packet, pointer in announced:
        at_us = packet.time_us + (pointer >> 8 & 0x1FFF) * 30
        (found,) = [each for each in packets if at_us <= each.time_us < at_us + 30]
        assert (found.channel, found.phy) == (pointer & 0x3F, (pointer >> 21) + 1)
        assert found.sender is packet.sender
    secondary = {packet.channel for packet in packets if packet.direction is Direction.AUXILIARY}
    assert len(secondary) > 20
    assert max(secondary) == 36


def test_auxiliary_packets_keep_off_channels_that_the_host_calls_bad() -> None:
    radio = Radio(1)
    (advertiser,) = new_hosts(radio, 1)
    air = record(radio)
    advertiser.must(0x2014, (0b1111 << 8).to_bytes(5, "little"))
    advertise_extended(advertiser, 0, b"\x02\x01\x06")
    radio.run_until(10 * SECOND)
    used = {packet.channel for packet in air if packet.direction is Direction.AUXILIARY}
    assert used == {8, 9, 10, 11}


# -- connecting --


@AIRS
def test_nothing_follows_a_connection_request(propagation: Propagation) -> None:
    radio = Radio(3, propagation)
    central, peripheral = new_hosts(radio)
    air = record(radio)
    peripheral.advertise(interval_ms=20)
    central.connect(peripheral.random_address)
    while not peripheral.of(CONNECTED):
        radio.run_until(radio.now_us + MS)
    radio.run_until(radio.now_us + SECOND)
    advertising = [packet for packet in in_time(air) if packet.direction is Direction.ADVERTISING]
    assert kind(advertising[-1]) == CONNECT_IND
    assert advertising[-1].time_us == end_us(advertising[-2]) + T_IFS_US


def test_the_first_event_is_in_the_transmit_window() -> None:
    radio = Radio(1, LOSSY)
    central, peripheral = new_hosts(radio)
    air = record(radio)
    peripheral.advertise(interval_ms=20)
    central.connect(peripheral.random_address)
    radio.run_until(SECOND)
    packets = in_time(air)
    (request,) = [each for each in packets if each.direction is Direction.ADVERTISING
                  and kind(each) == CONNECT_IND]  # fmt: skip
    first = next(each for each in packets if each.direction is Direction.TO_PERIPHERAL)
    size_us, offset_us = struct.unpack_from("<BH", request.octets, 2 + 12 + 7)
    begin_us = end_us(request) + 1_250 + offset_us * 1_250
    assert begin_us <= first.time_us < begin_us + size_us * 1_250


@pytest.mark.parametrize("propagation", [IDEAL, LOSSY], ids=["ideal", "lossy"])
def test_of_two_initiators_one_connects_and_the_other_goes_on_looking(
    propagation: Propagation,
) -> None:
    radio = Radio(1, propagation)
    one, two, peripheral = new_hosts(radio, 3)
    for central in (one, two):
        central.connect(peripheral.random_address)
    peripheral.advertise(interval_ms=20)
    radio.run_until(50 * MS)
    assert sorted(len(central.of(CONNECTED)) for central in (one, two)) == [0, 1]
    peripheral.must(0x200A, b"\x01")
    radio.run_until(radio.now_us + 200 * MS)
    assert [len(central.of(CONNECTED)) for central in (one, two)] == [1, 1]


def test_initiators_that_collide_fail_to_establish() -> None:
    radio = Radio(1, COLLIDING)
    one, two, peripheral = new_hosts(radio, 3)
    for central in (one, two):
        central.connect(peripheral.random_address)
    peripheral.advertise(interval_ms=20)
    radio.run_until(SECOND)
    for central in (one, two):
        assert [event.parameters[3] for event in central.of(DISCONNECTED)] == [NOT_ESTABLISHED]
    assert peripheral.events == []


# -- what is on air --


@AIRS
@pytest.mark.parametrize("seed", range(3))
def test_all_views_of_the_air_agree(propagation: Propagation, seed: int) -> None:
    """Energy is the air time of what captures show, and nobody sends two packets at once."""
    radio = Radio(seed, propagation)
    air = record(radio)
    hosts = new_hosts(radio, 8)
    beacon, loud, long, several, active, passive, central, peripheral = hosts
    beacon.advertise(interval_ms=100, kind=3, data=bytes(31))
    loud.advertise(interval_ms=20, data=bytes(31), response=bytes(31))
    advertise_extended(long, 0, bytes(1650), (3, 3), interval_ms=20)
    for handle in range(4):
        advertise_extended(several, SCANNABLE, bytes(300), (1, 2), handle, interval_ms=20)
    scan_extended(active, active=True)
    scan_extended(passive)
    radio.run_until(SECOND)
    central.connect(peripheral.random_address)
    peripheral.advertise(interval_ms=20)
    while not peripheral.of(CONNECTED):
        radio.run_until(radio.now_us + MS)
    begin_us = radio.now_us
    used = {host: host.controller.layer.station.radio_on.tx_us for host in hosts}
    for host in hosts:
        assert used[host] == sent_us(air, host.controller.layer.station)
    radio.run_until(begin_us + SECOND)
    assert overlapping(air) == []


def test_a_corrupt_advertising_packet_is_on_air_with_a_wrong_crc() -> None:
    radio = Radio(1)
    advertiser, scanner = new_hosts(radio)
    air = record(radio)
    advertiser.advertise(interval_ms=100)
    scanner.scan()
    for _ in range(3):
        radio.medium.corrupt_next(advertiser.controller.layer.station)
    radio.run_until(SECOND)
    assert [packet.channel for packet in air if not packet.crc_right] == [37, 38, 39]
    assert len(scanner.of(LEGACY_REPORT)) == advertiser.controller.layer.legacy_advertiser.event - 1
    assert radio.medium.lost == 1
    assert radio.medium.ideal


def test_without_an_antenna_nothing_is_on_air() -> None:
    radio = Radio(1)
    advertiser, scanner = new_hosts(radio)
    air = record(radio)
    station = advertiser.controller.layer.station
    radio.medium.set_antenna(station, False)
    advertiser.advertise(interval_ms=20)
    scanner.scan(active=True)
    radio.run_until(SECOND)
    assert air == []
    assert station.radio_on.tx_us > 0
    radio.medium.set_antenna(station, True)
    radio.run_until(2 * SECOND)
    assert {kind(packet) for packet in air} == {ADV_IND, SCAN_REQ, SCAN_RSP}


@AIRS
def test_stopping_in_the_middle_of_an_exchange_ends_it(propagation: Propagation) -> None:
    radio = Radio(1, propagation)
    advertiser, scanner = new_hosts(radio)
    air = record(radio)
    stopped: list[int] = []

    def stop(packet: AirPdu) -> None:
        if kind(packet) == SCAN_REQ and not stopped:
            stopped.append(packet.time_us)
            radio.schedule_in(1, advertiser.must, 0x200A, b"\x00")

    radio.watch(stop)
    advertiser.advertise(interval_ms=20)
    scanner.scan(active=True)
    radio.run_until(SECOND)
    assert kind(in_time(air)[-1]) == SCAN_REQ
    assert stopped
    assert 4 not in reports(scanner)
    air.clear()
    advertiser.must(0x200A, b"\x01")
    radio.run_until(2 * SECOND)
    assert {kind(packet) for packet in air} == {ADV_IND, SCAN_REQ, SCAN_RSP}
    assert 4 in reports(scanner)


@pytest.mark.parametrize("propagation", [IDEAL, LOSSY], ids=["ideal", "lossy"])
@pytest.mark.parametrize("extended", [False, True])
def test_stopping_between_two_packets_leaves_the_second_out(
    extended: bool, propagation: Propagation
) -> None:
    radio = Radio(1, propagation)
    advertiser, scanner = new_hosts(radio)
    scan_extended(scanner)
    air = record(radio)
    stop = (0x2039, b"\0\0") if extended else (0x200A, b"\0")

    def stop_soon(_packet: AirPdu) -> None:
        radio.schedule_in(1, advertiser.must, *stop)

    radio.watch(stop_soon)
    if extended:
        advertise_extended(advertiser, 0, b"\x02\x01\x06")
    else:
        advertiser.advertise(interval_ms=20)
    radio.run_until(SECOND)
    assert [packet.channel for packet in air] == [37]


def test_stopping_in_a_chain_leaves_the_rest_out() -> None:
    radio = Radio(1, LOSSY)
    (advertiser,) = new_hosts(radio, 1)
    air = record(radio)

    def stop_soon(packet: AirPdu) -> None:
        if packet.direction is Direction.AUXILIARY:
            radio.schedule_in(1, advertiser.must, 0x2039, b"\0\0")

    radio.watch(stop_soon)
    advertise_extended(advertiser, 0, bytes(1_000))
    radio.run_until(SECOND)
    assert [packet.direction for packet in air] == [Direction.ADVERTISING] * 3 + [
        Direction.AUXILIARY
    ]
