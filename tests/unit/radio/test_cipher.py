"""Encrypted PDUs against the specification's sample data (Vol 6, Part C, 1)."""

from __future__ import annotations

from bleio.core.private_address import encrypt
from bleio.radio.connection.cipher import LinkCipher

LTK = bytes.fromhex("4C68384139F574D836BCF34E9DFB01BF")[::-1]
DIVERSIFIER = bytes.fromhex("0213243546576879ACBDCEDFE0F10213")[::-1]
VECTOR = bytes.fromhex("24ABDCBA" "BEBAAFDE")  # fmt: skip
START_ENC_RSP = b"\x06"


def test_both_directions() -> None:
    key = encrypt(LTK, DIVERSIFIER)
    assert key[::-1].hex() == "99ad1b5226a37e3e058e3b8e27c2c666"
    to_peripheral = LinkCipher(key, VECTOR, from_central=True).next()
    assert to_peripheral.seal(0x0F, START_ENC_RSP).hex() == "9fcda7f448"
    to_central = LinkCipher(key, VECTOR, from_central=False).next()
    assert to_central.seal(0x07, START_ENC_RSP).hex() == "a34c13a415"


def test_every_packet_has_its_own_nonce() -> None:
    cipher = LinkCipher(bytes(16), VECTOR, from_central=True)
    assert cipher.next().nonce[:5].hex() == "0000000080"
    assert cipher.next().nonce[:5].hex() == "0100000080"


def test_a_repetition_with_other_header_bits_has_the_same_text() -> None:
    sealing = LinkCipher(bytes(16), VECTOR, from_central=True).next()
    assert sealing.seal(0x02, b"text") == sealing.seal(0x1E, b"text")
