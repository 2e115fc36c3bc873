"""Our own out-of-band data, and the key pair that it commits to (Vol 3, Part H, 2.3.5.6.4)."""

from __future__ import annotations

from dataclasses import dataclass, field

from bumble.crypto import f4
from bumble.crypto.cryptography import EccKey

from bleio.backends.base import OobData
from bleio.backends.hci import entropy


@dataclass(frozen=True, slots=True, eq=False)
class OobSecret:
    """What a peer that has our data proves to know, and the key pair that the data commits to."""

    key: EccKey = field(default_factory=entropy.make_key, repr=False)
    random: bytes = field(default_factory=lambda: entropy.token_bytes(16), repr=False)
    temporary_key: bytes = field(default_factory=lambda: entropy.token_bytes(16), repr=False)


class OwnOob:
    """Made when it is asked for; after one pairing has used it, others are made.

    `secret`: None while no data is out, so that nobody can have it.
    """

    def __init__(self) -> None:
        self.secret: OobSecret | None = None

    def data(self) -> OobData:
        """Give what to pass to the peer; the same until a pairing succeeded with it."""
        secret = self.secret = self.secret or OobSecret()
        x = secret.key.x[::-1]
        return OobData(f4(x, x, secret.random, b"\0"), secret.random, secret.temporary_key)

    def used(self, secret: OobSecret | None) -> None:
        """A pairing has succeeded with it; what another one may still use stays that one's."""
        if secret is self.secret:
            self.secret = None
