"""Connection events against the clock: when they are, how long, and what takes effect in which."""

from __future__ import annotations

import itertools
import struct

import pytest

from bleio.radio.air import phy
from bleio.radio.air.propagation import Propagation
from bleio.radio.air.radio import AirPdu, Radio
from support.raw_host import MS, SECOND, Pair, RawHost, connected_pair, handle_of, new_hosts

COMPLETE, PHY, DISCONNECTED = 0x3E0A, 0x3E0C, 0x05
INSTANT_PASSED, NOT_ESTABLISHED = 0x28, 0x3E
PHY_UPDATE_IND = 0x18
# Loses next to nothing, but every event is stepped through.
STEPPED = Propagation(loss=1e-12)


def run(pair: Pair, milliseconds: float) -> None:
    pair.radio.run_until(pair.radio.now_us + round(milliseconds * MS))


def record(radio: Radio) -> list[AirPdu]:
    air: list[AirPdu] = []
    radio.watch(air.append)
    return air


def end_us(packet: AirPdu) -> int:
    return packet.time_us + phy.air_time_us(len(packet.octets) - 2, packet.phy)


def keep_sending(pair: Pair, message: bytes, milliseconds: float) -> None:
    """Let both ends send as much as they can."""
    until_us = pair.radio.now_us + round(milliseconds * MS)
    while pair.radio.now_us < until_us:
        for host in (pair.central, pair.peripheral):
            while host.controller.host.acl_in_flight < 12:
                host.send_acl(handle_of(host), message)
        run(pair, 1)


@pytest.mark.parametrize("propagation", [Propagation(), STEPPED])
def test_first_anchor_is_in_the_transmit_window(propagation: Propagation) -> None:
    radio = Radio(1, propagation)
    air = record(radio)
    central, peripheral = new_hosts(radio)
    peripheral.advertise(interval_ms=20)
    central.connect(peripheral.random_address, interval_ms=50)
    while not central.of(COMPLETE):
        radio.run_until(radio.now_us + 10)
    central.send_acl(handle_of(central), b"first")
    radio.run_until(radio.now_us + 40 * MS)
    (request,) = [each for each in air if each.channel >= 37 and each.octets[0] & 0x0F == 5]
    (first,) = [packet for packet in air if packet.octets[2:] == b"first"]
    size, offset = struct.unpack_from("<BH", request.octets, 14 + 7)
    opens_us = end_us(request) + 1250 + offset * 1250
    assert opens_us <= first.time_us <= opens_us + size * 1250


@pytest.mark.parametrize("propagation", [Propagation(), STEPPED])
def test_phy_changes_with_the_event_of_the_instant(propagation: Propagation) -> None:
    pair = connected_pair(Radio(1, propagation))
    air = record(pair.radio)
    (link,) = pair.radio.links
    command = struct.pack("<HBBBH", pair.central_handle, 0, 2, 2, 0)
    assert pair.central.command(0x2032, command)[0] == 0
    keep_sending(pair, bytes(5), 300)
    announced = [packet for packet in air if packet.octets[2:3] == bytes((PHY_UPDATE_IND,))]
    event = link.event_at(announced[0].time_us + 1) - 1
    (instant,) = struct.unpack_from("<H", announced[0].octets, 2 + 3)
    instant_us = link.anchor_us(instant)
    assert instant - event >= 6
    before = {packet.phy for packet in air if packet.time_us < instant_us - MS}
    after = {packet.phy for packet in air if packet.time_us >= instant_us}
    assert (before, after) == ({phy.LE_1M}, {phy.LE_2M})
    assert abs(pair.central.of(PHY)[0].at_us - instant_us) < MS


def test_an_announcement_that_comes_after_its_instant_ends_the_link() -> None:
    pair = connected_pair(interval_ms=30, timeout_ms=4000)
    peripheral = pair.peripheral.controller.layer.station
    pair.radio.medium.set_antenna(peripheral, False)
    timing = struct.pack("<HHHHHHH", pair.central_handle, 40, 40, 0, 400, 0, 0)
    assert pair.central.command(0x2013, timing)[0] == 0
    begin_us = pair.radio.now_us
    run(pair, 400)
    for host in (pair.central, pair.peripheral):
        (event,) = host.of(DISCONNECTED)
        assert event.parameters[3] == INSTANT_PASSED
        assert 6 * 30 * MS <= event.at_us - begin_us <= 7 * 30 * MS


@pytest.mark.parametrize("octets", [27, 251])
@pytest.mark.parametrize("propagation", [Propagation(), STEPPED])
def test_events_end_before_the_next_anchor(propagation: Propagation, octets: int) -> None:
    pair = connected_pair(Radio(1, propagation), interval_ms=7.5)
    for host in (pair.central, pair.peripheral):
        host.must(0x2022, struct.pack("<HHH", handle_of(host), octets, 2120))
    run(pair, 200)
    air = record(pair.radio)
    (link,) = pair.radio.links
    keep_sending(pair, bytes(octets), 500)
    anchor_us = air[0].time_us
    packets = sorted(air, key=lambda packet: packet.time_us)
    assert len(packets) > 60 * (2 if octets == 251 else 4)
    for packet, following in itertools.pairwise(packets):
        assert end_us(packet) + phy.T_IFS_US <= following.time_us
        into_us = (packet.time_us - anchor_us) % link.interval_us
        assert into_us + end_us(packet) - packet.time_us + phy.T_IFS_US <= link.interval_us


def silent_pair(propagation: Propagation) -> tuple[Radio, RawHost, RawHost]:
    """A link whose peripheral's antenna was off since the connection request."""
    radio = Radio(1, propagation)
    central, peripheral = new_hosts(radio)
    peripheral.advertise(interval_ms=20)
    central.connect(peripheral.random_address, interval_ms=50, timeout_ms=20_000)
    while not central.of(COMPLETE):
        radio.run_until(radio.now_us + 10)
    radio.medium.set_antenna(peripheral.controller.layer.station, False)
    return radio, central, peripheral


def test_six_events_without_a_packet_establish_nothing() -> None:
    radio, central, peripheral = silent_pair(STEPPED)
    begin_us = radio.now_us
    radio.run_until(begin_us + SECOND)
    for host in (central, peripheral):
        (event,) = host.of(DISCONNECTED)
        assert event.parameters[3] == NOT_ESTABLISHED
        assert 6 * 50 * MS <= event.at_us - begin_us <= 7 * 50 * MS
