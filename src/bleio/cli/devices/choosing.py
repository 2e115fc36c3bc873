"""Which characteristic or descriptor of a device is meant by what a user types.

    Battery Level, battery_level, battery   a name as `bleio explore` shows it, or its beginning
    2a19, 0x2A19, a UUID of 32 digits       its UUID
    handle:0x12, handle:18                  its handle, where the system tells it
    180f/2a19, battery_service/battery_level    of that service
    2a19/2904, battery_level/0x2904         a descriptor of it

What is ambiguous, or not there, is answered with what the device has, near names first, each as a
command to type.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from difflib import SequenceMatcher
from typing import TypeVar

from bleio.api import UUID
from bleio.cli.devices.problems import NotFound
from bleio.cli.devices.retyping import retyped
from bleio.cli.devices.table import CharacteristicRow, DescriptorRow, ServiceRow, Table
from bleio.core.uuid import shorten, to_text
from bleio.names import Kind, UnknownName, find_uuid, uuid_name

Row = CharacteristicRow | DescriptorRow
AnyRow = TypeVar("AnyRow", ServiceRow, CharacteristicRow, DescriptorRow)

_MOST_SHOWN = 12
_NEAR = 0.6  # of SequenceMatcher's ratio
_HANDLE = re.compile(r"handle[:=]\s*(0x[0-9a-f]{1,4}|\d{1,5})", re.IGNORECASE)


def choose(table: Table, text: str, able: Callable[[Row], bool] | None = None) -> Row:
    """Return the one row that is meant. Raises: NotFound with what there is.

    Args: able: of several that fit, take those for which this is so, if there are any.
    """
    found = fitting(table, text)
    if able is not None and len(found) > 1:
        found = [each for each in found if able(each)] or found
    if len(found) == 1:
        return found[0]
    if found:
        lines = _commands(table, found, text)
        raise NotFound(f"{len(found)} values fit {text!r}; take one of them:\n{lines}")
    rows = likely(table.characteristics, text)
    if not rows:
        raise NotFound(f"There is no {text!r}: the device has no characteristics at all.")
    lines = _commands(table, rows, text)
    raise NotFound(f"The device has no characteristic {text!r}. It has:\n{lines}")


def fitting(table: Table, text: str) -> list[Row]:
    """Return all rows that what was typed may mean."""
    if handle := _HANDLE.fullmatch(text.strip()):
        number = int(handle[1], 0)
        return [row for row in table.rows if row.handle == number and number]
    parts = [part.strip() for part in text.split("/")]
    rows: list[Row] = []
    match parts:
        case [characteristic]:
            rows += _named(table.characteristics, characteristic, Kind.CHARACTERISTIC)
        case [first, second]:
            for service in _named(table.services, first, Kind.SERVICE):
                rows += _named(service.characteristics, second, Kind.CHARACTERISTIC)
            rows += _descriptors(_named(table.characteristics, first, Kind.CHARACTERISTIC), second)
        case [first, second, third]:
            for service in _named(table.services, first, Kind.SERVICE):
                within = _named(service.characteristics, second, Kind.CHARACTERISTIC)
                rows += _descriptors(within, third)
    return rows


def _descriptors(rows: Iterable[CharacteristicRow], text: str) -> list[DescriptorRow]:
    return [each for row in rows for each in _named(row.descriptors, text, Kind.DESCRIPTOR)]


def _named(rows: Iterable[AnyRow], text: str, kind: Kind) -> list[AnyRow]:
    """Return the rows that fit best: by UUID or whole name, else by the beginning of the name."""
    rows = list(rows)
    try:
        wanted = {shorten(uuid) for uuid in find_uuid(text, kind)}
    except UnknownName:
        wanted = set()
    folded = _plain(text)
    names = [(row, _plain(name_of(row.uuid))) for row in rows]
    whole = [
        row
        for row, name in names
        if (folded and name == folded) or shorten(row.uuid._octets) in wanted
    ]
    return whole or [row for row, name in names if folded and name.startswith(folded)]


def name_of(uuid: UUID) -> str:
    """Return the assigned name, "" if there is none."""
    return uuid_name(uuid._octets) or ""


def uuid_text(uuid: UUID) -> str:
    """Return the shortest form of a UUID: 2a19, or 32 digits with hyphens."""
    return to_text(shorten(uuid._octets))


def label(row: Row | ServiceRow) -> str:
    """Return what people call it: its name, else its UUID."""
    return name_of(row.uuid) or uuid_text(row.uuid)


def _plain(name: str) -> str:
    return " ".join(re.sub(r"[^\w]+|_", " ", name.casefold()).split())


def selector(table: Table, row: Row) -> str:
    """Return the shortest text that means this row and no other."""
    for text in _texts(table, row):
        if fitting(table, text) == [row]:
            return text
    return f"handle:0x{row.handle:04x}"


def _texts(table: Table, row: Row) -> Iterable[str]:
    if isinstance(row, CharacteristicRow):
        own, service = uuid_text(row.uuid), uuid_text(row.service.uuid)
        if name := _slug(row.uuid):
            yield name
        yield own
        yield f"{service}/{own}"
        return
    for text in _texts(table, table.owner(row)):
        yield f"{text}/{uuid_text(row.uuid)}"


def _slug(uuid: UUID) -> str:
    return _plain(name_of(uuid)).replace(" ", "_")


def likely(rows: Iterable[CharacteristicRow], text: str) -> list[CharacteristicRow]:
    """Return the rows with names or UUIDs like the text, the best first; all if there are none."""
    rows, wanted = list(rows), _plain(text.rpartition("/")[2])

    def likeness(row: CharacteristicRow) -> float:
        name = _plain(name_of(row.uuid))
        texts = (name, name[: len(wanted) + 1], uuid_text(row.uuid))  # or what it begins with
        return max(SequenceMatcher(None, wanted, each).ratio() for each in texts)

    near = sorted((row for row in rows if likeness(row) >= _NEAR), key=lambda row: -likeness(row))
    return near or rows


def _commands(table: Table, rows: list[Row] | list[CharacteristicRow], text: str) -> str:
    lines = []
    for row in rows[:_MOST_SHOWN]:
        word = selector(table, row)
        what = f"{label(row)}"
        if isinstance(row, CharacteristicRow):
            what += f" of {label(row.service)}: {', '.join(row.property_names) or 'no properties'}"
        lines.append(f"  {retyped(text, word) or word}  # {what}")
    if len(rows) > _MOST_SHOWN:
        lines.append(f"and {len(rows) - _MOST_SHOWN} more, which bleio explore shows")
    return "\n".join(lines)
