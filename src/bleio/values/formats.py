"""Numbers as the specification has them: integers of any width, floats, medical floats.

Medical floats are those of IEEE 11073-20601: a decimal mantissa and a decimal exponent, both two's
complements, and five mantissas that are no numbers. Spec: Assigned Numbers, 2.4.1 (format types of
the Characteristic Presentation Format); GATT Specification Supplement, 2.3.
"""

from __future__ import annotations

import math
import struct
from decimal import Decimal

# Format types of integers: (octets, signed). Those of 2, 4 and 12 bits take whole octets.
_INTEGERS = {
    0x01: (1, False),
    0x02: (1, False),
    0x03: (1, False),
    0x04: (1, False),
    0x05: (2, False),
    0x06: (2, False),
    0x07: (3, False),
    0x08: (4, False),
    0x09: (6, False),
    0x0A: (8, False),
    0x0B: (16, False),
    0x0C: (1, True),
    0x0D: (2, True),
    0x0E: (2, True),
    0x0F: (3, True),
    0x10: (4, True),
    0x11: (6, True),
    0x12: (8, True),
    0x13: (16, True),
}
_BOOLEAN, _FLOAT32, _FLOAT64, _SFLOAT, _FLOAT = 0x01, 0x14, 0x15, 0x16, 0x17
_UTF8, _UTF16 = 0x19, 0x1A


def medical_float(octets: bytes) -> float:
    """Return a SFLOAT of 2 octets or a FLOAT of 4; nan also for `not at this resolution`."""
    mantissa_bits, exponent_bits = (12, 4) if len(octets) == 2 else (24, 8)
    raw = int.from_bytes(octets, "little")
    mantissa = _signed(raw, mantissa_bits)
    exponent = _signed(raw >> mantissa_bits, exponent_bits)
    largest = (1 << mantissa_bits - 1) - 1
    if exponent == 0 and abs(mantissa) >= largest - 1:
        infinite = {largest - 1: math.inf, 1 - largest: -math.inf}
        return infinite.get(mantissa, math.nan)
    return float(Decimal(mantissa).scaleb(exponent))


def _signed(raw: int, bits: int) -> int:
    raw &= (1 << bits) - 1
    return raw - (1 << bits) if raw >> bits - 1 else raw


def number_of(octets: bytes, kind: int, exponent: int) -> int | float | bool | str:
    """Return a value by the first two fields of its Characteristic Presentation Format.

    Raises: ValueError if the octets are none of that format, or it is not known.
    """
    if kind in _INTEGERS:
        return _integer(octets, kind, exponent)
    if kind in (_UTF8, _UTF16):
        return octets.decode("utf-8" if kind == _UTF8 else "utf-16-le")
    layout = {_FLOAT32: "<f", _FLOAT64: "<d", _SFLOAT: "<2s", _FLOAT: "<4s"}.get(kind)
    if layout is None:
        raise ValueError(f"format 0x{kind:02x} is no number")
    if len(octets) != struct.calcsize(layout):
        raise ValueError(f"a number of this format has {struct.calcsize(layout)} octets")
    (number,) = struct.unpack(layout, octets)
    return medical_float(number) if isinstance(number, bytes) else float(number)


def _integer(octets: bytes, kind: int, exponent: int) -> int | float | bool:
    size, signed = _INTEGERS[kind]
    if len(octets) != size:
        raise ValueError(f"a number of this format has {size} octets")
    number = int.from_bytes(octets, "little", signed=signed)
    if kind == _BOOLEAN:
        return bool(number)
    return number if exponent == 0 else float(Decimal(number).scaleb(exponent))
