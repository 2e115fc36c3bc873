"""Catalogue 3.13: UUID; and its printing and equality of section 1."""

from __future__ import annotations

import array

import _bleio
import pytest
from _bleio import UUID

from support.pair import raises

TEXT = "6e400001-b5a3-f393-e0a9-e50e24dcca9e"
OCTETS = bytes.fromhex(TEXT.replace("-", ""))[::-1]
BATTERY_128 = "0000180f-0000-1000-8000-00805f9b34fb"


@pytest.mark.parametrize(
    "value",
    [TEXT, TEXT.upper(), OCTETS, bytearray(OCTETS), memoryview(OCTETS), array.array("B", OCTETS)],
    ids=["text", "upper", "bytes", "bytearray", "memoryview", "array"],
)
def test_128_bit_forms(value: object) -> None:
    uuid = UUID(value)
    assert (uuid.size, uuid.uuid128) == (128, OCTETS)
    assert type(uuid.uuid128) is bytes
    assert uuid == UUID(TEXT)
    assert repr(uuid) == str(uuid) == f"UUID('{TEXT}')"


def test_16_bit_form() -> None:
    uuid = UUID(0x180F)
    assert (uuid.size, uuid.uuid16) == (16, 0x180F)
    assert repr(uuid) == str(uuid) == "UUID(0x180f)"
    assert repr(UUID(1)) == "UUID(0x0001)"
    with raises(AttributeError, "not a 128-bit UUID"):
        _ = uuid.uuid128


def test_uuid16_of_128_bits_is_octets_12_and_13() -> None:
    assert UUID(TEXT).uuid16 == 0x0001
    assert UUID(BATTERY_128).uuid16 == 0x180F


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (-1, "value must be 0-65535"),
        (65536, "value must be 0-65535"),
        ("180f", "UUID string not 'xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx'"),
        (TEXT.replace("-", "x"), "UUID string not 'xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx'"),
        (TEXT.replace("6e", "zz"), "UUID string not 'xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx'"),
        (TEXT + "0", "UUID string not 'xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx'"),
        (bytes(15), "value length must be 16"),
        (bytes(17), "value length must be 16"),
        (b"", "value length must be 16"),
        (None, "UUID value is not str, int or byte buffer"),
        (1.5, "UUID value is not str, int or byte buffer"),
        (True, "UUID value is not str, int or byte buffer"),
        ([1], "UUID value is not str, int or byte buffer"),
    ],
)
def test_bad_values(value: object, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        UUID(value)
    assert str(caught.value) == message


def test_equality_and_hash_are_by_size_and_value() -> None:
    assert UUID(0x180F) == UUID(0x180F)
    assert hash(UUID(0x180F)) == hash(UUID(0x180F))
    assert hash(UUID(TEXT)) == hash(UUID(OCTETS))
    assert UUID(0x180F) != UUID(0x180A)
    assert UUID(0x180F) != UUID(BATTERY_128)
    assert UUID(0x180F) != 0x180F
    assert UUID(TEXT) != TEXT
    with pytest.raises(TypeError):
        _ = UUID(1) < UUID(2)


@pytest.mark.parametrize("call", ["positional", "keyword", "default"])
def test_pack_into(call: str) -> None:
    buffer = bytearray(20)
    uuid = UUID(TEXT)
    if call == "positional":
        uuid.pack_into(buffer, 2)
    elif call == "keyword":
        uuid.pack_into(buffer, offset=2)
    else:
        uuid.pack_into(memoryview(buffer)[2:])
    assert buffer == bytes(2) + OCTETS + bytes(2)


def test_pack_into_16_bit() -> None:
    buffer = bytearray(b"\xff\xff\xff")
    assert UUID(0x1234).pack_into(buffer, 1) is None
    assert buffer == b"\xff\x34\x12"


@pytest.mark.parametrize(
    ("value", "size", "offset", "message"),
    [
        (1, 4, 5, "offset must be 0-4"),
        (1, 4, -1, "offset must be 0-4"),
        (1, 4, 3, "buffer length must be >= 2"),
        (1, 1, 0, "buffer length must be >= 2"),
        (TEXT, 20, 5, "buffer length must be >= 16"),
    ],
)
def test_pack_into_out_of_range(value: object, size: int, offset: int, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        UUID(value).pack_into(bytearray(size), offset)
    assert str(caught.value) == message


@pytest.mark.parametrize("buffer", [None, 3, bytes(4), "text"])
def test_pack_into_needs_a_writable_buffer(buffer: object) -> None:
    with pytest.raises(TypeError):
        UUID(1).pack_into(buffer)


@pytest.mark.parametrize("arguments", [(), (1, 2)])
def test_wrong_number_of_arguments(arguments: tuple[object, ...]) -> None:
    with pytest.raises(TypeError):
        UUID(*arguments)


def test_members_are_read_only() -> None:
    for name in ("size", "uuid16", "uuid128"):
        with pytest.raises(AttributeError):
            setattr(_bleio.UUID(1), name, 0)
