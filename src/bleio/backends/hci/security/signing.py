"""Signatures of signed writes, by the CSRKs of a bond (Vol 3, Part H, 2.4.5; Part C, 10.4).

The counter of a key only ever grows. It is stored before a signature goes out, and before one that
came in has any effect, so that no restart makes one valid twice.
"""

from __future__ import annotations

import secrets
from dataclasses import replace
from struct import Struct

from bumble.crypto.cryptography import aes_cmac

from bleio.backends.hci.bonds.store import SigningKey
from bleio.backends.hci.security.peer import LinkPeer

_COUNTER = Struct("<I")
_MAC_OCTETS = 8
_LAST_COUNTER = 0xFFFFFFFF


class BondSigner:
    """The `Signer` of one link, by the bond that there is with its peer at each use."""

    def __init__(self, peer: LinkPeer) -> None:
        self._peer = peer

    @property
    def can_sign(self) -> bool:
        """Whether `sign` would."""
        bond = self._peer.bond
        key = bond.own_signing if bond is not None else None
        return key is not None and key.counter < _LAST_COUNTER

    def sign(self, message: bytes) -> bytes | None:
        """See `Signer`. The counter is stored first: a signature that went out counts as used."""
        bond = self._peer.bond
        key = bond.own_signing if bond is not None else None
        if bond is None or key is None or key.counter >= _LAST_COUNTER:
            return None
        self._peer.save(replace(bond, own_signing=_used(key, key.counter)))
        return signature(key.csrk, message, key.counter)

    def verify(self, message: bytes, signature_octets: bytes) -> bool | None:
        """See `Signer`. A counter may skip some, whose PDUs were lost; it never goes back.

        Compared in constant time, as a peer could measure how many octets of a forgery were right.
        """
        bond = self._peer.bond
        key = bond.peer_signing if bond is not None else None
        if bond is None or key is None:
            return None
        (counter,) = _COUNTER.unpack_from(signature_octets)
        expected = signature(key.csrk, message, counter)
        if counter < key.counter or not secrets.compare_digest(signature_octets, expected):
            return None
        self._peer.save(replace(bond, peer_signing=_used(key, counter)))
        return key.authenticated


def signature(csrk: bytes, message: bytes, counter: int) -> bytes:
    """Return SignCounter and MAC, little-endian as on air; AES-CMAC works on the reverse of it."""
    count = _COUNTER.pack(counter)
    mac = aes_cmac((message + count)[::-1], csrk[::-1])
    return count + mac[:_MAC_OCTETS][::-1]


def _used(key: SigningKey, counter: int) -> SigningKey:
    return replace(key, counter=counter + 1)
