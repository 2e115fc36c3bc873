"""Device addresses as the link layer has them (Core Specification Vol 6, Part B, 1.3).

On air an address is 48 bits and one bit that says public or random; the two top bits of a
random one tell its sub-type. The four-valued type of the public API is derived from that.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

_TEXT_LENGTH = 17


class AddressType(IntEnum):
    """The four kinds of address the API names; the values are `_bleio.Address`'s constants."""

    PUBLIC = 0
    RANDOM_STATIC = 1
    RANDOM_PRIVATE_RESOLVABLE = 2
    RANDOM_PRIVATE_NON_RESOLVABLE = 3


_RANDOM_TYPES = {
    0b11: AddressType.RANDOM_STATIC,
    0b01: AddressType.RANDOM_PRIVATE_RESOLVABLE,
    0b00: AddressType.RANDOM_PRIVATE_NON_RESOLVABLE,
    0b10: AddressType.RANDOM_PRIVATE_NON_RESOLVABLE,  # reserved for future use
}


class DeviceAddress(NamedTuple):
    """Six octets, least significant first, and whether they are random."""

    octets: bytes
    random: bool = False

    @property
    def type(self) -> AddressType:
        """The address's type, from the two most significant bits of a random one."""
        return _RANDOM_TYPES[self.octets[5] >> 6] if self.random else AddressType.PUBLIC

    @property
    def is_static(self) -> bool:
        """Whether it may be a static address. Its random part must be neither all zeros nor all
        ones. Spec: Vol 6, Part B, 1.3.2.1."""
        random_part = int.from_bytes(self.octets, "little") & (1 << 46) - 1
        constant = random_part in (0, (1 << 46) - 1)
        return self.type is AddressType.RANDOM_STATIC and not constant

    def __str__(self) -> str:
        return self.octets[::-1].hex(":") + ("/random" if self.random else "/public")


def parse_address(text: str) -> bytes:
    """Turn `C0:11:22:33:44:55` (most significant first) into six octets, least significant first.

    Dashes do in place of colons, as Windows writes them, and small letters.
    Raises: ValueError if the text is anything else.
    """
    separator = "-" if text[2:3] == "-" else ":"
    is_cut = len(text) == _TEXT_LENGTH and text[2::3] == separator * 5
    try:
        octets = bytes.fromhex(text.replace(separator, "")) if is_cut else b""
    except ValueError:
        octets = b""
    if len(octets) != 6:
        raise ValueError(f"{text[:40]!r} is not a device address such as C0:11:22:33:44:55")
    return octets[::-1]
