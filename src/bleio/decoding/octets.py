"""Octets taken apart, and shown: the few things that every decoder needs."""

from __future__ import annotations

from struct import Struct, error as struct_error
from typing import Any

_SHOWN_OCTETS = 32
_SHOWN_CHARACTERS = 64


class Malformed(Exception):
    """Octets are not what their kind promises; the decoder's line says so."""


def unpack(layout: Struct, octets: bytes, position: int = 0) -> tuple[Any, ...]:
    """Take fields from a position on. Raises: Malformed if there are too few octets."""
    try:
        return layout.unpack_from(octets, position)
    except struct_error:
        raise Malformed from None


def exactly(layout: Struct, octets: bytes) -> tuple[Any, ...]:
    """Take fields that are all there is. Raises: Malformed."""
    if len(octets) != layout.size:
        raise Malformed
    return layout.unpack(octets)


def counted(number: int, what: str) -> str:
    """Return `1 octet`, `2 octets`."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def value_text(value: bytes) -> str:
    """Show a value in a line: as text in quotes if it is one, else as hexadecimal octets."""
    if not value:
        return "nothing"
    if (text := _as_text(value)) is not None:
        return text
    if len(value) <= _SHOWN_OCTETS:
        return value.hex(" ")
    return f"{value[:_SHOWN_OCTETS].hex(' ')} ... ({counted(len(value), 'octet')})"


def _as_text(value: bytes) -> str | None:
    """Return a value of two characters and more in quotes, None if it is no text."""
    if len(value) < 2:
        return None
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return None
    if not all(each.isprintable() or each in "\r\n\t" for each in text):
        return None
    return quoted(text)


def quoted(text: str) -> str:
    """Show text of others in quotes: what is not printable escaped, and not endless."""
    rest = len(text) - _SHOWN_CHARACTERS
    escaped = plain(text).replace('"', '\\"')
    return f'"{escaped}"' if rest <= 0 else f'"{escaped}" ... ({counted(len(text), "character")})'


def plain(text: str) -> str:
    """Return the beginning of text with what is not printable escaped, fit for a line."""
    return printable(text[:_SHOWN_CHARACTERS])


def printable(text: str) -> str:
    """Return text with what is not printable escaped."""
    return "".join(each if each.isprintable() else _escape(each) for each in text)


def printable_lines(text: str) -> str:
    """Return a text of several lines in which nothing but its line ends moves the cursor."""
    return "\n".join(printable(line) for line in text.splitlines())


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def milliseconds(units: int, unit_us: int = 1_250) -> str:
    """Return a time in ms without needless digits: `7.5`, `30`."""
    return f"{units * unit_us / 1_000:g}"
