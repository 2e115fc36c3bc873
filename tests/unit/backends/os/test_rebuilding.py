"""Advertising data made anew of what a system says."""

from __future__ import annotations

from typing import Any

import pytest

from bleio.backends.os.scanning.rebuilding import (
    MOST_ITEMS,
    NAME_OCTETS,
    SystemFields,
    rebuilt,
    uuid_on_air,
)
from bleio.core.advertising_fields import parse

HEART_RATE = "0000180d-0000-1000-8000-00805f9b34fb"
TILE = "0000feed-0000-1000-8000-00805f9b34fb"
UART = "6e400001-b5a3-f393-e0a9-e50e24dcca9e"
UART_OCTETS = bytes.fromhex("9ecadc240ee5a9e093f3a3b50100406e")
OF_32_BITS = "12345678-0000-1000-8000-00805f9b34fb"


@pytest.mark.parametrize(
    ("text", "octets"),
    [
        (HEART_RATE, b"\x0d\x18"),
        (HEART_RATE.upper(), b"\x0d\x18"),
        (OF_32_BITS, b"\x78\x56\x34\x12"),
        (UART, UART_OCTETS),
        ("180d", b"\x0d\x18"),
        ("12345678", b"\x78\x56\x34\x12"),
        ("", None),
        ("heart rate", None),
        ("0000180d-0000-1000-8000-00805f9b34", None),
    ],
)
def test_a_uuid_is_as_short_as_it_can_be(text: str, octets: bytes | None) -> None:
    assert uuid_on_air(text) == octets


def test_the_order_is_always_the_same() -> None:
    heard = SystemFields(
        name="Thermometer",
        tx_power_dbm=-4,
        appearance=0x0300,
        manufacturer_data={0x0822: b"\x01\x02"},
        service_data={UART: b"u", TILE: b"t"},
        solicited=["0000180f-0000-1000-8000-00805f9b34fb"],
        more_services=[UART],
        services=[OF_32_BITS, HEART_RATE],
        flags=6,
        others={0x26: b"\x01"},
    )
    assert rebuilt(heard) == b"".join(
        (
            b"\x02\x01\x06",
            b"\x03\x03\x0d\x18",
            b"\x05\x05\x78\x56\x34\x12",
            b"\x11\x06" + UART_OCTETS,
            b"\x03\x14\x0f\x18",
            b"\x04\x16\xed\xfet",
            b"\x12\x21" + UART_OCTETS + b"u",
            b"\x05\xff\x22\x08\x01\x02",
            b"\x03\x19\x00\x03",
            b"\x02\x0a\xfc",
            b"\x0c\x09Thermometer",
            b"\x02\x26\x01",
        )
    )


def test_nothing_said_is_no_data() -> None:
    assert rebuilt(SystemFields()) == b""
    assert rebuilt(SystemFields(name="")) == b""


@pytest.mark.parametrize(
    "strange",
    [
        {"flags": 256},
        {"flags": -1},
        {"appearance": 1 << 16},
        {"tx_power_dbm": 128},
        {"services": ["no UUID", ""]},
        {"service_data": {"no UUID": b"", UART: bytes(254)}},
        {"manufacturer_data": {-1: b"", 1 << 16: b"", 1: bytes(252)}},
        {"others": {0x09: b"a name", 256: b"", 0x2A: bytes(255)}},
    ],
)
def test_what_data_cannot_say_is_left_out(strange: dict[str, Any]) -> None:
    assert rebuilt(SystemFields(**strange)) == b""


def test_a_long_name_ends_with_a_whole_character() -> None:
    name = parse(rebuilt(SystemFields(name="a" + "\u00e4" * NAME_OCTETS))).complete_name
    assert name == "a" + "\u00e4" * ((NAME_OCTETS - 1) // 2)
    assert rebuilt(SystemFields(name="\ud800")) == b"\x02\x09?"


def test_there_is_a_bound_to_everything() -> None:
    services = [f"0000{number:04x}-0000-1000-8000-00805f9b34fb" for number in range(1000)]
    heard = SystemFields(
        services=services,
        more_services=services,
        solicited=services,
        service_data=dict.fromkeys(services, b"data"),
        manufacturer_data=dict.fromkeys(range(1000), b"data"),
        others=dict.fromkeys(range(256), b"data"),
    )
    fields = parse(rebuilt(heard))
    assert len(fields.services) == len(fields.service_data) == MOST_ITEMS
    assert len(fields.manufacturer_data) == MOST_ITEMS
    assert len(fields.others) <= MOST_ITEMS
