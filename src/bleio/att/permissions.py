"""What a link's security lacks for an attribute (Core Specification Vol 3, Part C, 10.3)."""

from __future__ import annotations

from typing import NamedTuple

from bleio.core.codes import AttErrorCode, SecurityMode
from bleio.core.security import LinkSecurity

MIN_KEY_OCTETS = 7  # the least the specification lets an encryption key have


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


def lacking(
    mode: int, security: LinkSecurity, denied: int, min_key_octets: int = MIN_KEY_OCTETS
) -> int:
    """Give the ATT error code for an access of `mode` over a link, 0 if it is allowed.

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
    """Give the ATT error code for a signed write, 0 if it is allowed.

    Spec: Vol 3, Part C, 10.4.1; Vol 3, Part G, 4.9.2: signatures are for links without encryption.
    Args: `authenticated`: whether the signing key is; None if the signature does not count.
    """
    if mode not in (SecurityMode.SIGNED_NO_MITM, SecurityMode.SIGNED_WITH_MITM):
        return AttErrorCode.WRITE_NOT_PERMITTED
    if security.encrypted or authenticated is None:
        return AttErrorCode.INSUFFICIENT_AUTHENTICATION
    if mode == SecurityMode.SIGNED_WITH_MITM and not authenticated:
        return AttErrorCode.INSUFFICIENT_AUTHENTICATION
    return 0
