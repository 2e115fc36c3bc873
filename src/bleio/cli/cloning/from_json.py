"""A record that was made JSON, taken back.

It may be written by anybody, so each member is checked, and unknown ones are refused:
what is taken without a word and then ignored would be a twin that is not what its owner thinks.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import TypeVar, cast

from bleio.cli.cloning.record import (
    MAX_ADVERTISING_OCTETS,
    MAX_VALUE_OCTETS,
    Access,
    Advertising,
    Answer,
    Characteristic,
    Descriptor,
    Exchange,
    Paired,
    Place,
    Read,
    Record,
    Sent,
    Service,
)
from bleio.cli.cloning.table import VALUES, WRITES
from bleio.cli.cloning.to_json import VERSION
from bleio.cli.devices.table import PROPERTY_NAMES
from bleio.cli.shared.fields import ADDRESS_TYPES
from bleio.core.uuid import shorten, to_text

MAX_LIST = 100_000  # of anything; what a device may have is bounded where it is explored
_MAX_MS = 1 << 40
_MAX_TEXT = 4_096
T = TypeVar("T")


class RecordError(Exception):
    """JSON that is no record of a device. The text says where, and what is wrong."""


def from_json(wanted: object) -> Record:
    """Return the record that was made JSON. Raises: RecordError."""
    return _Fields(wanted, "the record").all_of(_record)


class _Fields:
    """The members of an object, each of which has to be taken once."""

    def __init__(self, wanted: object, where: str) -> None:
        self.where = where
        if not isinstance(wanted, dict):
            raise RecordError(f"{where} is no object")
        self._left = dict(wanted)

    def all_of(self, made: Callable[[_Fields], T]) -> T:
        """Make something of the members. Raises: RecordError if there are others."""
        result = made(self)
        if self._left:
            raise RecordError(f"{self.where} has a member that nothing knows: {min(self._left)!r}")
        return result

    def take(self, name: str, kind: type[T]) -> T:
        value = self.any(name)
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise self.wrong(name, f"is no {_WORDS[kind]}")
        return value

    def any(self, name: str) -> object:
        if name not in self._left:
            raise RecordError(f"{self.where} has no {name!r}")
        return self._left.pop(name)

    def wrong(self, name: str, why: str) -> RecordError:
        return RecordError(f"{name!r} of {self.where} {why}")

    def text(self, name: str) -> str:
        text = self.take(name, str)
        if len(text) > _MAX_TEXT:
            raise self.wrong(name, f"has more than {_MAX_TEXT} characters")
        return text

    def name(self) -> str:
        return self.text("name") if "name" in self._left else ""

    def number(self, name: str, most: int = _MAX_MS) -> int:
        number = self.take(name, int)
        if not 0 <= number <= most:
            raise self.wrong(name, f"is not in 0 to {most}")
        return number

    def octets(self, name: str, most: int = MAX_VALUE_OCTETS) -> bytes:
        return self._octets(name, self.take(name, str), most)

    def octets_or_none(self, name: str, most: int) -> bytes | None:
        value = self.any(name)
        return None if value is None else self._octets(name, value, most)

    def _octets(self, name: str, value: object, most: int) -> bytes:
        try:
            octets = bytes.fromhex(cast(str, value))
        except (TypeError, ValueError):
            raise self.wrong(name, "is not hexadecimal") from None
        if len(octets) > most:
            raise self.wrong(name, f"has more than {most} octets")
        return octets

    def values(self, name: str) -> list[bytes]:
        return [self._octets(name, each, MAX_VALUE_OCTETS) for each in self._items(name)]

    def each(self, name: str, made: Callable[[_Fields], T]) -> list[T]:
        return [
            _Fields(item, f"{name}[{index}] of {self.where}").all_of(made)
            for index, item in enumerate(self._items(name))
        ]

    def inner(self, name: str, made: Callable[[_Fields], T]) -> T:
        return _Fields(self.any(name), f"{name!r} of {self.where}").all_of(made)

    def access(self, name: str) -> Access:
        try:
            return Access(self.take(name, str))
        except ValueError:
            raise self.wrong(name, "is none of the words for it") from None

    def _items(self, name: str) -> list[object]:
        items = self.take(name, list)
        if len(items) > MAX_LIST:
            raise self.wrong(name, f"has more than {MAX_LIST} items")
        return items

    def uuid(self) -> bytes:
        text, bits = self.take("uuid", str), self.take("uuid_bits", int)
        try:
            uuid = bytes.fromhex(text.replace("-", ""))[::-1]
        except ValueError:
            raise self.wrong("uuid", "is no UUID") from None
        if len(uuid) != 16 or to_text(uuid) != text.lower():
            raise self.wrong("uuid", "is no UUID of 128 bits")
        if bits == 16 and len(shorten(uuid)) == 2:
            return shorten(uuid)
        if bits != 128:
            raise self.wrong("uuid_bits", "is not what that UUID can have")
        return uuid

    def properties(self) -> int:
        names = self._items("properties")
        if unknown := [each for each in names if each not in list(_PROPERTIES)]:
            raise self.wrong("properties", f"has {unknown[0]!r}, which is none")
        return sum(bit for word, bit in _PROPERTIES.items() if word in names)

    def place(self) -> Place:
        place = self.take("characteristic", list)
        if len(place) != 2 or not all(type(each) is int and each >= 0 for each in place):
            raise self.wrong("characteristic", "is not [service, characteristic], by number")
        return place[0], place[1]


_PROPERTIES = {word: int(bit) for bit, word in PROPERTY_NAMES.items()}
_WORDS: dict[type, str] = {
    str: "text",
    int: "whole number",
    bool: "true or false",
    list: "list",
}


def _record(fields: _Fields) -> Record:
    if fields.take("version", int) != VERSION:
        raise fields.wrong("version", f"is not {VERSION}, the one that this bleio reads")
    address = fields.any("address")
    record = Record(
        fields.text("name"),
        None if address is None else _address(fields, address),
        _address_type(fields),
        fields.inner("advertising", _advertising_of),
        _paired(fields),
        fields.each("services", _service_of),
        fields.number("recorded_ms"),
        fields.each("exchanges", _exchange_of),
    )
    for exchange in record.exchanges:
        _check(record, exchange.place, WRITES, "written to")
        for answer in exchange.answers:
            _check(record, answer.place, VALUES, "what answers")
    return record


def _check(record: Record, place: Place, properties: int, what: str) -> None:
    """Raises: RecordError if there is no such characteristic, or one that can't do that."""
    try:
        found = record.at(place)
    except IndexError:
        raise RecordError(f"there is no characteristic {list(place)}") from None
    if not found.properties & properties:
        raise RecordError(f"the characteristic {list(place)} is {what}, and it cannot be")


def _address(fields: _Fields, address: object) -> bytes:
    text = address.replace(":", "") if isinstance(address, str) else ""
    octets = fields._octets("address", text, 6)
    if len(octets) != 6:
        raise fields.wrong("address", "is no address, such as 'c0:11:22:33:44:55'")
    return octets[::-1]


def _address_type(fields: _Fields) -> str:
    kind = fields.any("address_type")
    if kind is None:
        return ""
    if kind not in ADDRESS_TYPES.values():
        raise fields.wrong("address_type", "is none of the words for it")
    return str(kind)


def _paired(fields: _Fields) -> Paired:
    try:
        return Paired(fields.take("paired", str))
    except ValueError:
        raise fields.wrong("paired", "is none of the words for it") from None


def _advertising_of(fields: _Fields) -> Advertising:
    interval = fields.any("interval_ms")
    if interval is not None and (
        isinstance(interval, bool)
        or not isinstance(interval, int | float)
        or not 0 < interval <= _MAX_MS
    ):
        raise fields.wrong("interval_ms", "is no time")
    return Advertising(
        fields.octets("data", MAX_ADVERTISING_OCTETS),
        fields.octets_or_none("scan_response", MAX_ADVERTISING_OCTETS),
        fields.take("connectable", bool),
        interval,
        fields.number("others"),
        fields.take("rebuilt", bool),
    )


def _service_of(fields: _Fields) -> Service:
    return Service(
        fields.uuid(),
        fields.name(),
        fields.each("includes", _Fields.uuid),
        fields.each("characteristics", _characteristic_of),
    )


def _characteristic_of(fields: _Fields) -> Characteristic:
    uuid, properties = fields.uuid(), fields.properties()
    return Characteristic(
        uuid,
        properties,
        fields.name(),
        fields.inner("read", _read_of),
        fields.access("subscribing"),
        fields.each("descriptors", _descriptor_of),
        _all_sent(fields, properties),
    )


def _all_sent(fields: _Fields, properties: int) -> list[Sent]:
    """Times that go back would be pauses that are less than none."""
    sent = fields.each("sent", _sent_of)
    if sent and not properties & VALUES:
        raise fields.wrong("sent", "is of a characteristic that neither notifies nor indicates")
    if any(after.after_ms < before.after_ms for before, after in pairwise(sent)):
        raise fields.wrong("sent", "is not in order of 'after_ms'")
    return sent


def _descriptor_of(fields: _Fields) -> Descriptor:
    return Descriptor(fields.uuid(), fields.name(), fields.inner("read", _read_of))


def _sent_of(fields: _Fields) -> Sent:
    return Sent(fields.number("after_ms"), fields.octets("value"), fields.text("shown"))


def _read_of(fields: _Fields) -> Read:
    return Read(
        fields.access("access"),
        fields.values("values"),
        fields.text("shown"),
        fields.text("refusal"),
    )


def _exchange_of(fields: _Fields) -> Exchange:
    place, written = fields.place(), fields.octets("written", 1 << 16)
    if not written:
        raise fields.wrong("written", "is empty: nothing can be told to have been written")
    return Exchange(place, written, fields.each("answers", _answer_of))


def _answer_of(fields: _Fields) -> Answer:
    return Answer(fields.number("after_ms"), fields.place(), fields.octets("value"))
