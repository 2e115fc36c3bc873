"""What a value says, in a line for people and in JSON for programs.

By the library if it knows the UUID; else by the format that the device itself has published for it
(Characteristic Presentation Format); else as text if it is one, as a number if it is short, as
octets. Raw octets are shown beside it by commands, since every decoder is a guess about a device
that may not keep to the specification.
"""

from __future__ import annotations

import datetime
import enum
import math
import re
from typing import Any, NamedTuple

from bleio.core.uuid import expand, shorten
from bleio.decoding.octets import printable, quoted
from bleio.values import specified
from bleio.values.bounded import bounded
from bleio.values.formats import number_of

_MOST_CHARACTERS = 240
_NUMBER_OCTETS = (1, 2, 4)
_MOST_DEPTH = 8
_PRESENTATION_OCTETS = 7
# What its errors say beside what is wrong: name and UUID before it, a class behind it.
_OF_THE_LIBRARY = re.compile(r"^[^:]{0,80} \([0-9A-F-]{36}\): | \(class-level constraint[^()]*\)$")
_UNKNOWN_UNIT, _NO_UNIT = "unknown", "unitless"


class Decoded(NamedTuple):
    """What a value says.

    `text`: one line, fit for a terminal, "" if nothing but octets can be said. `value`: the same as
    JSON has it, None likewise. `unit`: of a value that is one number. `problem`: why its decoder
    rejects it.
    """

    text: str = ""
    value: Any = None
    unit: str | None = None
    problem: str | None = None


def decode(uuid: bytes, octets: bytes, presentation: bytes | None = None) -> Decoded:
    """Decode a characteristic's value.

    Args: uuid: as it is on air. presentation: the value of its descriptor 0x2904, if there is one.
    """
    if (decoder := specified.characteristic(expand(uuid))) is not None:
        return _by_library(decoder, octets)
    if presentation is not None and len(presentation) == _PRESENTATION_OCTETS:
        return _by_presentation(octets, presentation)
    return plain(octets)


def decode_descriptor(uuid: bytes, octets: bytes) -> Decoded:
    """Decode a descriptor's value."""
    if shorten(uuid) == b"\x01\x29":  # Characteristic User Description
        return _of_text(octets)
    if (decoder := specified.descriptor(expand(uuid))) is None:
        return plain(octets)
    return _by_library(decoder, octets)


def plain(octets: bytes) -> Decoded:
    """Return text, or a number, if the octets look like one."""
    if octets and (text := _as_text(octets)) is not None:
        return Decoded(quoted(text), text)
    if len(octets) in _NUMBER_OCTETS:
        number = int.from_bytes(octets, "little")
        return Decoded(str(number), number)
    return Decoded()


def _as_text(octets: bytes) -> str | None:
    try:
        text = octets.decode()
    except UnicodeDecodeError:
        return None
    fits = all(each.isprintable() or each in "\r\n\t" for each in text)
    return text if fits and (len(text) > 1 or text.isalnum()) else None


def _of_text(octets: bytes) -> Decoded:
    try:
        text = octets.decode()
    except UnicodeDecodeError:
        return Decoded(problem="it is no UTF-8")
    return Decoded(quoted(text), text)


def _by_library(decoder: Any, octets: bytes) -> Decoded:
    """Decode by an object of the library. It raises whatever its parts raise."""
    try:
        parsed = bounded(decoder.parse_value, bytearray(octets))
        if hasattr(parsed, "parse_success"):  # of a descriptor
            if not parsed.parse_success:
                return Decoded(problem=_sentence(parsed.error_message))
            parsed = parsed.value
        value = as_json(parsed)
        unit = getattr(decoder, "unit", "") or None
        return Decoded(_cut(_text(parsed, unit)), value, unit if _is_number(value) else None)
    except Exception as error:  # of any kind: the octets are a stranger's
        return Decoded(problem=_sentence(_cause(error)))


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _cause(error: Exception) -> str:
    """Return what is wrong with a value, without the library's heading of name and UUID."""
    text = _OF_THE_LIBRARY.sub("", str(error))
    return text or type(error).__name__


def _sentence(text: str) -> str:
    return _cut(printable(text).rstrip("."))


def _cut(text: str) -> str:
    return text if len(text) <= _MOST_CHARACTERS else f"{text[:_MOST_CHARACTERS]} ..."


def _by_presentation(octets: bytes, presentation: bytes) -> Decoded:
    kind, exponent = presentation[0], int.from_bytes(presentation[1:2], "little", signed=True)
    try:
        value = number_of(octets, kind, exponent)
    except (ValueError, OverflowError) as error:
        return plain(octets)._replace(problem=f"its presentation format does not fit: {error}")
    if isinstance(value, str):
        return Decoded(quoted(value), value)
    unit = None if isinstance(value, bool) else _unit_of(presentation)
    return Decoded(_text(value, unit), as_json(value), unit)


def _unit_of(presentation: bytes) -> str | None:
    """Return the name of a unit as the library has it, with spaces; None if there is none."""
    decoder = specified.descriptor(expand(b"\x04\x29"))
    if decoder is None:
        return None
    parsed = bounded(decoder.parse_value, presentation)
    name = str(getattr(parsed.value, "unit_name", "") or "") if parsed.parse_success else ""
    return None if name in ("", _UNKNOWN_UNIT, _NO_UNIT) else _cut(printable(name))


def as_json(value: Any, depth: int = 0) -> Any:
    """Return what the library has decoded as JSON has it: no class, no octets, no nan."""
    if depth > _MOST_DEPTH:
        return str(value)
    match value:
        case None | bool() | str():
            return value
        case enum.Flag():
            return [each.lower() for each in _flag_names(value)]
        case enum.Enum():
            return (value.name or "").lower()
        case int():
            return int(value)
        case float():
            return value if math.isfinite(value) else None
        case bytes() | bytearray():
            return bytes(value).hex()
        case datetime.datetime() | datetime.date() | datetime.time():
            return value.isoformat()
        case datetime.timedelta():
            return value.total_seconds()
        case list() | tuple() | set() | frozenset():
            return [as_json(each, depth + 1) for each in value]
        case dict():
            return {str(key): as_json(each, depth + 1) for key, each in value.items()}
    if (fields := _fields(value)) is not None:
        return {name: as_json(each, depth + 1) for name, each in fields.items()}
    return str(value)


def _fields(value: Any) -> dict[str, Any] | None:
    names = getattr(type(value), "__struct_fields__", None)
    return None if names is None else {name: getattr(value, name) for name in names}


def _flag_names(value: enum.Flag) -> list[str]:
    """Return the names of the flags that are set, on any version of Python."""
    return [each.name for each in type(value) if each.value and each in value and each.name]


def _text(value: Any, unit: str | None = None, depth: int = 0) -> str:
    """Return one line for what the library has decoded."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "yes" if value else "no"
        case str():
            return quoted(value)
        case enum.Flag():
            return ", ".join(map(_words, _flag_names(value))) or "none"
        case enum.Enum(value=str() as said):  # such as units
            return printable(said)
        case enum.Enum():
            return _words(value.name or "") or str(value.value)
        case int() | float():
            shown = f"{value:.10g}" if isinstance(value, float) else str(value)
            return f"{shown} {unit}" if unit else shown
        case bytes() | bytearray():
            return bytes(value).hex(" ") or "nothing"
        case list() | tuple() | set() | frozenset():
            return ", ".join(_text(each, None, depth + 1) for each in value) or "none"
        case datetime.datetime():
            return value.isoformat(" ")
    if depth > _MOST_DEPTH or (fields := _fields(value)) is None:
        return printable(str(value))
    if fields and all(isinstance(each, bool) for each in fields.values()):
        return ", ".join(_words(name) for name, each in fields.items() if each) or "none"
    said_of_fields = [
        f"{_words(name)} {said}"
        for name, each in fields.items()
        if not _says_nothing(name, each) and (said := _text(each, None, depth + 1))
    ]
    return ", ".join(said_of_fields)


def _says_nothing(name: str, value: Any) -> bool:
    """Whether a field is left out of the line: it is not there, or tells which others are."""
    return value is None or value == () or value == [] or name == "flags"


def _words(name: str) -> str:
    return name.replace("_", " ").lower()
