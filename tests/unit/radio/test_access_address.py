"""Which access addresses a connection may have, rule by rule."""

from __future__ import annotations

from itertools import groupby, pairwise
from random import Random

import pytest

from bleio.radio.air.phy import ADVERTISING_ACCESS_ADDRESS
from bleio.radio.connection import access_address


@pytest.mark.parametrize(
    ("address", "rule"),
    [
        (ADVERTISING_ACCESS_ADDRESS, "the advertising one"),
        (ADVERTISING_ACCESS_ADDRESS ^ 1 << 13, "one bit from it"),
        (0x71717171, "equal octets"),
        (0b10100110_01011001_00000001_10011011, "seven zeros in a row"),
        (0b10100110_01011001_11111110_10011011, "seven ones in a row"),
        (0b10101010_10101010_10101010_01100111, "26 transitions"),
        (0b11111100_11010110_01101100_10011011, "no transition in the last six bits"),
        (0b11111000_11010110_01101100_10011011, "one transition in the last six bits"),
        (0b10100110_01011001_01101100_11000000, "two ones in the first eight bits"),
        (0b10011000_11100111_01010101_01010110, "14 transitions in the first 16 bits"),
    ],
)  # fmt: skip
def test_invalid(address: int, rule: str) -> None:
    assert not access_address.is_valid(address), rule


def test_valid() -> None:
    assert access_address.is_valid(0b10100110_01011001_01101100_10011011)


def test_those_drawn_keep_all_rules_and_use_what_is_left() -> None:
    random = Random(1)
    drawn = [access_address.draw(random) for _ in range(5_000)]
    assert len(set(drawn)) > 4_990
    for address in drawn:
        bits = f"{address:032b}"
        assert max(len(list(run)) for _, run in groupby(bits)) <= 6
        assert sum(a != b for a, b in pairwise(bits)) <= 24
        assert sum(a != b for a, b in pairwise(bits[:6])) >= 2
        assert sum(a != b for a, b in pairwise(bits[16:])) <= 11
        assert bits[24:].count("1") >= 3
        assert (address ^ ADVERTISING_ACCESS_ADDRESS).bit_count() > 1
    for bit in range(32):
        assert 0.4 < sum(address >> bit & 1 for address in drawn) / len(drawn) < 0.6, bit
