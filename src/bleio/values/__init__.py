"""Values of characteristics and descriptors: shown, and made of what a user types.

    decoded       what a value says, by its UUID and its device's presentation format
    specified     bluetooth-sig, which knows the values of the specification (an extra)
    formats       numbers of the specification: their sizes, signs and exponents
    typed         octets of what a user types: hex, text, numbers with a type

Values come from strangers. Whatever they are, decoding returns something to show; a value that its
decoder rejects is shown as octets, with why.
"""

from bleio.values.decoded import Decoded, decode, decode_descriptor, plain
from bleio.values.specified import HINT, is_installed, load
from bleio.values.typed import parse_value

__all__ = [
    "HINT",
    "Decoded",
    "decode",
    "decode_descriptor",
    "is_installed",
    "load",
    "parse_value",
    "plain",
]
