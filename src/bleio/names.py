"""Names of numbers that are assigned: services, characteristics, companies, kinds of devices.

One source for all that shows them: decoded packets, notes of errors, the commands. The numbers are
those of libraries, which follow what the Bluetooth SIG publishes:

    bluetooth-numbers   services, characteristics, companies; also what makers have chosen (Nordic,
                        Adafruit, micro:bit ...)
    bleak's table       what the former has not: services of the last years, descriptors, units
    bumble's tables     appearances and types of advertising data

bluetooth-numbers 1.1.2 has two faults that are mended as it is loaded: the numbers of members'
services are decimal digits read as hexadecimal ones (0x65279 for 65279, 0xfeff), and a few names
were encoded twice. Its table of descriptors is not used: it lacks the declarations, and calls
0x2901 by a name of its own.

Tables are loaded when the first name is asked for (0.1 s), so that programs that show nothing pay
nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from enum import Enum
from functools import cache, lru_cache
from typing import Any

from bleio.core.uuid import expand, shorten, to_text

_MOST_16 = 0xFFFF
_DECLARATIONS = range(0x2800, 0x2A00)  # of attributes, and descriptors
_MOST_SUGGESTIONS = 3
_SUBSCRIPT = re.compile(r"\s?extsubscript\{(\w+)\}")  # "\textsubscript{2}", of "CO2"


class Kind(Enum):
    """What a UUID may be the name of."""

    SERVICE = "service"
    CHARACTERISTIC = "characteristic"
    DESCRIPTOR = "descriptor"


class UnknownName(ValueError):
    """No UUID of that kind has the name. `suggestions`: names that are like it, the best first."""

    def __init__(self, text: str, kind: Kind, suggestions: list[str]) -> None:
        like = f"; did you mean {' or '.join(map(repr, suggestions))}?" if suggestions else ""
        super().__init__(
            f"{text!r} is neither the name of a {kind.value} nor a UUID such as 180f, 0x180f or"
            f" 6e400001-b5a3-f393-e0a9-e50e24dcca9e{like}"
        )
        self.suggestions = suggestions


# From numbers to names


def uuid_name(uuid: bytes) -> str | None:
    """Return the assigned name of a UUID as it is on air, None if it has none."""
    return _uuid_name(shorten(uuid))


@lru_cache(4_096)
def _uuid_name(uuid: bytes) -> str | None:
    if len(uuid) not in (2, 16):
        return None
    key = int.from_bytes(uuid, "little") if len(uuid) == 2 else to_text(uuid)
    if key not in _DECLARATIONS:
        for kind in (Kind.SERVICE, Kind.CHARACTERISTIC):
            if (name := _table(kind).get(key)) is not None:
                return name
    return _others().get(key)


@lru_cache(4_096)
def company_name(number: int) -> str | None:
    """Return the name of a company, None if it has none."""
    import bluetooth_numbers

    name = bluetooth_numbers.company.get(number)
    return None if name is None else _mended(name)


def appearance_name(number: int) -> str | None:
    """Return what a device looks like, such as "Heart Rate Sensor: Heart Rate Belt"."""
    from bumble.core import Appearance

    appearance = Appearance.from_int(number & _MOST_16)
    category, sub = appearance.category.name, getattr(appearance.subcategory, "name", "")
    if not re.fullmatch("[A-Z][A-Z0-9_]*", category):
        return None
    unsaid = not re.fullmatch("[A-Z][A-Z0-9_]*", sub) or sub.startswith("GENERIC_")
    return _words(category) if unsaid else f"{_words(category)}: {_words(sub)}"


def ad_type_name(number: int) -> str | None:
    """Return what a structure of advertising data is, such as "Complete Local Name"."""
    from bumble.core import AdvertisingData

    for each in AdvertisingData.Type:
        if each == number and re.fullmatch("[A-Z][A-Z0-9_]*", each.name):
            return _words(each.name)
    return None


def _words(constant: str) -> str:
    """Return "Complete Local Name" for COMPLETE_LOCAL_NAME."""
    text = " ".join(
        word if word in ("LE", "OOB", "TK", "ID", "URI", "3D") else word.capitalize()
        for word in constant.split("_")
    )
    return text.replace("Uuids", "UUIDs").replace("Uuid", "UUID").replace(" Bit", "-bit")


# From names to numbers


def find_uuid(text: str, kind: Kind = Kind.SERVICE) -> tuple[bytes, ...]:
    """Return the UUIDs, as on air and as short as they go, that somebody may mean by a text.

    It is a UUID of 4, 8 or 32 digits, with or without 0x and hyphens, or a name of that kind, in
    any case, with or without "service" or "characteristic" at its end. Several UUIDs may have one
    name.

    Raises: UnknownName.
    """
    if (uuid := uuid_of_digits(text)) is not None:
        return (uuid,)
    by_name = _by_name(kind)
    if found := by_name.get(_plain(text)):
        return tuple(uuid for uuid, _ in found)
    likely = list(dict.fromkeys(_like(_plain(text), by_name)))[:_MOST_SUGGESTIONS]
    raise UnknownName(text, kind, [by_name[name][0][1] for name in likely])


def _like(text: str, names: Iterable[str]) -> Iterator[str]:
    """Yield names that have the text in them, and names that are written nearly so."""
    if len(text) > 2:
        yield from (name for name in names if text in name)
        yield from get_close_matches(text, names)


def words_of(kind: Kind) -> list[str]:
    """Return names as one word each, such as heart-rate, which `find_uuid` finds."""
    return sorted({name.replace(" ", "-") for name in _by_name(kind) if name.isascii()})


def find_companies(text: str) -> tuple[int, ...]:
    """Return the numbers of the companies that a text names: a number, or a part of the name."""
    import bluetooth_numbers

    if re.fullmatch("0[xX][0-9a-fA-F]{1,4}", text):
        return (int(text, 16),)
    wanted = text.casefold().strip()
    names: Mapping[int, str] = bluetooth_numbers.company
    return tuple(
        number for number, name in names.items() if wanted and wanted in _mended(name).casefold()
    )


def suggest_companies(text: str) -> list[str]:
    """Return names of companies that are like a text."""
    import bluetooth_numbers

    names = {
        name.casefold().partition(",")[0].partition(" ")[0]: _mended(name)
        for name in bluetooth_numbers.company.values()
    }
    return [names[each] for each in get_close_matches(text.casefold(), names, _MOST_SUGGESTIONS)]


def uuid_of_digits(text: str) -> bytes | None:
    """Return the UUID, as on air, that digits say; None if the text is something else."""
    digits = text.strip().lower().removeprefix("0x")
    if re.fullmatch("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", digits):
        digits = digits.replace("-", "")
    if not re.fullmatch("[0-9a-f]{4}|[0-9a-f]{8}|[0-9a-f]{32}", digits):
        return None
    return shorten(expand(bytes.fromhex(digits)[::-1]))


@cache
def _by_name(kind: Kind) -> dict[str, list[tuple[bytes, str]]]:
    """Return UUIDs and names by what somebody may type for the name."""
    found: dict[str, list[tuple[bytes, str]]] = {}
    for key, name in _all_of(kind):
        uuid = uuid_of_digits(key if isinstance(key, str) else f"{key:04x}")
        assert uuid is not None
        found.setdefault(_plain(name), []).append((uuid, name))
    return found


def _all_of(kind: Kind) -> Iterator[tuple[int | str, str]]:
    others = _others().items()
    if kind is Kind.DESCRIPTOR:
        yield from ((key, name) for key, name in others if key in range(0x2900, 0x2A00))
        return
    table = _table(kind)
    yield from table.items()
    numbers = range(0x1800, 0x2700) if kind is Kind.SERVICE else range(0x2A00, 0x3000)
    yield from ((key, name) for key, name in others if key in numbers and key not in table)


def _plain(name: str) -> str:
    """Return a name as it is compared: words of letters and digits, without what they all have."""
    words = re.sub(r"[^\w]+|_", " ", name.casefold()).split()
    if len(words) > 1 and words[-1] in ("service", "characteristic", "descriptor"):
        words.pop()
    return " ".join(words)


# The tables


@cache
def _table(kind: Kind) -> dict[int | str, str]:
    """Return names by 16-bit number, or by the text of 128 bits."""
    import bluetooth_numbers

    source: Mapping[Any, str] = getattr(bluetooth_numbers, kind.value)
    table: dict[int | str, str] = {}
    for key, name in _with_members(source.items()):
        name = _mended(name).removesuffix(" Characteristic")  # as few of them say
        if not name.startswith("Deprecated "):  # numbers that were never assigned
            table.setdefault(key if isinstance(key, int) else str(key), name)
    return table


def _with_members(items: Iterable[tuple[Any, str]]) -> Iterator[tuple[Any, str]]:
    """Yield all with the numbers that are meant, those that were right from the start first."""
    members = []
    for key, name in items:
        if isinstance(key, int) and key > _MOST_16:
            members.append((int(f"{key:x}"), name))
        else:
            yield key, name
    yield from members


@cache
def _others() -> dict[int | str, str]:
    from bleak import uuids

    names: dict[int | str, str] = {**uuids.uuid16_dict, **uuids.uuid128_dict}  # type: ignore[dict-item]
    return {key: _SUBSCRIPT.sub(r"\1", name) for key, name in names.items()}


def _mended(name: str) -> str:
    """Return a name that was encoded twice as it was."""
    if name.isascii():
        return name
    try:
        return name.encode("cp1252").decode()
    except UnicodeError:
        return name
