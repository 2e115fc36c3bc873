"""Advertising data of programs as properties of LEAdvertisement1, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from dbus_fast import unpack_variants

from bleio.backends.base import AdvertisingParameters
from bleio.backends.os.bluez.advertisement import Limits, Wording, limits_of, wording
from bleio.errors import InvalidParameter

FLAGS = b"\x02\x01\x06"
NAME = b"\x05\x09name"
UART = bytes.fromhex("9ecadc240ee5a9e093f3a3b50100406e")
LIMITS = Limits(includes=frozenset({"tx-power"}))


def said(data: bytes = b"", limits: Limits = LIMITS, **parameters: Any) -> Wording:
    return wording(AdvertisingParameters(data, **parameters), limits, "BlueZ 5.66")


def properties(data: bytes = b"", limits: Limits = LIMITS, **parameters: Any) -> dict[str, Any]:
    found: dict[str, Any] = unpack_variants(said(data, limits, **parameters).properties)
    del found["MinInterval"], found["MaxInterval"]
    return found


def test_what_adafruit_ble_sends() -> None:
    data = FLAGS + b"\x11\x06" + UART
    found = said(data, scan_response=NAME + b"\x02\x0a\x00")
    assert unpack_variants(found.properties) == {
        "Type": "peripheral",
        "MinInterval": 100,
        "MaxInterval": 100,
        "Discoverable": True,
        "ServiceUUIDs": ["6e400001-b5a3-f393-e0a9-e50e24dcca9e"],
        "LocalName": "name",
        "Includes": ["tx-power"],
    }
    assert found.remarks == ()
    assert {name: each.signature for name, each in found.properties.items()} == {
        "Type": "s",
        "MinInterval": "u",
        "MaxInterval": "u",
        "Discoverable": "b",
        "ServiceUUIDs": "as",
        "LocalName": "s",
        "Includes": "as",
    }


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("0303 0f18", {"ServiceUUIDs": ["180f"]}),
        ("0302 0f18 0303 0d18", {"ServiceUUIDs": ["180d", "180f"]}),
        ("0505 78563412", {"ServiceUUIDs": ["12345678"]}),
        ("0314 0f18", {"SolicitUUIDs": ["180f"]}),
        ("0416 0f18 64", {"ServiceData": {"180f": b"d"}}),
        ("05ff 2208 0102", {"ManufacturerData": {0x0822: b"\x01\x02"}}),
        ("0319 c103", {"Appearance": 0x03C1}),
        ("0324 16 ff", {"Data": {0x24: b"\x16\xff"}}),
        ("0201 02", {"Discoverable": True}),
        ("0201 05", {"Discoverable": True, "DiscoverableTimeout": 0xFFFF}),
        ("0509 6e616d65", {"LocalName": "name"}),
        ("", {}),
    ],
)
def test_each_field(data: str, expected: dict[str, Any]) -> None:
    assert properties(bytes.fromhex(data)) == {"Type": "peripheral", **expected}


def test_what_nobody_can_connect_to() -> None:
    found = properties(bytes.fromhex("05ff22080102"), connectable=False)
    assert found == {"Type": "broadcast", "ManufacturerData": {0x0822: b"\x01\x02"}}
    assert "an address of its own making" in said(connectable=False).remarks[0]
    with pytest.raises(NotImplementedError, match="flags in an advertisement that nobody"):
        said(FLAGS, connectable=False)


@pytest.mark.parametrize(
    ("data", "match"),
    [
        ("0408 6e616d", "a shortened name"),
        ("0509 6e61", "ends within a field"),
        ("05ff 2208 0102 05ff 2208 0304", "data of one company twice"),
        ("0416 0f18 64 0416 0f18 65", "data of one service twice"),
        ("0224 16 0224 17", "one AD type twice"),
        ("0201 1a", "the flags 0x1a"),
        ("0201 03", "the flags 0x03"),
        ("0201 04", "the flags 0x04, without discoverable mode"),
        ("0319 ffff", "the appearance 0xffff"),
        ("0309 fffe", "AD type 0x09 in that form"),
        ("030d 0102", "AD type 0x0d in that form"),
        ("0109", "a name without characters"),
        ("1107 fb349b5f80000080001000000f180000", "180f in its long form"),
    ],
)
def test_what_cannot_be_said(data: str, match: str) -> None:
    with pytest.raises(NotImplementedError, match=match) as raised:
        said(bytes.fromhex(data))
    assert str(raised.value).startswith("BlueZ 5.66 cannot advertise ")
    assert '"hci:usb:0" can' in str(raised.value)


def test_two_packets_are_one_set_of_fields() -> None:
    second = bytes.fromhex("0303 0f18 05ff 2208 0102")
    found = properties(FLAGS + b"\x03\x03\x0d\x18", scan_response=second)
    assert found == {
        "Type": "peripheral",
        "Discoverable": True,
        "ServiceUUIDs": ["180d", "180f"],
        "ManufacturerData": {0x0822: b"\x01\x02"},
    }
    with pytest.raises(NotImplementedError, match="two flags"):
        said(FLAGS, scan_response=b"\x02\x01\x04")


def test_two_names_are_refused_unless_one_is_the_radios_own() -> None:
    with pytest.raises(NotImplementedError, match="two names, 'name' and 'other'"):
        said(NAME, scan_response=b"\x06\x09other")
    found = wording(
        AdvertisingParameters(NAME, scan_response=b"\x06\x09other"), LIMITS, "BlueZ 5.66", "other"
    )
    assert found.properties["LocalName"].value == "name"
    assert "'other' of the scan response is not" in found.remarks[0]
    with pytest.raises(NotImplementedError, match="two names"):
        wording(
            AdvertisingParameters(b"\x06\x09other", scan_response=NAME), LIMITS, "BlueZ", "other"
        )
    assert said(NAME, scan_response=NAME).remarks == ()


@pytest.mark.parametrize(
    ("data", "scan_response", "match"),
    [
        (bytes(32), b"", "at most 31 octets with this adapter, and the data has 32"),
        (b"", bytes(32), "and the scan response has 32"),
        (b"\x1e\x09" + b"n" * 29, b"", ""),
        (b"\x1e\xff" + bytes(29), b"\x03\x03\x0d\x18", "all but the name into the data"),
    ],
)
def test_lengths(data: bytes, scan_response: bytes, match: str) -> None:
    if not match:
        assert properties(data)["LocalName"] == "n" * 29
        return
    with pytest.raises(InvalidParameter, match=match):
        said(data, scan_response=scan_response)


def test_extended_advertising_has_more_room() -> None:
    limits = Limits(data_octets=251, field_octets=251, response_octets=251)
    data = b"\xc8\xff" + bytes(199)
    assert properties(data, limits)["ManufacturerData"] == {0: bytes(197)}
    older = Limits(data_octets=251, response_octets=251)
    with pytest.raises(InvalidParameter, match="at most 31 octets in one field, and there is one"):
        said(data, older)
    assert len(properties(b"\x10\xff" + bytes(15) + b"\x10\x16" + bytes(15), older)) == 3
    with pytest.raises(InvalidParameter, match="at most 251"):
        said(bytes(252), limits)


def test_transmit_power_is_a_wish() -> None:
    can = Limits(sets_power=True)
    assert said(limits=can, tx_power_dbm=4).properties["TxPower"].value == 4
    assert "TxPower" not in said(limits=can).properties
    assert "is ignored" in said(tx_power_dbm=4).remarks[0]
    with pytest.raises(InvalidParameter):
        said(tx_power_dbm=100)


def test_the_power_in_the_data_is_left_out_where_there_is_no_room() -> None:
    data = b"\x1c\xff" + bytes(27)
    found = said(data, scan_response=b"\x02\x0a\x00")
    assert "Includes" not in found.properties
    assert "left out" in found.remarks[0]
    assert "left out" in said(b"\x02\x0a\x00", Limits()).remarks[0]


@pytest.mark.parametrize(("interval_us", "ms"), [(20_000, 20), (152_500, 152), (10_240_000, 10240)])
def test_intervals_are_in_milliseconds(interval_us: int, ms: int) -> None:
    found = said(interval_us=interval_us).properties
    assert (found["MinInterval"].value, found["MaxInterval"].value) == (ms, ms)


def test_limits_are_what_the_manager_says() -> None:
    manager = {
        "SupportedCapabilities": {"MaxAdvLen": 251, "MaxScnRspLen": 200},
        "SupportedSecondaryChannels": ["1M", "2M"],
        "SupportedIncludes": ["tx-power"],
        "SupportedFeatures": ["CanSetTxPower"],
    }
    includes = frozenset({"tx-power"})
    assert limits_of(manager, True) == Limits(251, 251, 200, includes, True)
    assert limits_of(manager, False) == Limits(251, 31, 200, includes, True)
    del manager["SupportedSecondaryChannels"]
    assert limits_of(manager, True) == Limits(31, 31, 31, includes, True)
    assert limits_of({}, True) == Limits(sets_interval=False)


def test_an_interval_that_is_not_taken_is_remarked() -> None:
    assert "at its own interval" in said(limits=Limits(sets_interval=False)).remarks[0]
