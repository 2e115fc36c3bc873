"""Catalogue 3.3: Address."""

from __future__ import annotations

import pytest
from _bleio import Address

from support.pair import raises

OCTETS = bytes.fromhex("665544332211")


def test_default_type_is_public() -> None:
    address = Address(OCTETS)
    assert (address.address_bytes, address.type) == (OCTETS, Address.PUBLIC)


@pytest.mark.parametrize("kind", range(4))
def test_forms(kind: int) -> None:
    by_keyword = Address(address=bytearray(OCTETS), address_type=kind)
    assert by_keyword == Address(OCTETS, kind)
    assert by_keyword.type == kind
    assert type(by_keyword.address_bytes) is bytes


def test_printing_is_most_significant_first() -> None:
    assert repr(Address(OCTETS)) == str(Address(OCTETS)) == "<Address 11:22:33:44:55:66>"
    assert str(Address(bytes.fromhex("0a0b0c0d0eef"))) == "<Address ef:0e:0d:0c:0b:0a>"


@pytest.mark.parametrize("size", [0, 5, 7])
def test_wrong_length(size: int) -> None:
    with raises(ValueError, "address length must be 6"):
        Address(bytes(size))


@pytest.mark.parametrize("kind", [-1, 4])
def test_wrong_type_number(kind: int) -> None:
    with raises(ValueError, "address_type must be 0-3"):
        Address(OCTETS, kind)


@pytest.mark.parametrize("kind", [1.0, None, "1"])
def test_type_must_be_an_int(kind: object) -> None:
    with pytest.raises(TypeError):
        Address(OCTETS, kind)


@pytest.mark.parametrize("octets", [None, 6, [1, 2, 3, 4, 5, 6]])
def test_address_must_be_a_buffer(octets: object) -> None:
    with raises(TypeError, "object with buffer protocol required"):
        Address(octets)


def test_equality_and_hash() -> None:
    assert Address(OCTETS, 1) == Address(OCTETS, 1)
    assert hash(Address(OCTETS, 1)) == hash(Address(bytearray(OCTETS), 1))
    assert Address(OCTETS, 1) != Address(OCTETS, 0)
    assert Address(OCTETS) != Address(OCTETS[::-1])
    assert Address(OCTETS) != OCTETS
    with pytest.raises(TypeError):
        _ = Address(OCTETS) < Address(OCTETS)


def test_input_is_copied() -> None:
    octets = bytearray(OCTETS)
    address = Address(octets)
    octets[0] = 0
    assert address.address_bytes == OCTETS


def test_read_only() -> None:
    with pytest.raises(AttributeError):
        Address(OCTETS).type = 1
    with pytest.raises(AttributeError):
        Address(OCTETS).address_bytes = OCTETS


# Ours: text, which CircuitPython's does not take.


@pytest.mark.parametrize("text", ["11:22:33:44:55:66", "11-22-33-44-55-66"])
def test_text_is_most_significant_first(text: str) -> None:
    assert Address(text) == Address(OCTETS)
    assert Address(address=text, address_type=Address.RANDOM_STATIC).type == Address.RANDOM_STATIC
    assert Address("f0:f1:f2:f3:f4:AB").address_bytes == bytes.fromhex("abf4f3f2f1f0")


def test_text_as_it_is_printed() -> None:
    address = Address(bytes.fromhex("0a0b0c0d0eef"), 1)
    assert Address(str(address), address.type) == address
    assert Address(repr(address), address.type) == address


@pytest.mark.parametrize("text", ["", "sensor", "f0:f1", "<Address 11:22>", "Address", "123456"])
def test_other_text(text: str) -> None:
    """Six letters are no octets, though a board would take them for such."""
    with pytest.raises(ValueError, match="is not a device address such as C0:11:22:33:44:55"):
        Address(text)


def test_the_type_is_checked_with_text_too() -> None:
    with raises(ValueError, "address_type must be 0-3"):
        Address("11:22:33:44:55:66", 4)
