"""What values say: known ones rightly, and those of strangers never with a crash."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies

from bleio.core.uuid import expand, uuid16
from bleio.values import decode, decode_descriptor, is_installed, plain, specified
from bleio.values.formats import medical_float

# By the specification's own fields, octet for octet: (UUID, octets, text, value, unit).
KNOWN: dict[str, tuple[int, str, str, Any, str | None]] = {
    "battery": (0x2A19, "57", "87 %", 87, "%"),
    "temperature": (0x2A6E, "c409", "25 °C", 25.0, "°C"),
    "cold": (0x2A6E, "f6ff", "-0.1 °C", -0.1, "°C"),
    "humidity": (0x2A6F, "8813", "50 %", 50.0, "%"),
    "tx power": (0x2A07, "fc", "-4 dBm", -4, "dBm"),
    "location": (0x2A38, "01", "chest", "chest", None),
    "name": (0x2A00, "50756c7365", '"Pulse"', "Pulse", None),
}
# Of those with several fields: a part of the line, and of the value.
FIELDS: dict[str, tuple[int, str, str, dict[str, Any]]] = {
    "pulse": (0x2A37, "0650", "heart rate 80, sensor contact detected", {"heart_rate": 80}),
    "long pulse": (0x2A37, "012c01", "heart rate 300", {"heart_rate": 300}),
    "rr": (
        0x2A37,
        "1e50102700030004",
        "energy expended 10000, rr intervals 0.75, 1",
        {"energy_expended": 10_000, "rr_intervals": [0.75, 1.0]},
    ),
    "fever": (
        0x2A1C,
        "0074010 0ff".replace(" ", ""),
        "temperature 37.2, unit °C",
        {"temperature": 37.2},
    ),
    "fahrenheit": (0x2A1C, "01da030 0ff".replace(" ", ""), "temperature 98.6, unit °F", {}),
    "pressure": (
        0x2A35,
        "0078005000600000"[:14],
        "systolic 120, diastolic 80, mean arterial pressure 96, unit mmHg",
        {"systolic": 120.0, "diastolic": 80.0},
    ),
    "oximeter": (0x2A5F, "0062004800", "spo2 98, pulse rate 72", {"spo2": 98.0}),
    "pnp": (0x2A50, "01d10201010002", "vendor id 721, product id 257", {"vendor_id": 721}),
    "parameters": (0x2A04, "0600060000002c01", "min interval 7.5", {"min_interval": 7.5}),
    "time": (0x2A2B, "e6070c1f173b3b060001", "2022-12-31 23:59:59", {}),
}


@pytest.mark.parametrize("case", KNOWN)
def test_values_of_the_specification(case: str) -> None:
    number, octets, text, value, unit = KNOWN[case]
    for uuid in (uuid16(number), expand(uuid16(number))):
        said = decode(uuid, bytes.fromhex(octets))
        assert (said.text, said.value, said.unit, said.problem) == (text, value, unit, None)


@pytest.mark.parametrize("case", FIELDS)
def test_values_of_several_fields(case: str) -> None:
    number, octets, text, fields = FIELDS[case]
    said = decode(uuid16(number), bytes.fromhex(octets))
    assert text in said.text
    assert said.value | fields == said.value
    assert said.problem is None


REJECTED = {
    "more than all": (0x2A19, "ff", "Invalid percentage: 255"),
    "empty": (0x2A37, "", "expected at least 2 bytes, got 0"),
    "cut": (0x2A1C, "006e01", "expected at least 5 bytes, got 3"),
    "not known": (0x2A6E, "0080", "value is not known"),
    "without end": (0x2AA7, "00" * 20, "its decoder does not come to an end with it"),
    "no text": (0x2A00, "ff", "Invalid UTF-8"),
}


@pytest.mark.parametrize("case", REJECTED)
def test_what_a_decoder_rejects_says_why_and_nothing_else(
    case: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    number, octets, why = REJECTED[case]
    said = decode(uuid16(number), bytes.fromhex(octets))
    assert (said.text, said.value) == ("", None)
    assert said.problem is not None
    assert why in said.problem
    assert "constraint" not in said.problem
    assert "0000-1000" not in said.problem
    assert (caplog.text, capfd.readouterr()) == ("", ("", ""))


# Format, exponent, unit 0x2700 (none) or 0x272f (degree Celsius), namespace, description.
PRESENTED = {
    "scaled": ("1027", "06feaf27010000", 100.0),
    "signed": ("f6ff", "0eff0027010000", -1.0),
    "boolean": ("01", "01000027010000", True),
    "float": ("0000c03f", "14000027010000", 1.5),
    "medical": ("6e0100ff", "17000027010000", 36.6),
    "text": ("6869", "19000027010000", "hi"),
}


@pytest.mark.parametrize("case", PRESENTED)
def test_numbers_by_the_format_that_the_device_has_published(case: str) -> None:
    octets, presentation, value = PRESENTED[case]
    said = decode(uuid16(0xFFF0), bytes.fromhex(octets), bytes.fromhex(presentation))
    assert said.value == value
    assert type(said.value) is type(value)


def test_a_unit_that_the_device_has_published() -> None:
    said = decode(uuid16(0xFFF0), b"\x10\x27", bytes.fromhex("06feaf27010000"))
    assert (said.text, said.unit) == ("100 period (beats per minute)", "period (beats per minute)")


def test_a_format_that_does_not_fit() -> None:
    said = decode(uuid16(0xFFF0), b"\x10", bytes.fromhex("06feaf27010000"))
    assert (
        said.problem == "its presentation format does not fit: a number of this format has 2 octets"
    )
    assert said.value == 16


PLAIN = {
    "": ("", None),
    "05": ("5", 5),
    "1027": ("10000", 10_000),
    "6869": ('"hi"', "hi"),
    "41": ('"A"', "A"),
    "1b5b6d": ("", None),
    "ffffffff": (str(0xFFFFFFFF), 0xFFFFFFFF),
    "c3a4c3a4": ('"ää"', "ää"),
}


@pytest.mark.parametrize("octets", PLAIN)
def test_what_octets_look_like(octets: str) -> None:
    said = plain(bytes.fromhex(octets))
    assert (said.text, said.value) == PLAIN[octets]


def test_descriptors() -> None:
    assert decode_descriptor(uuid16(0x2901), b"Pulse").text == '"Pulse"'
    assert decode_descriptor(uuid16(0x2901), b"\xff").problem == "it is no UTF-8"
    said = decode_descriptor(uuid16(0x2902), b"\x01\0")
    assert said.value == {"notifications_enabled": True, "indications_enabled": False}
    assert decode_descriptor(uuid16(0x2904), b"\x06").problem
    assert decode_descriptor(uuid16(0xFFF1), b"\x06").value == 6


MEDICAL = {
    "6e0100ff": 36.6,
    "00000000": 0.0,
    "ffffff00": -1.0,
    "01000002": 100.0,
    "feff7f00": math.inf,
    "02008000": -math.inf,
    "72f0": 11.4,
    "0080": 0.0,
    "fe07": math.inf,
    "0208": -math.inf,
    "ffff": -0.1,
}


@pytest.mark.parametrize("octets", MEDICAL)
def test_medical_floats(octets: str) -> None:
    assert medical_float(bytes.fromhex(octets)) == MEDICAL[octets]


@pytest.mark.parametrize("octets", ["ffff7f00", "00008000", "01008000", "ff07", "0008", "0108"])
def test_medical_floats_that_are_no_numbers(octets: str) -> None:
    assert math.isnan(medical_float(bytes.fromhex(octets)))


def all_uuids() -> list[bytes]:
    return [uuid16(number) for number in range(0x2A00, 0x2D00)]


@settings(max_examples=500, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    uuid=strategies.sampled_from(all_uuids()),
    octets=strategies.binary(max_size=64),
    presentation=strategies.none() | strategies.binary(max_size=8),
)
def test_values_of_strangers_never_crash(
    uuid: bytes, octets: bytes, presentation: bytes | None
) -> None:
    for said in (decode(uuid, octets, presentation), decode_descriptor(uuid, octets)):
        json.dumps(said.value, allow_nan=False)
        for text in (said.text, said.problem or ""):
            assert all(each.isprintable() for each in text), repr(text)
            assert len(text) < 600
        assert not (said.problem and said.text and specified.characteristic(expand(uuid)))


def test_every_decoder_of_the_library_bears_values_of_every_length() -> None:
    for uuid in all_uuids():
        if specified.characteristic(expand(uuid)) is None:
            continue
        for length in (0, 1, 2, 5, 20, 512):
            for octet in (0x00, 0x7F, 0xFF):
                json.dumps(decode(uuid, bytes([octet]) * length).value, allow_nan=False)


def test_it_is_loaded_when_it_is_asked_for() -> None:
    program = (
        "import sys, bleio.values as values\n"
        "assert 'bluetooth_sig' not in sys.modules\n"
        "assert values.is_installed() and 'bluetooth_sig' not in sys.modules\n"
        "values.load()\n"
        "assert 'bluetooth_sig' in sys.modules\n"
    )
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0


WITHOUT = """
import sys
sys.modules["bluetooth_sig"] = None
import bleio.values as values
from bleio.core.uuid import uuid16
assert not values.is_installed(), values.is_installed()
assert not values.load()
assert values.decode(uuid16(0x2A19), b"W").text == '"W"'
assert values.decode(uuid16(0x2A19), b"\\x57\\x00").text == "87"
assert values.decode(uuid16(0x2A00), b"Pulse").text == '"Pulse"'
form = bytes.fromhex("06feaf27010000")
assert values.decode(uuid16(0xFFF0), bytes.fromhex("1027"), form).text == "100"
assert values.decode_descriptor(uuid16(0x2901), b"Pulse").text == '"Pulse"'
assert "bleio[values]" in values.HINT
"""


def test_without_the_extra_values_are_plain() -> None:
    assert is_installed()
    assert subprocess.run([sys.executable, "-c", WITHOUT]).returncode == 0
