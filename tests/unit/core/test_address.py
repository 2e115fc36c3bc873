"""Device addresses: their types, and which can be an identity."""

from __future__ import annotations

import pytest

from bleio.core.address import AddressType, DeviceAddress, parse_address

RESOLVABLE, OTHER = AddressType.RANDOM_PRIVATE_RESOLVABLE, AddressType.RANDOM_PRIVATE_NON_RESOLVABLE


@pytest.mark.parametrize(
    ("text", "kind", "is_static"),
    [
        ("C0:00:00:00:00:01", AddressType.RANDOM_STATIC, True),
        ("FF:FF:FF:FF:FF:FE", AddressType.RANDOM_STATIC, True),
        ("FE:FF:FF:FF:FF:FF", AddressType.RANDOM_STATIC, True),
        ("C0:00:00:00:00:00", AddressType.RANDOM_STATIC, False),
        ("FF:FF:FF:FF:FF:FF", AddressType.RANDOM_STATIC, False),
        ("40:00:00:00:00:01", RESOLVABLE, False),
        ("3F:FF:FF:FF:FF:FE", OTHER, False),
    ],
)
def test_kinds_of_random_addresses(text: str, kind: AddressType, is_static: bool) -> None:
    address = DeviceAddress(parse_address(text), random=True)
    assert (address.type, address.is_static) == (kind, is_static)


def test_a_public_address_is_none_of_them() -> None:
    address = DeviceAddress(parse_address("C0:00:00:00:00:01"))
    assert (address.type, address.is_static) == (AddressType.PUBLIC, False)


@pytest.mark.parametrize("text", ["c0:11:22:33:44:5f", "C0-11-22-33-44-5F", "C0:11:22:33:44:5f"])
def test_text_is_most_significant_first(text: str) -> None:
    assert parse_address(text) == bytes.fromhex("5f44332211c0")


@pytest.mark.parametrize(
    "text",
    [
        *("", "c0", "c0:11:22:33:44", "c0:11:22:33:44:55:66", "c011:22:33:44::55", "c0112233445f"),
        *("c0:11-22:33:44:55", "c0-11:22:33:44:55", "g0:11:22:33:44:55", " 0:11:22:33:44:55"),
        *("c0:11:22:33:44:5 ", "c0::1:22:33:44:55", "c0:11:22:33:44:55\n", "٣0:11:22:33:44:55"),
    ],
)
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(ValueError, match="is not a device address such as C0:11:22:33:44:55"):
        parse_address(text)
