"""Values in a line and in JSON, the same in all commands."""

from __future__ import annotations

from typing import Any

from bleio.cli.devices.choosing import Row
from bleio.cli.devices.finding import Heard
from bleio.cli.devices.table import CharacteristicRow, DescriptorRow, Value
from bleio.cli.shared.fields import address_fields, uuid_fields
from bleio.values import Decoded, decode, decode_descriptor

_SHOWN_OCTETS = 32
_PRESENTATION_FORMAT = 0x2904


def decoded(row: Row, octets: bytes) -> Decoded:
    """Decode a row's value, by the presentation format that was read with it if there is one."""
    if isinstance(row, DescriptorRow):
        return decode_descriptor(row.uuid._octets, octets)
    form = row.descriptor(_PRESENTATION_FORMAT)
    return decode(row.uuid._octets, octets, None if form is None else form.value.octets)


def hex_text(octets: bytes) -> str:
    """Return octets in hexadecimal for people: parted, and not endless."""
    if len(octets) <= _SHOWN_OCTETS:
        return octets.hex(" ") or "empty"
    return f"{octets[:_SHOWN_OCTETS].hex(' ')} ... ({len(octets)} octets)"


def value_line(said: Decoded, octets: bytes) -> str:
    """Return what a value says with its octets behind, or the octets with why not."""
    if isinstance(said.value, str) and said.value.encode() == octets and octets:
        return said.text
    if said.text and octets and said.text != hex_text(octets):
        return f"{said.text}  ({hex_text(octets)})"
    problem = f"  (not decoded: {said.problem})" if said.problem else ""
    return f"{said.text or hex_text(octets)}{problem}"


def device_fields(heard: Heard) -> dict[str, Any]:
    """Return the member `device`."""
    name = {"name": heard.name} if heard.name else {}
    return {"device": {**address_fields(heard.address), **name}}


def row_fields(row: Row) -> dict[str, Any]:
    """Return what a row is: UUID, name, and handle where there is one."""
    return {**uuid_fields(row.uuid), **({"handle": row.handle} if row.handle else {})}


def place_fields(row: Row, owner: CharacteristicRow) -> dict[str, Any]:
    """Return the members `service`, `characteristic` and, of one, `descriptor`."""
    service = owner.service
    handle = {"handle": service.handle} if service.handle else {}
    fields = {
        "service": {**uuid_fields(service.uuid), **handle},
        "characteristic": row_fields(owner),
    }
    return fields if row is owner else {**fields, "descriptor": row_fields(row)}


def value_fields(said: Decoded, octets: bytes) -> dict[str, Any]:
    """Return the member `octets`, and what is known of `text`, `decoded`, `unit`, `problem`."""
    fields: dict[str, Any] = {"octets": octets.hex()}
    if said.text:
        fields["text"] = said.text
    if said.value is not None:
        fields["decoded"] = said.value
    if said.unit is not None:
        fields["unit"] = said.unit
    if said.problem is not None:
        fields["problem"] = said.problem
    return fields


def learnt_fields(row: Row, value: Value) -> dict[str, Any]:
    """Return what reading a row has shown: its value, or what it needs, or why not."""
    if value.octets is not None:
        return value_fields(decoded(row, value.octets), value.octets)
    fields: dict[str, Any] = {}
    if value.needs is not None:
        fields["needs"] = value.needs.value.replace(" ", "_")
    if value.refusal is not None:
        fields["refusal"] = value.refusal
    return fields
