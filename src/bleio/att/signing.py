"""Signed writes: their layout, and who makes and checks signatures (Vol 3, Part F, 3.4.5.4).

A signature is 12 octets at the end of the PDU and is over all that comes before it. Its keys are
the bond's, so the backend computes it.
"""

from __future__ import annotations

from typing import Protocol

SIGNATURE_OCTETS = 12


class Signer(Protocol):
    """Signs for one link, with the keys of its bond. Counters are stored before they are used."""

    def sign(self, message: bytes) -> bytes | None:
        """Give the signature, None without a key."""

    def verify(self, message: bytes, signature: bytes) -> bool | None:
        """Check a signature of the peer's and that it is new.

        Returns: whether its key is authenticated; None if the signature does not count.
        """
