"""Octets of what a user types as a value to write.

    0x0a0b, 0a:0b, "0a 0b"   hexadecimal octets in the order in which they are sent
    hex:0a0b                 the same, said
    text:hello, "hello"      UTF-8; text without a kind if it is not hexadecimal
    u8:1  s16:-5  u24be:9    integers, little-endian as GATT has them, or big-endian with `be`
    f32:1.5  f64be:2         IEEE 754 numbers, likewise
    bool:true                one octet
    A,B                      several with kinds, one after the other: u8:1,u16:1000,text:on

Text that holds a comma is `text:...` alone, up to its end: it is never divided.
"""

from __future__ import annotations

import re
import struct

MAX_OCTETS = 512

_INTEGER = re.compile(r"(?P<sign>[us])(?P<bits>\d{1,3})(?P<order>le|be)?", re.IGNORECASE)
_FLOAT = re.compile(r"f(?P<bits>32|64)(?P<order>le|be)?", re.IGNORECASE)
_PREFIXED = re.compile(r"0x(?:[0-9a-f]{2})*", re.IGNORECASE)
_OCTETS = re.compile(r"[0-9a-f]{2}(?:[ :-]?[0-9a-f]{2})*", re.IGNORECASE)
_BITS = (8, 16, 24, 32, 40, 48, 64, 128)
_TRUE, _FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")
_FORMS = (
    "hexadecimal octets (0a0b), text:..., u8: to u128: and s8: to s128: for integers, f32: and"
    " f64: for numbers, bool:, several with commas between them; little-endian, or with `be`"
    " behind the kind (u16be:) big-endian"
)


def parse_value(text: str) -> bytes:
    """Return the octets of what was typed. Raises: ValueError with a sentence."""
    if text == "" or _PREFIXED.fullmatch(text) or _OCTETS.fullmatch(text):
        digits = re.sub(r"[ :-]", "", text.removeprefix("0x").removeprefix("0X"))
        return _bounded(bytes.fromhex(digits))
    if not _has_kind(text):
        if re.fullmatch(r"0x[0-9a-f]*", text, re.IGNORECASE):
            raise ValueError(f"{text!r} has half an octet: write two digits for each")
        return _bounded(text.encode())
    result = b""
    while text:
        octets, text = _first(text)
        result += octets
    return _bounded(result)


def _bounded(octets: bytes) -> bytes:
    if len(octets) > MAX_OCTETS:
        raise ValueError(f"it has {len(octets)} octets, and a value {MAX_OCTETS} at most")
    return octets


def _kind(text: str) -> str | None:
    kind, colon, _ = text.partition(":")
    known = kind.lower() in ("hex", "text", "bool") or _INTEGER.fullmatch(kind)
    return kind.lower() if colon and (known or _FLOAT.fullmatch(kind)) else None


def _has_kind(text: str) -> bool:
    return _kind(text) is not None


def _first(text: str) -> tuple[bytes, str]:
    """Take the first value that has a kind. Returns: its octets, and what follows its comma."""
    kind = _kind(text)
    if kind is None:
        raise ValueError(f"{text!r} has no kind that is known: write {_FORMS}")
    rest = text[len(kind) + 1 :]
    if kind == "text":
        return rest.encode(), ""
    word, comma, rest = rest.partition(",")
    if comma and not rest:
        raise ValueError(f"nothing follows the last comma of {text!r}")
    return _octets(kind, word.strip()), rest.lstrip()


def _octets(kind: str, word: str) -> bytes:
    if kind == "hex":
        if not _OCTETS.fullmatch(word.removeprefix("0x")) and word:
            raise ValueError(f"{word!r} is not hexadecimal: write two digits for each octet")
        return bytes.fromhex(re.sub(r"[ :-]", "", word.removeprefix("0x")))
    if kind == "bool":
        if word.lower() not in _TRUE + _FALSE:
            raise ValueError(f"{word!r} is neither true nor false")
        return bytes([word.lower() in _TRUE])
    if found := _FLOAT.fullmatch(kind):
        return _float(word, int(found["bits"]), found["order"])
    found = _INTEGER.fullmatch(kind)
    assert found is not None
    return _integer(word, found)


def _integer(word: str, kind: re.Match[str]) -> bytes:
    bits, signed = int(kind["bits"]), kind["sign"].lower() == "s"
    if bits not in _BITS:
        raise ValueError(f"there are no integers of {bits} bits: {', '.join(map(str, _BITS))}")
    try:
        number = int(word, 0)
    except ValueError:
        raise ValueError(f"{word!r} is no integer, such as 1000 or 0x3e8") from None
    least, most = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
    if not least <= number <= most:
        raise ValueError(f"{number} is not from {least} to {most}, as {kind[0]} is")
    order = (kind["order"] or "le").lower()
    return number.to_bytes(bits // 8, "big" if order == "be" else "little", signed=signed)


def _float(word: str, bits: int, order: str | None) -> bytes:
    layout = (">" if (order or "").lower() == "be" else "<") + ("f" if bits == 32 else "d")
    try:
        return struct.pack(layout, float(word))
    except (ValueError, OverflowError):
        raise ValueError(f"{word!r} is no number that f{bits} can hold") from None
