"""Our own out-of-band data, and the key pair that it commits to (Vol 3, Part H, 2.3.5.6.4)."""

from __future__ import annotations

from bumble.crypto import f4
from bumble.crypto.cryptography import EccKey

from bleio.backends.base import OobData
from bleio.backends.hci import entropy


class OwnOob:
    """Made when it is asked for; after one pairing has used it, others are made."""

    def __init__(self) -> None:
        self._key: EccKey | None = None
        self.random = b""

    def data(self) -> OobData:
        """Give what to pass to the peer; the same until a pairing succeeded with it."""
        if self._key is None:
            self._key = entropy.make_key()
            self.random = entropy.token_bytes(16)
            self._temporary_key = entropy.token_bytes(16)
        x = self._key.x[::-1]
        return OobData(f4(x, x, self.random, b"\0"), self.random, self._temporary_key)

    @property
    def key(self) -> EccKey | None:
        """The key pair that our data commits to, None if it was never asked for."""
        return self._key

    def used(self) -> None:
        """A pairing has succeeded with it."""
        self._key, self.random = None, b""
