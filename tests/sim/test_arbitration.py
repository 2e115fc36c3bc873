"""One radio does one thing at a time: links of one station share it."""

from __future__ import annotations

import struct
from collections import Counter
from itertools import combinations, pairwise
from random import Random

import pytest

from bleio.radio.air import phy
from bleio.radio.air.propagation import Propagation
from bleio.radio.air.radio import AirPdu, Radio
from bleio.radio.connection.link import AirLink
from support.raw_host import MS, SECOND, RawHost, connected_pair, handle_of, l2cap, new_hosts

COMPLETE, DISCONNECTED, BUFFERS = 0x3E0A, 0x05, 12
# Loses next to nothing, but every event is stepped through.
STEPPED = Propagation(loss=1e-12)
AIRS = pytest.mark.parametrize("propagation", [Propagation(), STEPPED])
EMPTY_EXCHANGE_US = 2 * (80 + 150)


def hub(propagation: Propagation, count: int, interval_ms: float) -> tuple[RawHost, list[RawHost]]:
    """A central with links to so many peripherals."""
    radio = Radio(1, propagation)
    central, *peripherals = new_hosts(radio, 1 + count)
    for peripheral in peripherals:
        peripheral.advertise(interval_ms=20)
        central.connect(peripheral.random_address, interval_ms=interval_ms, timeout_ms=4000)
        radio.run_until(radio.now_us + 200 * MS)
    return central, peripherals


def twice_a_peripheral(propagation: Propagation, seed: int) -> list[RawHost]:
    """A peripheral with two centrals, who know nothing of each other. Returns: it comes first."""
    radio = Radio(seed, propagation)
    peripheral, *centrals = new_hosts(radio, 3)
    for central in centrals:
        peripheral.advertise(interval_ms=20)
        central.connect(peripheral.random_address, interval_ms=7.5, timeout_ms=500)
        radio.run_until(radio.now_us + 14 * 7500)
    return [peripheral, *centrals]


def offset_us(one: AirLink, other: AirLink) -> int:
    """From an anchor point of one link to the next of another."""
    event = other.event_at(one.anchor_us(0))
    return (other.anchor_us(event) - one.anchor_us(0)) % other.interval_us


def at_odds(propagation: Propagation, wanted_us: range) -> list[RawHost]:
    """The same, with anchor points so close to each other that only one event can take place."""
    for seed in range(200):
        hosts = twice_a_peripheral(propagation, seed)
        if offset_us(*hosts[0].radio.links) in wanted_us:
            return hosts
    raise AssertionError("no seed brings the two together")


def record(radio: Radio) -> list[AirPdu]:
    air: list[AirPdu] = []
    radio.watch(air.append)
    return air


def keep_sending(hosts: list[RawHost], octets: int, us: int) -> None:
    radio = hosts[0].radio
    until_us = radio.now_us + us
    while radio.now_us < until_us:
        for host in hosts:
            while host.controller.host.acl_in_flight < BUFFERS:
                host.send_acl(handle_of(host), bytes(octets))
        radio.run_until(radio.now_us + MS)


def assert_one_at_a_time(air: list[AirPdu]) -> None:
    """Of packets that all concern one station no two are on air together."""
    packets = sorted(air, key=lambda packet: packet.time_us)
    for packet, following in pairwise(packets):
        air_us = phy.air_time_us(len(packet.octets) - 2, packet.phy)
        assert packet.time_us + air_us <= following.time_us


@AIRS
def test_a_central_shares_its_radio_among_its_links(propagation: Propagation) -> None:
    central, peripherals = hub(propagation, 5, 15)
    air = record(central.radio)
    keep_sending(peripherals, 27, 2 * SECOND)
    assert_one_at_a_time(air)
    counts = [
        sum(packet.sender is host.controller.layer.station for packet in air)
        for host in peripherals
    ]
    one_link_alone = 2 * SECOND // (80 + 150 + 296 + 150)
    assert one_link_alone * 0.8 < sum(counts) < one_link_alone
    assert min(counts) > sum(counts) / 10
    assert not central.of(DISCONNECTED)


@AIRS
@pytest.mark.parametrize("wanted_us", [range(1, 200), range(7300, 7500)])
def test_links_that_collide_take_turns(propagation: Propagation, wanted_us: range) -> None:
    peripheral, *centrals = hosts = at_odds(propagation, wanted_us)
    air = record(peripheral.radio)
    keep_sending(centrals, 27, 2 * SECOND)
    assert_one_at_a_time(air)
    counts = [
        sum(packet.sender is host.controller.layer.station for packet in air) for host in centrals
    ]
    assert min(counts) / max(counts) > 0.9
    assert not any(host.of(DISCONNECTED) for host in hosts)


def test_one_that_is_near_its_time_out_goes_first() -> None:
    peripheral, patient, urgent = at_odds(Propagation(), range(1, 200))
    timing = struct.pack("<HHHHHHH", handle_of(patient), 6, 6, 0, 3200, 0, 0)
    assert patient.command(0x2013, timing)[0] == 0
    peripheral.radio.run_until(peripheral.radio.now_us + SECOND)
    patient_link, urgent_link = peripheral.radio.links
    anchor_us = urgent_link.anchor_us(urgent_link.event_at(peripheral.radio.now_us))
    peripheral.radio.run_until(anchor_us + 3 * MS)
    for link, host in ((patient_link, patient), (urgent_link, urgent)):
        link.schedule.skipped = 2
        host.send_acl(handle_of(host), b"me first")
    events = patient_link.schedule.last_event, urgent_link.schedule.last_event
    peripheral.radio.run_until(anchor_us + 8 * MS)
    # The patient one's event would have come first.
    assert patient_link.schedule.last_event == events[0]
    assert urgent_link.schedule.last_event > events[1]


def test_idle_events_give_way_where_nothing_can_get_lost() -> None:
    peripheral, busy, _idle = at_odds(Propagation(), range(1, 200))
    keep_sending([busy], 27, SECOND)
    (link, _) = peripheral.radio.links
    begin = link.schedule.last_event
    keep_sending([busy], 27, SECOND)
    assert link.schedule.skipped == 0
    assert link.schedule.last_event - begin == pytest.approx(SECOND / 7500, abs=2)
    assert peripheral.radio.next_event_us() is not None
    peripheral.radio.run_until(peripheral.radio.now_us + SECOND)
    assert peripheral.radio.next_event_us() is None


@AIRS
def test_an_event_ends_where_that_of_another_link_begins(propagation: Propagation) -> None:
    central, peripherals = hub(propagation, 2, 30)
    busy, idle = central.radio.links
    room_us = offset_us(busy, idle)
    air = record(central.radio)
    keep_sending(peripherals[:1], 27, SECOND)
    mine = [packet for packet in air if packet.access_address == busy.access_address]
    for packet in mine:
        into_us = (packet.time_us - busy.anchor_us(0)) % busy.interval_us
        assert into_us + phy.air_time_us(len(packet.octets) - 2) <= room_us
    exchanges = SECOND // 30_000 * (room_us // (80 + 150 + 296 + 150))
    assert len(mine) / 2 == pytest.approx(exchanges, rel=0.05)


def test_new_links_are_placed_in_the_largest_gap() -> None:
    central, _ = hub(Propagation(), 4, 30)
    first, *others = central.radio.links
    assert {offset_us(first, other) for other in others} == {7_500, 15_000, 22_500}


def test_short_and_long_intervals_are_placed_beside_each_other() -> None:
    radio = Radio(1)
    central, *peripherals = new_hosts(radio, 4)
    for peripheral, interval_ms in zip(peripherals, (100, 20, 50), strict=True):
        peripheral.advertise(interval_ms=20)
        central.connect(peripheral.random_address, interval_ms=interval_ms)
        radio.run_until(radio.now_us + 200 * MS)
    long, short, middle = radio.links
    assert offset_us(long, short) == 10_000
    assert offset_us(middle, short) % 10_000 == 5_000


def test_the_request_says_where_the_first_event_is() -> None:
    radio = Radio(1)
    air = record(radio)
    central, *peripherals = new_hosts(radio, 3)
    for peripheral in peripherals:
        peripheral.advertise(interval_ms=20)
        central.connect(peripheral.random_address, interval_ms=50)
        made = len(central.of(COMPLETE))
        while len(central.of(COMPLETE)) == made:
            radio.run_until(radio.now_us + 10)
        central.send_acl(handle_of(central), b"first")
        radio.run_until(radio.now_us + 150 * MS)
    request = [each for each in air if each.channel >= 37 and each.octets[0] & 0x0F == 5][-1]
    first = [each for each in air if each.octets[2:] == b"first"][-1]
    size, offset = struct.unpack_from("<BH", request.octets, 14 + 7)
    opens_us = request.time_us + 352 + 1250 + offset * 1250
    assert offset > 10
    assert opens_us <= first.time_us <= opens_us + size * 1250


@AIRS
@pytest.mark.parametrize("asker", ["central", "peripheral"])
def test_the_longest_event_that_a_host_allows(propagation: Propagation, asker: str) -> None:
    pair = connected_pair(Radio(1, propagation), interval_ms=50, timeout_ms=4000)
    host = getattr(pair, asker)
    longest_us = 4 * 625
    timing = struct.pack("<HHHHHHH", handle_of(host), 40, 40, 0, 400, 0, 4)
    assert host.command(0x2013, timing)[0] == 0
    pair.radio.run_until(pair.radio.now_us + 100 * MS)
    if asker == "peripheral":
        reply = struct.pack("<HHHHHHH", pair.central_handle, 40, 40, 0, 400, 0, 0)
        pair.central.must(0x2020, reply)
    pair.radio.run_until(pair.radio.now_us + SECOND)
    air = record(pair.radio)
    keep_sending([pair.peripheral], 27, SECOND)
    (link,) = pair.radio.links
    exchanges = longest_us // (80 + 150 + 296 + 150)
    assert len(air) / 2 == pytest.approx(exchanges * 20, rel=0.06)
    for packet in air:
        into_us = (packet.time_us - link.anchor_us(0)) % link.interval_us
        assert into_us + phy.air_time_us(len(packet.octets) - 2) <= longest_us


@AIRS
def test_what_a_radio_is_busy_with(propagation: Propagation) -> None:
    pair = connected_pair(Radio(1, propagation), interval_ms=30)
    (link,) = pair.radio.links
    pair.radio.run_until(link.anchor_us(link.event_at(pair.radio.now_us)) + 10 * MS)
    for host in (pair.central, pair.peripheral):
        busy = host.controller.layer.radio_time.busy
        for event in (-1, 0, 1, 5):
            anchor_us = pair.radio.now_us - 10 * MS + event * 30 * MS
            assert busy(anchor_us, anchor_us + 1)
            assert busy(anchor_us + 300, anchor_us + 500)
            assert not busy(anchor_us - 100, anchor_us)
            assert not busy(anchor_us + EMPTY_EXCHANGE_US, anchor_us + 5 * MS)
    for _ in range(BUFFERS):
        pair.central.send_acl(pair.central_handle, bytes(27))
    event = link.event_at(pair.radio.now_us)
    pair.radio.run_until(link.anchor_us(event) + 3 * MS)
    now_us = pair.radio.now_us
    busy = pair.peripheral.controller.layer.radio_time.busy
    assert busy(now_us - 2 * MS, now_us - MS)
    assert busy(now_us + MS, now_us + 2 * MS)
    assert not busy(now_us - 4 * MS, now_us - 3 * MS)


def tangle(radio: Radio, chance: Random) -> list[RawHost]:
    """Hosts that are central and peripheral of one another, at intervals that do not fit."""
    hosts = new_hosts(radio, 5)
    for one, other in combinations(hosts, 2):
        if chance.random() < 0.3:
            continue
        other.advertise(interval_ms=20)
        interval_ms = chance.choice((7.5, 8.75, 10, 20, 31.25))
        one.connect(other.random_address, interval_ms=interval_ms, timeout_ms=3000)
        radio.run_until(radio.now_us + 2 * SECOND)
    return hosts


def assert_each_does_one_thing_at_a_time(radio: Radio, air: list[AirPdu]) -> None:
    of_stations: dict[str, list[AirPdu]] = {}
    for link in radio.links:
        for end in (link.central, link.peripheral):
            packets = of_stations.setdefault(end.layer.station.name, [])
            packets += [each for each in air if each.access_address == link.access_address]
    for packets in of_stations.values():
        assert_one_at_a_time(packets)


@AIRS
@pytest.mark.parametrize("seed", range(6))
def test_a_tangle_of_links(propagation: Propagation, seed: int) -> None:
    chance, radio = Random(seed), Radio(seed, propagation)
    hosts = tangle(radio, chance)
    assert len(radio.links) >= 5
    air = record(radio)
    sent: Counter[tuple[int, int]] = Counter()
    for _ in range(300):
        host = chance.choice([each for each in hosts if each.controller.layer.links])
        end = chance.choice(list(host.controller.layer.links.values()))
        if host.controller.host.acl_in_flight < BUFFERS:
            host.send_acl(end.handle, l2cap(bytes(chance.choice((1, 23, 196)))))
            sent[end.other.layer.station.index, end.other.handle] += 1
        radio.run_until(radio.now_us + chance.randrange(20 * MS))
    radio.run_until(radio.now_us + 3 * SECOND)
    assert_each_does_one_thing_at_a_time(radio, air)
    received = Counter(
        (host.controller.layer.station.index, packet.handle)
        for host in hosts
        for packet in host.acl
        if packet.boundary == 2
    )
    assert received == sent
    assert not any(host.of(DISCONNECTED) for host in hosts)


@AIRS
def test_what_is_queued_between_two_exchanges_waits_if_there_is_no_room(
    propagation: Propagation,
) -> None:
    pair = connected_pair(Radio(1, propagation), interval_ms=7.5)
    for host in (pair.central, pair.peripheral):
        host.must(0x2022, struct.pack("<HHH", handle_of(host), 251, 2120))
        pair.radio.run_until(pair.radio.now_us + 100 * MS)
    (link,) = pair.radio.links
    air = record(pair.radio)
    anchor_us = link.anchor_us(link.event_at(pair.radio.now_us))
    for _ in range(3):
        pair.central.send_acl(pair.central_handle, bytes(251))
    # After 2 * (2088 + 150 + 80 + 150) us there is room for an empty answer to the third.
    pair.radio.run_until(anchor_us + 2 * 2468 - 20)
    pair.peripheral.send_acl(pair.peripheral_handle, bytes(251))
    pair.radio.run_until(anchor_us + 7500 + 5 * MS)
    assert_one_at_a_time(air)
    assert sum(anchor_us <= each.time_us < anchor_us + 7500 for each in air) == 4
    assert len(pair.peripheral.acl) == 3
    assert len(pair.central.acl) == 1


@AIRS
def test_the_answer_that_an_acknowledgement_lets_follow_has_to_fit(
    propagation: Propagation,
) -> None:
    pair = connected_pair(Radio(1, propagation), interval_ms=7.5)
    for host in (pair.central, pair.peripheral):
        host.must(0x2022, struct.pack("<HHH", handle_of(host), 251, 2120))
        pair.radio.run_until(pair.radio.now_us + 100 * MS)
    (link,) = pair.radio.links
    air = record(pair.radio)
    anchor_us = link.anchor_us(link.event_at(pair.radio.now_us))
    # Twice 2088 + 150 + 88 + 150 us, which leaves no 880 + 150 + 2088 + 150.
    for octets, answer in ((251, 1), (251, 1), (100, 251)):
        pair.central.send_acl(pair.central_handle, bytes(octets))
        pair.peripheral.send_acl(pair.peripheral_handle, bytes(answer))
    pair.radio.run_until(anchor_us + 7500 + 5 * MS)
    assert sum(anchor_us <= each.time_us < anchor_us + 7500 for each in air) == 4
    assert len(pair.peripheral.acl) == len(pair.central.acl) == 3
