"""ScanEntry: one report as the program sees it."""

from __future__ import annotations

from typing import Any

import pytest

from bleio.api import Address, ScanEntry
from bleio.backends.base import Report
from bleio.core.address import DeviceAddress
from support.api_bench import raises

FLAGS, NAME = b"\x02\x01\x06", b"\x05\x09desk"
OCTETS = bytes.fromhex("0102030405")


def entry(data: bytes = FLAGS + NAME, top_octet: int = 0xC6, random: bool = True) -> ScanEntry:
    address = DeviceAddress(OCTETS + bytes([top_octet]), random)
    return ScanEntry._of(Report(address, data, -70, True, False))


def test_members() -> None:
    it = entry()
    assert (it.address, it.advertisement_bytes) == (Address(OCTETS + b"\xc6", 1), FLAGS + NAME)
    assert (it.rssi, it.connectable, it.scan_response) == (-70, True, False)
    for name in ("address", "advertisement_bytes", "rssi", "connectable", "scan_response"):
        with pytest.raises(AttributeError):
            setattr(it, name, 0)


@pytest.mark.parametrize(
    ("top_octet", "random", "kind"),
    [
        (0xC6, False, Address.PUBLIC),
        (0xC6, True, Address.RANDOM_STATIC),
        (0x46, True, Address.RANDOM_PRIVATE_RESOLVABLE),
        (0x06, True, Address.RANDOM_PRIVATE_NON_RESOLVABLE),
    ],
)
def test_address_type(top_octet: int, random: bool, kind: int) -> None:
    assert entry(top_octet=top_octet, random=random).address.type == kind


@pytest.mark.parametrize("kind", range(4))
def test_any_type_but_public_is_random_on_air(kind: int) -> None:
    assert Address(OCTETS + b"\x06", kind)._device().random == (kind != Address.PUBLIC)


@pytest.mark.parametrize(
    ("prefixes", "every", "some"),
    [
        (b"", True, True),
        (b"\x01\x09", True, True),
        (b"\x02\x09d", True, True),
        (b"\x02\x09x", False, False),
        (b"\x01\x01\x01\x09", True, True),
        (b"\x01\x01\x01\xff", False, True),
        (b"\x00", True, True),
        (b"\x05\x09d", False, False),
    ],
)
def test_matches(prefixes: bytes, every: bool, some: bool) -> None:
    it = entry()
    assert it.matches(prefixes) is every
    assert it.matches(prefixes, match_all=True) is it.matches(prefixes, all=True) is every
    assert it.matches(bytearray(prefixes), match_all=0) is it.matches(prefixes, all=False) is some


def test_prefixes_match_no_empty_data() -> None:
    assert not entry(b"").matches(b"\x01\x09")
    assert entry(b"").matches(b"")


@pytest.mark.parametrize("prefixes", [None, 1, [1, 9]])
def test_prefixes_must_be_a_buffer(prefixes: Any) -> None:
    with raises(TypeError, "object with buffer protocol required"):
        entry().matches(prefixes)
