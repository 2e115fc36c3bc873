"""What a proxy has heard, within bounds."""

from __future__ import annotations

import pytest

from bleio.backends.os.esphome.heard import (
    FRESH_S,
    MOST_DEVICES,
    MOST_OCTETS,
    HeardTable,
    Pace,
    address_in,
    is_possible,
    is_random,
    text_of,
)


def test_the_last_packet_of_a_device_with_a_level_that_does_not_jump() -> None:
    table = HeardTable()
    table.add(1, 0, -60, b"a", 10.0)
    table.add(1, 1, -80, b"b", 11.0)
    heard = table.fresh(1, 12.0)
    assert heard is not None
    assert (heard.kind, heard.data, heard.rssi_dbm) == (1, b"b", -65)
    assert (heard.first_s, heard.last_s) == (10.0, 11.0)


def test_a_device_that_was_silent_is_new() -> None:
    table = HeardTable()
    table.add(1, 0, -60, b"a", 10.0)
    assert table.fresh(1, 10.0 + FRESH_S) is not None
    assert table.fresh(1, 10.1 + FRESH_S) is None
    table.add(1, 0, -80, b"a", 11.0 + FRESH_S)
    heard = table.fresh(1, 11.0 + FRESH_S)
    assert heard is not None
    assert (heard.rssi_dbm, heard.first_s) == (-80, 11.0 + FRESH_S)


def test_of_too_many_devices_the_longest_silent_goes() -> None:
    table = HeardTable()
    for address in range(MOST_DEVICES):
        table.add(address, 0, -60, b"", 1.0)
    table.add(0, 0, -60, b"", 1.0)
    table.add(MOST_DEVICES, 0, -60, b"", 1.0)
    assert len(table) == MOST_DEVICES
    assert table.fresh(0, 1.0) is not None
    assert table.fresh(1, 1.0) is None


def test_pace_counts_second_by_second() -> None:
    pace = Pace(10)
    assert not pace.exceeded(10, 100.0)
    assert pace.exceeded(1, 100.9)
    assert not pace.exceeded(10, 101.1)


@pytest.mark.parametrize(
    ("report", "possible"),
    [
        ((1, 0, -60, b""), True),
        (((1 << 48) - 1, 3, 20, bytes(MOST_OCTETS)), True),
        ((1 << 48, 0, -60, b""), False),
        ((1, 4, -60, b""), False),
        ((1, 0, -128, b""), False),
        ((1, 0, 21, b""), False),
        ((1, 0, -60, bytes(MOST_OCTETS + 1)), False),
    ],
)
def test_what_a_radio_can_hear(report: tuple[int, int, int, bytes], possible: bool) -> None:
    assert is_possible(*report) is possible


def test_addresses() -> None:
    assert address_in("C0:11:22:33:44:55") == 0xC01122334455
    assert text_of(0x0011223344FF) == "00:11:22:33:44:FF"
    assert [is_random(kind) for kind in range(4)] == [False, True, False, True]
