"""Links on an air where packets get lost."""

from __future__ import annotations

import struct
from dataclasses import replace

import pytest

from bleio.radio.air import phy
from bleio.radio.air.interference import Interference
from bleio.radio.air.propagation import Propagation
from bleio.radio.air.radio import AirPdu, Radio
from support.raw_host import MS, SECOND, Pair, connected_pair, new_hosts

DISCONNECTED = 0x05
TIMEOUT, NOT_ESTABLISHED = 0x08, 0x3E


def lossy_pair(loss: float, seed: int = 1, **timing: float) -> Pair:
    """A pair whose air gets bad once it is connected."""
    pair = connected_pair(Radio(seed), **timing)
    pair.radio.medium.propagation = Propagation(loss=loss)
    return pair


def run(pair: Pair, milliseconds: float) -> None:
    pair.radio.run_until(pair.radio.now_us + round(milliseconds * MS))


def reasons(pair: Pair) -> list[list[int]]:
    return [[event.parameters[3] for event in host.of(DISCONNECTED)]
            for host in (pair.central, pair.peripheral)]  # fmt: skip


@pytest.mark.parametrize("loss", [0.05, 0.2, 0.5])
@pytest.mark.parametrize("seed", range(5))
def test_all_packets_arrive_once_and_in_order(loss: float, seed: int) -> None:
    pair = lossy_pair(loss, seed, timeout_ms=20_000)
    sent = [bytes((index,)) * (1 + 7 * index % 60) for index in range(60)]
    for message in sent:
        pair.central.send_acl(pair.central_handle, message)
        pair.peripheral.send_acl(pair.peripheral_handle, message)
        run(pair, 200)
    run(pair, 3000)
    for host in (pair.central, pair.peripheral):
        received: list[bytes] = []
        for packet in host.acl:
            if packet.boundary == 2:
                received.append(packet.payload)
            else:
                received[-1] += packet.payload
        assert received == sent
        assert host.controller.host.acl_in_flight == 0
    assert pair.radio.medium.lost > 0


@pytest.mark.parametrize("loss", [0.1, 0.2, 0.4])
def test_transmissions_needed_follow_from_the_loss(loss: float) -> None:
    """A PDU of the central is repeated until it arrives and the answer does: 1 / (1 - p) ** 2."""
    pair = lossy_pair(loss, timeout_ms=32_000, interval_ms=7.5)
    air: list[AirPdu] = []
    pair.radio.watch(air.append)
    count = 2_000
    for _ in range(count):
        pair.central.send_acl(pair.central_handle, b"x")
        while pair.central.controller.host.acl_in_flight:
            run(pair, 7.5)
    (end,) = pair.central.controller.layer.links.values()
    times = sum(packet.octets[2:] == b"x" for packet in air)
    assert times == count + end.acknowledgement.retransmissions
    assert times / count == pytest.approx(1 / (1 - loss) ** 2, rel=0.05)


def test_a_link_that_hears_nothing_times_out_at_both_ends() -> None:
    pair = connected_pair(interval_ms=30, timeout_ms=1000)
    pair.radio.medium.set_antenna(pair.peripheral.controller.layer.station, False)
    run(pair, 900)
    assert reasons(pair) == [[], []]
    run(pair, 200)
    assert reasons(pair) == [[TIMEOUT], [TIMEOUT]]
    assert pair.radio.links == {}


def test_a_link_survives_a_gap_shorter_than_its_time_out() -> None:
    pair = connected_pair(interval_ms=30, timeout_ms=1000)
    station = pair.peripheral.controller.layer.station
    for _ in range(5):
        pair.radio.medium.set_antenna(station, False)
        pair.peripheral.send_acl(pair.peripheral_handle, b"late")
        run(pair, 800)
        pair.radio.medium.set_antenna(station, True)
        run(pair, 100)
    assert reasons(pair) == [[], []]
    assert [packet.payload for packet in pair.central.acl] == [b"late"] * 5
    assert pair.radio.medium.ideal


def test_latency_is_no_loss() -> None:
    pair = lossy_pair(0.0, interval_ms=30, latency=9, timeout_ms=1000)
    pair.radio.medium.propagation = Propagation(collisions=True)
    run(pair, 10_000)
    pair.central.send_acl(pair.central_handle, b"patience")
    run(pair, 400)
    assert reasons(pair) == [[], []]
    assert [packet.payload for packet in pair.peripheral.acl] == [b"patience"]


def test_a_connection_request_that_is_lost_establishes_nothing() -> None:
    radio = Radio(seed=1)
    central, peripheral = new_hosts(radio)
    peripheral.advertise(interval_ms=20)
    central.connect(peripheral.random_address, interval_ms=30)

    def corrupt_request(packet: AirPdu) -> None:
        if not radio.medium.lost:
            radio.medium.corrupt_next(central.controller.layer.station)

    radio.watch(corrupt_request)
    radio.run_until(SECOND)
    (event,) = central.of(DISCONNECTED)
    assert event.parameters[3] == NOT_ESTABLISHED
    assert peripheral.events == []


def test_one_corrupt_packet_is_sent_again() -> None:
    pair = connected_pair()
    air: list[AirPdu] = []
    pair.radio.watch(air.append)
    pair.radio.medium.corrupt_next(pair.central.controller.layer.station)
    pair.central.send_acl(pair.central_handle, b"again")
    run(pair, 100)
    tries = [packet.crc_right for packet in air if packet.octets[2:] == b"again"]
    assert tries == [False, True]
    assert [packet.payload for packet in pair.peripheral.acl] == [b"again"]
    assert pair.radio.medium.ideal


def test_each_station_has_its_own_corrupt_packet() -> None:
    pair = connected_pair()
    wrong: list[str] = []
    names = [host.controller.layer.station.name for host in (pair.central, pair.peripheral)]
    pair.radio.watch(lambda packet: None if packet.crc_right else wrong.append(packet.sender.name))
    silent = pair.radio.add_station("silent")
    for station in (
        silent,
        pair.peripheral.controller.layer.station,
        pair.central.controller.layer.station,
    ):
        pair.radio.medium.corrupt_next(station)
    run(pair, 200)
    assert wrong == names


def test_what_was_to_happen_to_a_station_does_not_outlast_it() -> None:
    pair = connected_pair()
    medium, station = pair.radio.medium, pair.central.controller.layer.station
    for spoil in (lambda: medium.corrupt_next(station), lambda: medium.set_antenna(station, False)):
        spoil()
        assert not medium.ideal
    pair.central.controller.detach()
    assert medium.ideal


def test_a_jammer_of_some_channels_slows_a_link_and_its_end_is_the_end() -> None:
    pair = connected_pair(interval_ms=7.5, timeout_ms=4000)
    half = frozenset(range(0, 37, 2))
    until_us = pair.radio.now_us + 3 * SECOND
    pair.radio.medium.add_interference(Interference(half, until_us=until_us))
    for index in range(200):
        pair.peripheral.send_acl(pair.peripheral_handle, bytes((index,)))
        run(pair, 20)
    assert [packet.payload[0] for packet in pair.central.acl] == list(range(200))
    (end,) = pair.peripheral.controller.layer.links.values()
    assert end.acknowledgement.retransmissions == 0  # what is not heard is not answered
    assert pair.radio.medium.lost > 50
    assert pair.radio.medium.ideal


@pytest.mark.parametrize(("metres", "connects"), [(10, True), (400, True), (4_000, False)])
def test_reach_follows_from_path_loss_and_sensitivity(metres: float, connects: bool) -> None:
    # 0 dBm - 40.2 - 20 log10(d): -92.2 dBm at 400 m is above -95, -112.2 at 4 km is not.
    radio = Radio(1, Propagation(path_loss_db=None, noise=True))
    central, peripheral = new_hosts(radio)
    peripheral.controller.layer.station.position = (metres, 0.0, 0.0)
    peripheral.advertise(interval_ms=20)
    central.connect(peripheral.random_address)
    radio.run_until(3 * SECOND)
    assert bool(central.of(0x3E0A)) is connects


def test_shadowing_belongs_to_the_pair_and_the_seed() -> None:
    def levels(seed: int) -> list[float]:
        radio = Radio(seed, Propagation(shadowing_db=8))
        one, two, three = (host.controller.layer.station for host in new_hosts(radio, 3))
        medium = radio.medium
        assert medium.level_dbm(one, two, 0) == medium.level_dbm(two, one, 0)
        return [medium.level_dbm(one, two, 0), medium.level_dbm(one, three, 0)]

    assert levels(1) == levels(1)
    assert len({*levels(1), *levels(2)}) == 4


def test_advertisers_that_overlap_are_not_heard() -> None:
    """With random delays, n others on one channel leave exp(-2 n * length / interval)."""
    radio = Radio(1, Propagation(collisions=True))
    scanner, *others = new_hosts(radio, 61)
    for host in others:
        host.advertise(interval_ms=20, kind=3, data=bytes(31), channels=1)
    scanner.scan(interval_ms=10_000, window_ms=10_000)
    radio.run_until(8 * SECOND)
    heard = len(scanner.of(0x3E02))
    # Mean interval 25 ms, packets of 37 octets: 376 us.
    sent = sum(host.controller.layer.legacy_advertiser.event for host in others)
    expected = (1 - 2 * phy.air_time_us(37) / 25_000) ** 59
    assert heard / sent == pytest.approx(expected, rel=0.1)


def test_a_much_stronger_packet_is_heard_through_a_collision() -> None:
    def heard_of(distance_m: float) -> float:
        settings = Propagation(path_loss_db=None, collisions=True)
        radio = Radio(1, settings)
        scanner, near, *others = new_hosts(radio, 42)
        for host in others:
            host.controller.layer.station.position = (10.0, 0.0, 0.0)
            host.advertise(interval_ms=20, kind=3, data=bytes(31), channels=1)
        near.controller.layer.station.position = (distance_m, 0.0, 0.0)
        near.advertise(interval_ms=20, kind=3, channels=1)
        scanner.scan(interval_ms=10_000, window_ms=10_000)
        radio.run_until(5 * SECOND)
        reports = [event for event in scanner.of(0x3E02)
                   if event.parameters[3:9] == near.random_address]  # fmt: skip
        return len(reports) / near.controller.layer.legacy_advertiser.event

    assert heard_of(1) == 1
    assert heard_of(9) < 0.7


@pytest.mark.parametrize("seed", range(20))
def test_procedures_survive_loss_or_the_link_ends_at_both_sides(seed: int) -> None:
    pair = lossy_pair(0.2, seed, timeout_ms=2000)
    handle = pair.central_handle
    pair.central.must(0x2022, struct.pack("<HHH", handle, 251, 2120))
    run(pair, 500)
    assert pair.central.command(0x2032, struct.pack("<HBBBH", handle, 0, 2, 2, 0))[0] == 0
    run(pair, 1000)
    timing = struct.pack("<HHHHHHH", handle, 24, 24, 0, 200, 0, 0)
    assert pair.central.command(0x2013, timing)[0] == 0
    run(pair, 1000)
    ended = reasons(pair)
    if ended == [[], []]:
        assert pair.central.of(0x3E0C)
        assert pair.central.of(0x3E03)
    else:
        assert ended in ([[0x28], [0x28]], [[TIMEOUT], [TIMEOUT]])


def test_settings_change_while_the_world_runs() -> None:
    pair = lossy_pair(1.0, interval_ms=15, timeout_ms=2000)
    pair.central.send_acl(pair.central_handle, b"in between")
    run(pair, 1000)
    medium = pair.radio.medium
    medium.propagation = replace(medium.propagation, loss=0.0)
    run(pair, 100)
    assert [packet.payload for packet in pair.peripheral.acl] == [b"in between"]
