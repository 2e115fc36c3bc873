"""Channel Selection Algorithm #2 against the specification's sample data (Vol 6, Part C, 3)."""

from __future__ import annotations

import pytest

from bleio.radio.air.hopping import ALL_DATA_CHANNELS, data_channel, event_number

ACCESS_ADDRESS = 0x8E89BED6
NINE_CHANNELS = sum(1 << channel for channel in (9, 10, 21, 22, 23, 33, 34, 35, 36))


@pytest.mark.parametrize(
    ("event", "number", "channel"), [(0, 56857, 25), (1, 1685, 20), (2, 38301, 6), (3, 27475, 21)]
)
def test_all_channels(event: int, number: int, channel: int) -> None:
    assert event_number(ACCESS_ADDRESS, event) == number
    assert data_channel(ACCESS_ADDRESS, event, ALL_DATA_CHANNELS) == channel


@pytest.mark.parametrize(
    ("event", "number", "channel"), [(6, 10975, 23), (7, 5490, 9), (8, 46970, 34)]
)
def test_nine_channels(event: int, number: int, channel: int) -> None:
    assert event_number(ACCESS_ADDRESS, event) == number
    assert data_channel(ACCESS_ADDRESS, event, NINE_CHANNELS) == channel


def test_the_counter_has_16_bits() -> None:
    assert event_number(ACCESS_ADDRESS, 65_536 + 5) == event_number(ACCESS_ADDRESS, 5)
