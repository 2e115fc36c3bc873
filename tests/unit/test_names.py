"""Names of numbers, and numbers of names."""

from __future__ import annotations

import subprocess
import sys

import pytest

from bleio import names
from bleio.names import Kind, UnknownName, find_uuid

NORDIC_UART = bytes.fromhex("9ecadc240ee5a9e093f3a3b50100406e")


def number(value: int) -> bytes:
    return value.to_bytes(2, "little")


@pytest.mark.parametrize(
    ("uuid", "name"),
    [
        (number(0x180D), "Heart Rate"),
        (number(0x2A37), "Heart Rate Measurement"),
        (number(0x2902), "Client Characteristic Configuration"),
        (number(0x2901), "Characteristic User Description"),
        (number(0x2800), "Primary Service"),
        (number(0xFEFF), "GN Netcom"),  # a member's, whose number its library has wrong
        (number(0xFEAA), "Eddystone"),  # what the library calls both so and "Google"
        (number(0x1859), "Mesh Proxy Solicitation"),  # too young for that library
        (number(0x2B8C), "CO2 Concentration"),
        (NORDIC_UART, "Nordic UART Service"),
        (bytes.fromhex("fb349b5f8000008000100000") + b"\x0d\x18\0\0", "Heart Rate"),
        (b"\x0d\x18\0\0", None),
        (number(0x9999), None),
        (b"", None),
    ],
)
def test_uuids_have_names(uuid: bytes, name: str | None) -> None:
    assert names.uuid_name(uuid) == name


def test_companies_have_names_that_are_encoded_once() -> None:
    assert names.company_name(0x004C) == "Apple, Inc."
    assert names.company_name(0x024F) == "Schneider Schreibgeräte GmbH"
    assert names.company_name(0x0822) == "adafruit industries"
    assert names.company_name(0xFFFE) is None


def test_no_name_of_a_table_is_damaged() -> None:
    for kind in Kind:
        for _, name in names._all_of(kind):
            assert name.isprintable(), name
            assert "textsubscript" not in name
    assert not [number for number in range(0x10000) if "Ã" in (names.company_name(number) or "")]


def test_appearances_and_ad_types_have_names() -> None:
    assert names.appearance_name(833) == "Heart Rate Sensor: Heart Rate Belt"
    assert names.appearance_name(64) == "Phone"
    assert names.appearance_name(0xFFFF) is None
    assert names.ad_type_name(0x09) == "Complete Local Name"
    assert names.ad_type_name(0x03) == "Complete List Of 16-bit Service Class UUIDs"
    assert names.ad_type_name(0xFE) is None


@pytest.mark.parametrize(
    ("text", "kind", "uuid"),
    [
        ("heart rate", Kind.SERVICE, number(0x180D)),
        ("Heart Rate Service", Kind.SERVICE, number(0x180D)),
        (" heart_rate ", Kind.SERVICE, number(0x180D)),
        ("Battery", Kind.SERVICE, number(0x180F)),
        ("180d", Kind.SERVICE, number(0x180D)),
        ("0x180D", Kind.SERVICE, number(0x180D)),
        ("0000180d-0000-1000-8000-00805f9b34fb", Kind.SERVICE, number(0x180D)),
        ("6E400001-B5A3-F393-E0A9-E50E24DCCA9E", Kind.SERVICE, NORDIC_UART),
        ("6e400001b5a3f393e0a9e50e24dcca9e", Kind.SERVICE, NORDIC_UART),
        ("nordic uart", Kind.SERVICE, NORDIC_UART),
        ("battery level", Kind.CHARACTERISTIC, number(0x2A19)),
        ("client characteristic configuration", Kind.DESCRIPTOR, number(0x2902)),
    ],
)
def test_a_uuid_is_found_by_its_name_or_digits(text: str, kind: Kind, uuid: bytes) -> None:
    assert find_uuid(text, kind) == (uuid,)


@pytest.mark.parametrize(
    ("text", "suggestion"),
    [("hart rate", "Heart Rate"), ("batery", "Battery Service"), ("uart", "Nordic UART Service")],
)
def test_a_wrong_name_suggests_right_ones(text: str, suggestion: str) -> None:
    with pytest.raises(UnknownName, match=f"did you mean .*'{suggestion}'"):
        find_uuid(text)


@pytest.mark.parametrize("text", ["", " ", "0x", "18", "180d0", "6e400001-b5a3", "zzzzzz"])
def test_what_is_like_nothing_suggests_nothing(text: str) -> None:
    with pytest.raises(UnknownName) as raised:
        find_uuid(text)
    assert raised.value.suggestions == []


def test_companies_are_found_by_a_part_of_their_names() -> None:
    assert names.find_companies("adafruit") == (0x0822,)
    assert names.find_companies("0x004c") == (0x004C,)
    assert names.find_companies("no such company") == ()
    assert names.find_companies("") == ()
    assert "Apple, Inc." in names.suggest_companies("appel")


def test_tables_are_loaded_when_a_name_is_asked_for() -> None:
    program = (
        "import sys; from bleio import names; import bleio.decoding.advertising\n"
        "print(sorted({'bluetooth_numbers', 'bleak', 'bumble'} & set(sys.modules)))\n"
        "names.uuid_name(bytes.fromhex('0d18'))\n"
        "print(sorted({'bluetooth_numbers', 'bleak', 'bumble'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.splitlines() == ["[]", "['bluetooth_numbers']"], done.stderr
