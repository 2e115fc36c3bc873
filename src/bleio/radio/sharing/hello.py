"""The first words on a shared radio's own socket; HCI packets follow.

The user says which radio it means and, where files do not protect the socket, the secret. The
radio's answer tells that it has really taken the user in: one that is just ending accepts
connections which it never serves.
"""

from __future__ import annotations

import hmac

MAX_OCTETS = 160
WELCOME = b"bleio radio 1 welcome\n"


def hello(name: str, secret: bytes) -> bytes:
    """What a user of the radio `name` says."""
    return b"bleio radio 1 %s %s\n" % (name.encode(), secret)


def is_hello(line: bytes, name: str, secret: bytes) -> bool:
    """Whether a line is from a program that may join; takes the same time for all that are not."""
    return hmac.compare_digest(line, hello(name, secret))
