"""Resolvable private addresses against the specification's sample data."""

from __future__ import annotations

from bleio.core.address import AddressType, DeviceAddress
from bleio.core.private_address import address_hash, encrypt, make_resolvable, resolves

IRK = bytes.fromhex("ec0234a357c8ad05341010a60a397d9b")[::-1]


def test_ah_sample_data() -> None:
    """Vol 3, Part H, Appendix D.7."""
    assert address_hash(IRK, bytes.fromhex("708194")[::-1]) == bytes.fromhex("0dfbaa")[::-1]


def test_e_sample_data() -> None:
    """FIPS 197, Appendix B, octets reversed as HCI has them."""
    key = bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c")[::-1]
    block = bytes.fromhex("3243f6a8885a308d313198a2e0370734")[::-1]
    assert encrypt(key, block) == bytes.fromhex("3925841d02dc09fbdc118597196a0b32")[::-1]


def test_a_made_address_is_resolvable_with_its_key_alone() -> None:
    address = make_resolvable(IRK, b"\x01\x02\xff")
    assert DeviceAddress(address, True).type is AddressType.RANDOM_PRIVATE_RESOLVABLE
    assert resolves(address, IRK)
    assert not resolves(address, bytes(range(16)))
    assert not resolves(address, bytes(16))
