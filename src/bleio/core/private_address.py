"""Resolvable private addresses, and the security function e that makes them.

Host and controller both need them: the host to know bonded peers again, a controller for its
resolving list. Octets are least significant first throughout, as HCI has them.
Spec: Vol 6, Part B, 1.3.2.2 and 1.3.2.3; Vol 3, Part H, 2.2.1 and 2.2.2.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers import CipherContext

_NO_KEY = bytes(16)


@lru_cache(maxsize=256)
def _encryptor(key: bytes) -> CipherContext:
    # Loaded here, as it takes its time and few worlds have private addresses.
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    # One ECB context may encrypt block after block; setting it up is what costs.
    return Cipher(algorithms.AES(key[::-1]), modes.ECB()).encryptor()


def encrypt(key: bytes, block: bytes) -> bytes:
    """Return AES-128 of one block: the security function e. Key and block have 16 octets."""
    return _encryptor(key).update(block[::-1])[::-1]


def address_hash(irk: bytes, prand: bytes) -> bytes:
    """Return the function ah of 3 random octets: 3 octets that only holders of the key can make."""
    return encrypt(irk, prand + bytes(13))[:3]


def resolves(address: bytes, irk: bytes) -> bool:
    """Whether a resolvable private address was made with this key."""
    return irk != _NO_KEY and address_hash(irk, address[3:]) == address[:3]


def make_resolvable(irk: bytes, random: bytes) -> bytes:
    """Make the 6 octets of a resolvable private address from 3 random ones.

    The two top bits of the random part are the mark of this kind of address and are set here.
    """
    prand = random[:2] + bytes([random[2] & 0x3F | 0x40])
    return address_hash(irk, prand) + prand
