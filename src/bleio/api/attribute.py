"""`_bleio.Attribute`."""

from __future__ import annotations

from typing import Any

from bleio.api._arguments import integer, no_constructor, public
from bleio.core.codes import SecurityMode


@public
class Attribute:
    """Holds the security modes; there are no objects of it.

    Spec: Vol 3, Part C, 10.2; high nibble the level, low nibble the mode.
    """

    NO_ACCESS = int(SecurityMode.NO_ACCESS)
    OPEN = int(SecurityMode.OPEN)
    ENCRYPT_NO_MITM = int(SecurityMode.ENCRYPT_NO_MITM)
    ENCRYPT_WITH_MITM = int(SecurityMode.ENCRYPT_WITH_MITM)
    LESC_ENCRYPT_WITH_MITM = int(SecurityMode.LESC_ENCRYPT_WITH_MITM)
    SIGNED_NO_MITM = int(SecurityMode.SIGNED_NO_MITM)
    SIGNED_WITH_MITM = int(SecurityMode.SIGNED_WITH_MITM)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        no_constructor(Attribute)


_MODES = frozenset(int(mode) for mode in SecurityMode)


def security_mode(name: str, value: object) -> int:
    """Check a permission argument. Raises: TypeError, ValueError."""
    mode = integer(name, value)
    if mode not in _MODES:
        raise ValueError("Invalid security_mode")
    return mode
