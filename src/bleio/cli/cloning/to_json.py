"""A record as JSON: octets are hexadecimal, UUIDs text with their size on air beside."""

from __future__ import annotations

from typing import Any

from bleio.cli.cloning.record import (
    Advertising,
    Characteristic,
    Exchange,
    Read,
    Record,
    Service,
)
from bleio.cli.devices.table import PROPERTY_NAMES
from bleio.core.uuid import expand, to_text

VERSION = 1


def to_json(record: Record) -> dict[str, Any]:
    """Return the record as what `json.dumps` takes."""
    return {
        "version": VERSION,
        "name": record.name,
        "address": None if record.address is None else record.address[::-1].hex(":"),
        "address_type": record.address_type or None,
        "advertising": _advertising(record.advertising),
        "paired": record.paired.value,
        "services": [_service(each) for each in record.services],
        "recorded_ms": record.recorded_ms,
        "exchanges": [_exchange(each) for each in record.exchanges],
    }


def _advertising(advertising: Advertising) -> dict[str, Any]:
    response = advertising.scan_response
    return {
        "data": advertising.data.hex(),
        "scan_response": None if response is None else response.hex(),
        "connectable": advertising.connectable,
        "interval_ms": advertising.interval_ms,
        "others": advertising.others,
        "rebuilt": advertising.rebuilt,
    }


def _uuid(uuid: bytes) -> dict[str, Any]:
    return {"uuid": to_text(expand(uuid)), "uuid_bits": 8 * len(uuid)}


def _named(name: str) -> dict[str, Any]:
    return {"name": name} if name else {}


def _service(service: Service) -> dict[str, Any]:
    return {
        **_uuid(service.uuid),
        **_named(service.name),
        "includes": [_uuid(each) for each in service.includes],
        "characteristics": [_characteristic(each) for each in service.characteristics],
    }


def _characteristic(characteristic: Characteristic) -> dict[str, Any]:
    return {
        **_uuid(characteristic.uuid),
        **_named(characteristic.name),
        "properties": [
            word for bit, word in PROPERTY_NAMES.items() if characteristic.properties & bit
        ],
        "read": _read(characteristic.read),
        "subscribing": characteristic.subscribing.value,
        "descriptors": [
            {**_uuid(each.uuid), **_named(each.name), "read": _read(each.read)}
            for each in characteristic.descriptors
        ],
        "sent": [
            {"after_ms": each.after_ms, "value": each.value.hex(), "shown": each.shown}
            for each in characteristic.sent
        ],
    }


def _read(read: Read) -> dict[str, Any]:
    return {
        "access": read.access.value,
        "values": [value.hex() for value in read.values],
        "shown": read.shown,
        "refusal": read.refusal,
    }


def _exchange(exchange: Exchange) -> dict[str, Any]:
    return {
        "characteristic": list(exchange.place),
        "written": exchange.written.hex(),
        "answers": [
            {
                "after_ms": each.after_ms,
                "characteristic": list(each.place),
                "value": each.value.hex(),
            }
            for each in exchange.answers
        ],
    }
