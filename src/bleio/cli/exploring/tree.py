"""A device as a tree: services, characteristics, descriptors, with what reading has shown of them.

Names and values are a stranger's. Names that are assigned come from tables; all else goes through
the decoders, which escape it, and rich gets Text, never markup.
"""

from __future__ import annotations

from typing import Any

from rich.console import Group
from rich.text import Text
from rich.tree import Tree

from bleio import aio
from bleio.cli.devices.choosing import Row, name_of, uuid_text
from bleio.cli.devices.connecting import Device
from bleio.cli.devices.showing import (
    decoded,
    device_fields,
    hex_text,
    learnt_fields,
    row_fields,
    value_line,
)
from bleio.cli.devices.table import CharacteristicRow, Needs, ServiceRow, Table
from bleio.cli.shared.fields import ADDRESS_TYPES, uuid_fields
from bleio.decoding.octets import counted

_NEEDS = {
    Needs.ENCRYPTION: "needs an encrypted link: --pair",
    Needs.AUTHENTICATION: "needs pairing: --pair",
    Needs.AUTHORIZATION: "needs an authorization of the device's own",
    Needs.LONGER_KEY: "needs a longer encryption key",
}


def tree(device: Device, table: Table) -> Tree:
    """Return the tree, fit for 80 columns."""
    root = Tree(_heading(device, table), guide_style="dim")
    for service in table.services:
        branch = root.add(_title(service))
        for included in service.included:
            name = name_of(included.uuid)
            text = f"includes {name or 'the service'} {uuid_text(included.uuid)}"
            branch.add(Text(text, "dim"))
        for row in service.characteristics:
            leaf = branch.add(Group(*_lines(row, ", ".join(row.property_names))))
            for each in row.descriptors:
                leaf.add(Group(*_lines(each)))
    return root


def _heading(device: Device, table: Table) -> Group:
    heard = device.heard
    services = counted(len(table.services), "service")
    values = counted(sum(1 for _ in table.characteristics), "characteristic")
    secured = "encrypted" if device.connection.paired else "not encrypted"
    kind = ADDRESS_TYPES[heard.address.type].replace("_", " ")
    below = Text(f"{kind}, {heard.rssi_dbm} dBm, {secured}, {services}, {values}", "dim")
    return Group(Text(str(heard), "bold"), below)


def _title(row: ServiceRow | Row) -> Text:
    """Return the name and the UUID, or the UUID alone."""
    name = name_of(row.uuid)
    style = "bold" if isinstance(row, ServiceRow) else ""
    if not name:
        return Text(uuid_text(row.uuid), style)
    return Text(name, style).append(f"  {uuid_text(row.uuid)}", "not bold dim")


def _lines(row: Row, properties: str = "") -> list[Text]:
    """Return the lines of a characteristic or descriptor: what it is, and its value."""
    title = _title(row)
    if properties:
        title.append(f"  {properties}", "cyan")
    value = _value(row)
    return [title] if value is None else [title, value]


def _value(row: Row) -> Text | None:
    value = row.value
    if value.needs is not None:
        return Text(_NEEDS[value.needs], "yellow")
    if value.octets is None:
        refused = isinstance(row, CharacteristicRow) or value.refusal is not None
        return Text(f"not read: {value.refusal}", "yellow") if refused and value.refusal else None
    said = decoded(row, value.octets)
    if said.problem or not said.text:
        return Text(value_line(said, value.octets), "yellow" if said.problem else "green")
    line, octets = value_line(said, value.octets), f"({hex_text(value.octets)})"
    text = Text(line.removesuffix(octets), "green")
    return text.append(octets, "dim") if line.endswith(octets) else text


def as_json(device: Device, table: Table) -> dict[str, Any]:
    """Return all of it as one object."""
    fields = device_fields(device.heard)
    fields["device"]["rssi_dbm"] = device.heard.rssi_dbm
    return {
        **fields,
        "encrypted": device.connection.paired,
        "mtu_octets": aio.mtu(device.connection),
        "services": [_service(each) for each in table.services],
    }


def _service(row: ServiceRow) -> dict[str, Any]:
    fields = uuid_fields(row.uuid)
    if row.handle:
        fields |= {"handle": row.handle, "end_handle": row.end_handle}
    included = [
        uuid_fields(each.uuid) | {"handle": each.handle, "end_handle": each.end_handle}
        for each in row.included
    ]
    return fields | {
        "included": included,
        "characteristics": [_characteristic(each) for each in row.characteristics],
    }


def _characteristic(row: CharacteristicRow) -> dict[str, Any]:
    return {
        **row_fields(row),
        "properties": row.property_names,
        **learnt_fields(row, row.value),
        "descriptors": [
            {**row_fields(each), **learnt_fields(each, each.value)} for each in row.descriptors
        ],
    }
