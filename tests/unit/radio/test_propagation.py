"""Path loss, noise and interference, each against a calculation of its own."""

from __future__ import annotations

import math

import pytest

from bleio.radio.air import phy
from bleio.radio.air.interference import Interference, frequency_mhz, wifi_channels
from bleio.radio.air.propagation import SENSITIVITY_DBM, Propagation, packet_error_rate


@pytest.mark.parametrize(("exponent", "at_10_m", "at_100_m"), [(2, 60.2, 80.2), (3.5, 75.2, 110.2)])
def test_distance(exponent: float, at_10_m: float, at_100_m: float) -> None:
    propagation = Propagation(path_loss_db=None, exponent=exponent)
    for metres, loss_db in ((1, 40.2), (10, at_10_m), (100, at_100_m)):
        assert propagation.distance_loss_db((0, 0, 5), (0, metres, 5)) == pytest.approx(loss_db)


def test_two_stations_in_one_place_lose_a_finite_amount() -> None:
    assert math.isfinite(Propagation(path_loss_db=None).distance_loss_db((0, 0, 0), (0, 0, 0)))


@pytest.mark.parametrize("phy_", [phy.LE_1M, phy.LE_2M, phy.LE_CODED])
def test_sensitivity_is_where_one_bit_in_a_thousand_is_wrong(phy_: int) -> None:
    # Vol 6, Part A, 4.1: with 0.1 % of the bits 30.8 % of packets with 37 octets are lost, counted
    # from preamble to CRC, which is 46 octets.
    at = SENSITIVITY_DBM[phy_]
    assert packet_error_rate(at, phy_, 46) == pytest.approx(0.308, abs=0.001)
    assert packet_error_rate(at + 6, phy_, 46) < 1e-6
    assert packet_error_rate(at - 6, phy_, 46) > 0.999


@pytest.mark.parametrize(
    "wrong",
    [{"loss": 1.1}, {"loss": -0.1}, {"loss": math.nan}, {"exponent": 0}, {"shadowing_db": -1},
     {"path_loss_db": math.inf}, {"capture_db": math.nan}],
)  # fmt: skip
def test_numbers_that_make_no_sense(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must be"):
        Propagation(**wrong)  # type: ignore[arg-type]


def test_channels_are_where_the_specification_has_them() -> None:
    assert [frequency_mhz(channel) for channel in (0, 10, 11, 36, 37, 38, 39)] == [
        2404, 2424, 2428, 2478, 2402, 2426, 2480,
    ]  # fmt: skip
    assert sorted(map(frequency_mhz, range(40))) == list(range(2402, 2482, 2))


def test_wifi_channel_1_spares_38_and_39() -> None:
    assert wifi_channels(1) == {37, *range(10)}


def test_a_jammer_hits_what_overlaps_with_it() -> None:
    jammer = Interference(frozenset({37}), from_us=100, until_us=200)
    hit = [span for span in ((0, 100), (99, 101), (150, 160), (199, 300), (200, 300))
           if jammer.hits(37, *span)]  # fmt: skip
    assert hit == [(99, 101), (150, 160), (199, 300)]
    assert not jammer.hits(38, 150, 160)


def test_bursts_fill_their_part_of_the_time() -> None:
    bursts = Interference(burst_us=3_000, period_us=10_000, seed=1)
    hits = sum(bursts.hits(5, time, time + 1) for time in range(0, 3_000_000, 97))
    assert hits * 97 / 3_000_000 == pytest.approx(0.3, abs=0.005)
