"""How the PDUs of an encrypted link look on air. Spec: Vol 6, Part B, 1; Vol 6, Part E.

The model passes clear text along and only keeps count; packets are enciphered for captures.
"""

from __future__ import annotations

from typing import NamedTuple

MIC_OCTETS = 4
# The bits of the header that a repetition may change are not authenticated.
_AUTHENTICATED = 0xE3


class Sealing(NamedTuple):
    """Key and nonce of one PDU."""

    key: bytes
    nonce: bytes

    def seal(self, header: int, payload: bytes) -> bytes:
        """The payload as it is on air, with its MIC."""
        from cryptography.hazmat.primitives.ciphers.aead import AESCCM  # for captures alone

        authenticated = bytes((header & _AUTHENTICATED,))
        return AESCCM(self.key, tag_length=MIC_OCTETS).encrypt(self.nonce, payload, authenticated)


class LinkCipher:
    """One direction of an encrypted link.

    Args: session_key: least significant octet first. vector: of the central, then the peripheral.
    """

    def __init__(self, session_key: bytes, vector: bytes, *, from_central: bool) -> None:
        self._key = session_key[::-1]
        self._vector = vector
        self._direction = int(from_central) << 39
        self._count = 0

    def next(self) -> Sealing:
        """Key and nonce of the next PDU that is not empty."""
        counter = (self._count | self._direction).to_bytes(5, "little")
        self._count += 1
        return Sealing(self._key, counter + self._vector)


class EndKeys:
    """What one end knows of the link's encryption. Keys and vectors: least significant octet first.

    Of the session key and the vector each end contributes a half, so both are made from the keys of
    both ends (`encryption.py`).
    """

    __slots__ = ("cipher", "diversifier", "ediv", "encrypted", "ltk", "rand", "vector")

    def __init__(self) -> None:
        self.ltk: bytes | None = None
        self.rand, self.ediv = bytes(8), 0  # by which the peripheral's host finds the key
        self.diversifier = bytes(8)
        self.vector = bytes(4)
        self.cipher: LinkCipher | None = None  # of what this end sends from now on
        self.encrypted = False  # as the host was told
