"""Times on air against the specification's own figures."""

from __future__ import annotations

import pytest

from bleio.radio.air import phy


@pytest.mark.parametrize(
    ("phy_", "octets", "expected_us"),
    [
        # Vol 6, Part B, 4.5.10: the shortest and longest data packets.
        (phy.LE_1M, 0, 80),
        (phy.LE_1M, 27 + 4, 328),
        (phy.LE_1M, 255, 2_120),
        (phy.LE_2M, 0, 44),
        (phy.LE_2M, 255, 1_064),
        (phy.LE_CODED, 0, 720),
        (phy.LE_CODED, 27 + 4, 2_704),
        (phy.LE_CODED, 255, 17_040),
    ],
)
def test_air_time(phy_: int, octets: int, expected_us: int) -> None:
    assert phy.air_time_us(octets, phy_) == expected_us


def test_sync_time_is_that_of_preamble_and_access_address() -> None:
    assert [phy.sync_time_us(each) for each in (phy.LE_1M, phy.LE_2M, phy.LE_CODED)] == [
        40, 24, 336,
    ]  # fmt: skip
