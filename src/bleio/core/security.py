"""What a link's security is at this moment; written by the backend, read by ATT's permissions."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class LinkSecurity:
    """Encryption state of one link. Spec: Vol 3, Part C, 10.2.

    `authenticated`: the key came from a method with MITM protection. `secure_connections`: from LE
    Secure Connections. `has_keys`: we hold keys of this peer, encrypted now or not, which decides
    between Insufficient Authentication and Insufficient Encryption. `key_size`: octets, 7 to 16.
    """

    encrypted: bool = False
    authenticated: bool = False
    secure_connections: bool = False
    has_keys: bool = False
    key_size: int = 0
