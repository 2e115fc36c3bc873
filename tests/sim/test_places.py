"""Stations that are placed, packets that are spared, and who has heard what."""

from __future__ import annotations

import pytest

from bleio.radio.air.propagation import Propagation
from bleio.radio.air.radio import Radio
from support.raw_host import MS, SECOND, connected_pair, new_hosts


def test_a_pair_goes_by_distance_if_one_of_it_is_placed() -> None:
    radio = Radio(propagation=Propagation(exponent=3))
    one, other, third = (radio.add_station() for _ in range(3))
    assert radio.rssi_dbm(one, other, 0) == -60
    radio.medium.place(one, (0, 10, 0))
    assert radio.rssi_dbm(one, other, 0) == radio.rssi_dbm(other, one, 0) == round(-40.2 - 30)
    assert radio.rssi_dbm(other, third, 0) == -60
    radio.medium.place(other, (0, 11, 0))
    assert radio.rssi_dbm(one, other, 4) == -36


def test_a_link_lives_on_when_an_end_is_placed_and_ends_out_of_range() -> None:
    pair = connected_pair(interval_ms=30, timeout_ms=1000)
    radio, station = pair.radio, pair.peripheral.controller.layer.station
    assert radio.medium.ideal
    radio.medium.place(station, (5, 0, 0))
    assert not radio.medium.ideal
    radio.run_until(radio.now_us + 5 * SECOND)
    assert pair.peripheral.controller.layer.links
    radio.medium.place(station, (5000, 0, 0))
    radio.run_until(radio.now_us + 3 * SECOND)
    assert not pair.peripheral.controller.layer.links
    assert not pair.central.controller.layer.links


def test_packets_are_spared() -> None:
    radio = Radio()
    one, other = radio.add_station(), radio.add_station()
    for sender in (one, one, other, one):
        radio.medium.corrupt_next(sender)
    assert radio.medium.spare(one, 2) == 2
    assert radio.medium.spare(one, 5) == 1
    assert radio.medium.spare(one, 5) == 0
    assert not radio.medium.ideal
    assert radio.medium.spare(other, 1) == 1
    assert radio.medium.ideal


@pytest.mark.parametrize("loss", [0.0, 0.5])
def test_watchers_are_shown_who_has_heard_advertising(loss: float) -> None:
    radio = Radio(seed=1, propagation=Propagation(loss=loss))
    advertiser, scanner, _ = new_hosts(radio, 3)
    seen = []
    radio.hearing_watchers = (lambda packet, who, got: seen.append((packet.sender, who, got)),)
    scanner.scan()
    advertiser.advertise(kind=3)
    radio.run_until(radio.now_us + 10_000 * MS)
    ends = (advertiser.controller.layer.station, scanner.controller.layer.station)
    assert {(one, other) for one, other, _ in seen} == {ends}
    got = sum(each for _, _, each in seen)
    assert got == len(scanner.of(0x3E02))
    assert (got < len(seen)) == bool(loss)
    assert got > 20
