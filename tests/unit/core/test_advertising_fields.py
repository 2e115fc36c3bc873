"""Advertising data by examples; its properties are in tests/property."""

from __future__ import annotations

import pytest

from bleio.core.advertising_fields import AdvertisingFields, build, parse

LONG = bytes(range(16))


def test_every_field() -> None:
    data = bytes.fromhex(
        "02 01 06  05 03 0d18 0f18  05 05 78563412  11 07" + LONG.hex() + "03 02 0a18"
        "03 14 1118  04 16 0f18 64  05 ff 4c00 0102  03 19 4103  02 0a f4"
        "03 09 6869  02 08 68  03 24 7878"
    )
    fields = parse(data)
    assert fields == AdvertisingFields(
        flags=6,
        services=(b"\x0d\x18", b"\x0f\x18", b"\x78\x56\x34\x12", LONG),
        more_services=(b"\x0a\x18",),
        solicited=(b"\x11\x18",),
        service_data=((b"\x0f\x18", b"d"),),
        manufacturer_data=((0x004C, b"\x01\x02"),),
        appearance=0x0341,
        tx_power_dbm=-12,
        complete_name="hi",
        shortened_name="h",
        others=(b"\x24xx",),
    )
    assert build(fields) == data


@pytest.mark.parametrize(
    ("data", "others", "cut"),
    [
        ("02 01 06 02 01 05", "01 05", ""),  # flags once more
        ("03 01 06 00", "01 06 00", ""),  # more octets of flags than have a meaning
        ("04 03 0d 18 0f", "03 0d 18 0f", ""),  # one UUID and a half
        ("01 03", "03", ""),  # an empty list
        ("02 16 0f", "16 0f", ""),  # data of half a service
        ("03 09 ff fe", "09 ff fe", ""),  # no UTF-8
        ("02 ff 4c", "ff 4c", ""),
        ("05 09 68 69", "", "05 09 68 69"),
        ("02 01 06 04", "", "04"),
    ],
)
def test_what_has_no_field_is_kept(data: str, others: str, cut: str) -> None:
    fields = parse(bytes.fromhex(data))
    assert b"".join(fields.others).hex(" ") == others
    assert fields.cut.hex(" ") == cut
    assert not fields.is_plain
    assert build(fields) == bytes.fromhex(data)


def test_a_length_of_0_ends_the_data() -> None:
    assert parse(bytes.fromhex("02 01 06 00 02 0a 00")) == AdvertisingFields(flags=6)
    assert parse(b"").is_plain


def test_long_lists_are_divided() -> None:
    services = tuple(number.to_bytes(2, "little") for number in range(200))
    data = build(AdvertisingFields(services=services))
    assert (data[0], data[256]) == (255, 147)
    assert parse(data).services == services


@pytest.mark.parametrize(
    "fields",
    [
        AdvertisingFields(flags=256),
        AdvertisingFields(services=(b"123",)),
        AdvertisingFields(service_data=((b"\x0f\x18", bytes(253)),)),
        AdvertisingFields(service_data=((b"", b""),)),
        AdvertisingFields(manufacturer_data=((-1, b""),)),
        AdvertisingFields(appearance=0x1_0000),
        AdvertisingFields(tx_power_dbm=128),
        AdvertisingFields(complete_name="x" * 255),
    ],
)
def test_what_cannot_be_said(fields: AdvertisingFields) -> None:
    with pytest.raises(ValueError, match=r"must|most|UUID"):
        build(fields)
