"""Where keys, nonces and random addresses come from: the operating system.

Simulated worlds alone use a generator with a seed instead, so that they can be run again.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from random import Random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bumble.crypto.cryptography import EccKey

_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551

_generator: ContextVar[Random | None] = ContextVar("bleio.entropy", default=None)


def token_bytes(count: int) -> bytes:
    """Return `count` random octets."""
    generator = _generator.get()
    if generator is None:
        return secrets.token_bytes(count)
    return generator.getrandbits(8 * count).to_bytes(count, "little")


def randbelow(limit: int) -> int:
    """Return a random number from 0 to limit - 1."""
    generator = _generator.get()
    return secrets.randbelow(limit) if generator is None else generator.randrange(limit)


def make_key() -> EccKey:
    """Make a new P-256 key pair."""
    from bumble.crypto.cryptography import EccKey  # by the first pairing at the latest

    generator = _generator.get()
    if generator is None:
        return EccKey.generate()
    number = generator.randrange(1, _P256_ORDER)
    return EccKey.from_private_key_bytes(number.to_bytes(32, "big"))


@contextmanager
def predictable(generator: Random) -> Iterator[None]:
    """Use a generator in this context, whose results can be foretold: for simulations."""
    token = _generator.set(generator)
    try:
        yield
    finally:
        _generator.reset(token)


def be_predictable(generator: Random) -> None:
    """Do so for the rest of this context."""
    _generator.set(generator)
