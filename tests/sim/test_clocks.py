"""Sleep clocks that are wrong: advertising and anchor points drift, links hold or are lost."""

from __future__ import annotations

import struct

import pytest

from bleio.radio.air.propagation import Propagation
from bleio.radio.air.radio import AirPdu, Radio
from support.raw_host import MS, SECOND, Pair, connected_pair, new_hosts

COMPLETE, DISCONNECTED, TIMEOUT = 0x3E0A, 0x05, 0x08
STEPPED = Propagation(loss=1e-12)
AIRS = pytest.mark.parametrize("propagation", [Propagation(), STEPPED])


def pair_with_clocks(
    propagation: Propagation,
    central: tuple[int, int],
    peripheral: tuple[int, int],
    **timing: float,
) -> Pair:
    """Connected hosts whose clocks drift by and declare so many ppm."""
    radio = Radio(1, propagation)
    hosts = new_hosts(radio)
    for host, clock in zip(hosts, (central, peripheral), strict=True):
        host.controller.layer.station.set_clock(*clock)
    hosts[1].advertise(interval_ms=20)
    hosts[0].connect(hosts[1].random_address, **timing)  # type: ignore[arg-type]
    radio.run_until(200 * MS)
    handles = [struct.unpack_from("<H", host.last(COMPLETE), 1)[0] for host in hosts]
    return Pair(radio, *hosts, *handles)


def record(radio: Radio) -> list[AirPdu]:
    air: list[AirPdu] = []
    radio.watch(air.append)
    return air


@AIRS
@pytest.mark.parametrize("drift_ppm", [-500, 0, 40, 500])
def test_anchor_points_follow_the_centrals_clock(propagation: Propagation, drift_ppm: int) -> None:
    clocks = (drift_ppm, 500), (0, 500)
    pair = pair_with_clocks(propagation, *clocks, interval_ms=100, timeout_ms=4000)
    air = record(pair.radio)
    times = []
    for _ in range(2):
        pair.central.send_acl(pair.central_handle, b"tick")
        pair.radio.run_until(pair.radio.now_us + 100 * SECOND)
        times.append(next(each.time_us for each in air if each.octets[2:] == b"tick"))
        air.clear()
    interval_us = 100_000 + drift_ppm // 10
    intervals = round((times[1] - times[0]) / interval_us)
    assert times[1] - times[0] == pytest.approx(intervals * interval_us, abs=1)


@pytest.mark.parametrize("drift_ppm", [-500, 0, 500])
def test_advertising_follows_the_devices_clock(drift_ppm: int) -> None:
    def event_times(ppm: int) -> list[int]:
        radio = Radio(1)
        air = record(radio)
        (host,) = new_hosts(radio, 1)
        host.controller.layer.station.set_clock(ppm)
        host.advertise(interval_ms=1000, kind=3, channels=1)
        radio.run_until(1000 * SECOND)
        return [packet.time_us for packet in air]

    right, drifted = event_times(0), event_times(drift_ppm)
    took_us = right[900] - right[0]
    expected_us = took_us + took_us * drift_ppm // 1_000_000
    assert drifted[900] - drifted[0] == pytest.approx(expected_us, abs=900)


# Central and peripheral each drift by and declare so much.
@AIRS
@pytest.mark.parametrize("latency", [0, 9])
@pytest.mark.parametrize(
    ("central", "peripheral"),
    [((0, 20), (0, 20)), ((50, 50), (-50, 50)), ((500, 500), (-500, 500)), ((-70, 50), (0, 20))],
)
def test_a_link_holds_within_what_the_clocks_declare(
    propagation: Propagation, latency: int, central: tuple[int, int], peripheral: tuple[int, int]
) -> None:
    timing = {"interval_ms": 100, "latency": latency, "timeout_ms": 4000}
    pair = pair_with_clocks(propagation, central, peripheral, **timing)
    for index in range(60):
        for host in (pair.central, pair.peripheral):
            host.send_acl(0x40, bytes((index,)))
        pair.radio.run_until(pair.radio.now_us + 2 * SECOND)
    for host in (pair.central, pair.peripheral):
        assert host.of(DISCONNECTED) == []
        assert [packet.payload[0] for packet in host.acl] == list(range(60))


@AIRS
@pytest.mark.parametrize(
    ("central", "peripheral"),
    [((300, 50), (0, 50)), ((0, 20), (-500, 20)), ((-400, 50), (200, 50))],
)
def test_a_link_is_lost_when_the_clocks_are_worse_than_they_declare(
    propagation: Propagation, central: tuple[int, int], peripheral: tuple[int, int]
) -> None:
    pair = pair_with_clocks(propagation, central, peripheral, interval_ms=100, timeout_ms=1000)
    pair.radio.run_until(5 * SECOND)
    for host in (pair.central, pair.peripheral):
        (event,) = host.of(DISCONNECTED)
        assert event.parameters[3] == TIMEOUT


def test_short_intervals_hide_what_latency_shows() -> None:
    """60 ppm too much are 6 us in 100 ms, within the 16 us that are always allowed."""
    clocks = (100, 20), (0, 20)
    timing = {"interval_ms": 100, "timeout_ms": 4000}
    pair = pair_with_clocks(Propagation(), *clocks, **timing)
    pair.radio.run_until(20 * SECOND)
    assert pair.central.of(DISCONNECTED) == []
    pair = pair_with_clocks(Propagation(), *clocks, **timing, latency=9)
    pair.radio.run_until(20 * SECOND)
    assert pair.central.of(DISCONNECTED)


@pytest.mark.parametrize(
    ("accuracy_ppm", "code"), [(500, 0), (251, 0), (250, 1), (100, 3), (50, 5), (20, 7), (0, 7)]
)
def test_what_a_central_declares_is_on_air_and_at_the_peripherals_host(
    accuracy_ppm: int, code: int
) -> None:
    radio = Radio(1)
    air = record(radio)
    central, peripheral = new_hosts(radio)
    central.controller.layer.station.set_clock(0, accuracy_ppm)
    peripheral.advertise(interval_ms=20)
    central.connect(peripheral.random_address)
    radio.run_until(200 * MS)
    (request,) = [each for each in air if each.channel >= 37 and each.octets[0] & 0x0F == 5]
    assert request.octets[-1] >> 5 == code
    assert peripheral.last(COMPLETE)[-1] == code
    assert central.last(COMPLETE)[-1] == 0


@pytest.mark.parametrize(("drift_ppm", "accuracy_ppm"), [(0, 501), (0, -1), (10_001, 50)])
def test_clocks_that_nobody_may_have(drift_ppm: int, accuracy_ppm: int) -> None:
    (host,) = new_hosts(Radio(), 1)
    with pytest.raises(ValueError, match="ppm must be from"):
        host.controller.layer.station.set_clock(drift_ppm, accuracy_ppm)


def test_clocks_are_right_as_they_are_made() -> None:
    pair = connected_pair(interval_ms=100)
    (link,) = pair.radio.links
    assert link.anchor_us(36_000) - link.anchor_us(0) == 3600 * SECOND
