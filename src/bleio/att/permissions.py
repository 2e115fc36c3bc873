"""What a link's security lacks for an attribute (Core Specification Vol 3, Part C, 10.3).

An attribute demands a security mode for each kind of access. A mode is satisfied by encryption of
its level, or, for writes without response alone, by a signature where there is no encryption. What
is missing decides the error code, and peers act on it: Insufficient Authentication makes them pair,
Insufficient Encryption makes them encrypt with the keys that they have. So the wrong one of the two
is a loop that ends in a refusal, on a link that could have been made good.

A signature is 12 octets at the end of the PDU and is over all that comes before it. Its keys are
the bond's, so the backend computes it (Vol 3, Part F, 3.4.5.4).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

from bleio.core.codes import AttErrorCode, SecurityMode
from bleio.core.security import LinkSecurity

MIN_KEY_OCTETS = 7  # the least the specification lets an encryption key have
SIGNATURE_OCTETS = 12


class KeyPolicy(Protocol):
    """How short an encryption key may be."""

    @property
    def min_key_octets(self) -> int:
        """The shortest that permissions accept, 7 to 16; looked at in each access."""


class AnyKey:
    """What the specification asks for."""

    min_key_octets = MIN_KEY_OCTETS


class _Demands(NamedTuple):
    authenticated: bool
    secure_connections: bool


# A signed mode is satisfied by a signature, see `lacking_signed`, or by encryption of its level.
_DEMANDS: dict[int, _Demands] = {
    SecurityMode.ENCRYPT_NO_MITM: _Demands(False, False),
    SecurityMode.ENCRYPT_WITH_MITM: _Demands(True, False),
    SecurityMode.LESC_ENCRYPT_WITH_MITM: _Demands(True, True),
    SecurityMode.SIGNED_NO_MITM: _Demands(False, False),
    SecurityMode.SIGNED_WITH_MITM: _Demands(True, False),
}


class CounterNotStored(Exception):
    """A signature is good, but counts only once its counter is stored.

    `when_stored(then)`: have `then` called when it is; perhaps at once.
    """

    def __init__(self, when_stored: Callable[[Callable[[], None]], None]) -> None:
        super().__init__("the counter of a signature is not stored yet")
        self.when_stored = when_stored


class Signer(Protocol):
    """Signs for one link, with the keys of its bond."""

    def sign(self, message: bytes) -> bytes | None:
        """Return the signature, None without a key."""

    def verify(self, message: bytes, signature: bytes) -> bool | None:
        """Check a signature of the peer's and that it is new.

        Returns: whether its key is authenticated; None if the signature is not valid.
        Raises: CounterNotStored, if it is to be checked again then.
        """


def lacking(
    mode: int, security: LinkSecurity, denied: int, min_key_octets: int = MIN_KEY_OCTETS
) -> int:
    """Return the ATT error code for an access of `mode` over a link, 0 if it is allowed.

    Spec: Vol 3, Part C, 10.3.1: authentication before encryption, key size last.
    Args: `denied`: the code for NO_ACCESS, Read or Write Not Permitted.
    """
    if mode == SecurityMode.OPEN:
        return 0
    demands = _DEMANDS.get(mode)
    if demands is None:
        return denied
    if not security.encrypted:
        if security.has_keys:
            return AttErrorCode.INSUFFICIENT_ENCRYPTION
        return AttErrorCode.INSUFFICIENT_AUTHENTICATION
    if demands.authenticated and not security.authenticated:
        return AttErrorCode.INSUFFICIENT_AUTHENTICATION
    if demands.secure_connections and not security.secure_connections:
        return AttErrorCode.INSUFFICIENT_AUTHENTICATION
    if security.key_size < min_key_octets:
        return AttErrorCode.ENCRYPTION_KEY_SIZE_TOO_SHORT
    return 0


def lacking_signed(mode: int, security: LinkSecurity, authenticated: bool | None) -> int:
    """Return the ATT error code for a signed write, 0 if it is allowed.

    Spec: Vol 3, Part C, 10.4.1; Vol 3, Part G, 4.9.2: signatures are for links without encryption.
    Args: `authenticated`: whether the signing key is; None if the signature is not valid.
    """
    if mode not in (SecurityMode.SIGNED_NO_MITM, SecurityMode.SIGNED_WITH_MITM):
        return AttErrorCode.WRITE_NOT_PERMITTED
    if security.encrypted or authenticated is None:
        return AttErrorCode.INSUFFICIENT_AUTHENTICATION
    if mode == SecurityMode.SIGNED_WITH_MITM and not authenticated:
        return AttErrorCode.INSUFFICIENT_AUTHENTICATION
    return 0
