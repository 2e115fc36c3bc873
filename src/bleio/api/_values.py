"""The rules for values that local characteristics and descriptors share.

The same limits hold for clients' writes, where breaking them is an ATT error; there they are
checked by the attribute table, see `gatt.attributes`. The texts are CircuitPython's, which has one
for the first value and another for later ones.
"""

from __future__ import annotations

from typing import Protocol

from bleio.api._arguments import at_least, readable
from bleio.gatt.model import MAX_VALUE_OCTETS

_NOT_FIXED_LENGTH = "Value length != required fixed length"
_TOO_LONG = "Value length > max_length"


class Limits(Protocol):
    """What bounds the value of an attribute."""

    max_length: int
    fixed_length: bool


def checked_max_length(max_length: object) -> int:
    """Check a max_length argument, octets. What is too much is left to `initial_octets`.

    Raises: TypeError, ValueError.
    """
    return at_least("max_length", max_length, 0)


def checked_value(value: object, limits: Limits) -> bytes:
    """Copy a new value of an attribute. Raises: TypeError, ValueError for its length."""
    octets = value if isinstance(value, bytes) else readable(value)
    if limits.fixed_length and len(octets) != limits.max_length:
        raise ValueError(_NOT_FIXED_LENGTH)
    if len(octets) > limits.max_length:
        raise ValueError(_TOO_LONG)
    return octets


def initial_octets(initial_value: object, limits: Limits) -> bytes:
    """Return an attribute's first value; None means zeros if its length is fixed, else nothing.

    The value comes before the limit of 512 octets: that is the port's, which has its turn last.
    Raises: TypeError, ValueError.
    """
    octets = None if initial_value is None else _fitting(initial_value, limits)
    if limits.max_length > MAX_VALUE_OCTETS:
        raise ValueError(
            f"max_length must be 0-{MAX_VALUE_OCTETS} when fixed_length is {limits.fixed_length}"
        )
    if octets is None:
        return bytes(limits.max_length) if limits.fixed_length else b""
    return octets


def _fitting(initial_value: object, limits: Limits) -> bytes:
    octets = readable(initial_value)
    if limits.fixed_length and len(octets) != limits.max_length:
        raise ValueError(f"initial_value length must be {limits.max_length}")
    if len(octets) > limits.max_length:
        raise ValueError(f"initial_value length must be <= {limits.max_length}")
    return octets
