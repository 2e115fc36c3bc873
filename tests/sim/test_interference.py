"""What disturbs a running world, against the part of the packets that it must hit."""

from __future__ import annotations

import pytest

from bleio.radio.air.interference import Interference, wifi_channels
from bleio.radio.air.propagation import Propagation
from bleio.radio.air.radio import AirPdu, Radio
from support.on_air import length_us, record
from support.raw_host import MS, SECOND, Pair, connected_pair, new_hosts

ADVERTISING_CHANNELS = (37, 38, 39)
REPORT, DISCONNECTED = 0x3E02, 0x05
PERIOD_US = 10_000


def heard(interference: Interference | None, channel: int) -> tuple[int, list[AirPdu]]:
    """How much a scanner hears of one that advertises on one channel, and what was on air."""
    radio = Radio(3)
    advertiser, scanner = new_hosts(radio)
    air = record(radio)
    if interference is not None:
        radio.medium.add_interference(interference)
    advertiser.advertise(interval_ms=20, kind=3, data=bytes(31), channels=1 << channel - 37)
    scanner.scan(interval_ms=7.5, window_ms=7.5)
    radio.run_until(120 * SECOND)
    return len(scanner.of(REPORT)), air


@pytest.mark.parametrize("burst_us", [1_000, 3_000, 6_000])
def test_bursts_hit_what_their_share_of_the_time_lets_expect(burst_us: int) -> None:
    bursts = Interference(wifi_channels(1), burst_us=burst_us, period_us=PERIOD_US)
    undisturbed, air = heard(None, 37)
    hit_share = (burst_us + length_us(air[0])) / PERIOD_US
    assert heard(bursts, 37)[0] / undisturbed == pytest.approx(1 - hit_share, abs=0.05)


def test_bursts_leave_other_channels_alone() -> None:
    bursts = Interference(wifi_channels(1), burst_us=9_000, period_us=PERIOD_US)
    for channel in (38, 39):
        assert heard(bursts, channel)[0] == heard(None, channel)[0]


def test_weak_bursts_harm_nobody() -> None:
    # What advertises has -60 dBm, 6 dB more than the bursts.
    bursts = Interference(level_dbm=-66, burst_us=9_000, period_us=PERIOD_US)
    assert heard(bursts, 37)[0] == heard(None, 37)[0]


def test_bursts_depend_on_their_seed_alone() -> None:
    def lost(seed: int) -> list[int]:
        bursts = Interference(burst_us=5_000, period_us=PERIOD_US, seed=seed)
        radio = Radio(3)
        advertiser, scanner = new_hosts(radio)
        radio.medium.add_interference(bursts)
        advertiser.advertise(interval_ms=20, kind=3)
        scanner.scan()
        radio.run_until(10 * SECOND)
        return [event.at_us for event in scanner.of(REPORT)]

    assert lost(1) == lost(1) != lost(2)


def run(pair: Pair, milliseconds: float) -> None:
    pair.radio.run_until(pair.radio.now_us + round(milliseconds * MS))


def test_a_link_gets_all_through_between_bursts() -> None:
    pair = connected_pair(interval_ms=7.5, timeout_ms=4000)
    medium = pair.radio.medium
    bursts = [Interference(wifi_channels(number), burst_us=4_000, period_us=PERIOD_US, seed=number)
              for number in (1, 6, 11)]  # fmt: skip
    for each in bursts:
        medium.add_interference(each)
    for index in range(100):
        pair.central.send_acl(pair.central_handle, bytes((index,)))
        run(pair, 20)
    assert medium.lost > 20
    assert not medium.ideal
    for each in bursts:
        medium.remove_interference(each)
    assert medium.ideal
    run(pair, 200)
    assert [packet.payload[0] for packet in pair.peripheral.acl] == list(range(100))
    assert pair.central.of(DISCONNECTED) == []


@pytest.mark.parametrize(("path_loss_db", "phys_heard"), [(88, {1, 3}), (101, {3}), (112, set())])
def test_each_phy_reaches_as_far_as_its_sensitivity(
    path_loss_db: float, phys_heard: set[int]
) -> None:
    """A link at 1M needs -95 dBm, a Coded one -103 dBm."""
    found = set()
    for phy in (1, 3):
        pair = connected_pair(interval_ms=15, timeout_ms=4000)
        mask = 1 << phy - 1
        command = pair.central_handle.to_bytes(2, "little") + bytes((0, mask, mask, 0, 0))
        assert pair.central.command(0x2032, command)[0] == 0
        run(pair, 500)
        pair.radio.medium.propagation = Propagation(path_loss_db=path_loss_db, noise=True)
        pair.central.send_acl(pair.central_handle, b"far")
        run(pair, 1500)
        found |= {phy} if pair.peripheral.acl else set()
    assert found == phys_heard
