"""A record written as a program: the same record is always the same program.

The program is what an engineer would have written by hand against `_bleio`: constants, the table
in order, and a loop. It has no more parts than the device gives reason for. What the API cannot
say, and what is not known, is said in comments, where a reader needs it.
"""

from __future__ import annotations

import re

from bleio.cli.cloning import literals
from bleio.cli.cloning.acting import Acts
from bleio.cli.cloning.advertised import advertising, scan_response, start
from bleio.cli.cloning.literals import comment
from bleio.cli.cloning.naming import Names
from bleio.cli.cloning.program import ANSWERS, BROADCAST, LOOP, REPLAY, RUN_PARTS, WAIT, WRITTEN
from bleio.cli.cloning.record import MAX_VALUE_OCTETS, Paired, Record
from bleio.cli.cloning.table import Table
from bleio.core.address import DeviceAddress

_MAX_NAME_OCTETS = 31  # what an adapter keeps
_NO_SURPRISE = re.compile(r"[A-Za-z0-9 _.+-]{0,30}[A-Za-z0-9]")
_CHARACTERISTIC_CONSTANTS = (
    *("BROADCAST", "READ", "WRITE", "WRITE_NO_RESPONSE", "NOTIFY", "INDICATE"),
)
_ATTRIBUTE_CONSTANTS = {
    "NO_ACCESS": "NO_ACCESS",
    "ENCRYPTED": "ENCRYPT_NO_MITM",
    "AUTHENTICATED": "ENCRYPT_WITH_MITM",
}
_RESERVED = frozenset(
    {
        *("adapter", "any", "bytearray", "bytes", "len", "max", "part", "parts", "print", "repr"),
        *("replay", "time", "written", "_bleio"),
        *("advertisement", "scan_response", "interval_s", "name", "max_written"),
        *(each.lower() for each in (*_CHARACTERISTIC_CONSTANTS, *_ATTRIBUTE_CONSTANTS)),
    }
)


def write(record: Record) -> str:
    """Return the source of a twin, laid out as ruff and black have it."""
    if not record.advertising.connectable:
        body = BROADCAST.format(start=start(record.advertising))
        return _paragraphs([*_head(record), _adapter(record)]) + f"\n{body}"
    names = Names(_RESERVED)
    table = Table(record, names)
    acts = Acts(record, table, names)
    above = _paragraphs(
        [
            *_head(record),
            _constants(table),
            *table.constants,
            *acts.constants,
            _adapter(record),
            *table.services,
            _own_services(table),
        ]
    )
    classes = []
    if acts.replays:
        classes.append(REPLAY)
    if acts.listens:
        classes.append(ANSWERS if record.exchanges else WRITTEN)
    below = [_paragraphs([acts.lines])] if classes else []
    loop = LOOP.format(
        start=start(record.advertising, " " * 12),
        while_connected=RUN_PARTS if classes else WAIT,
    )
    if not classes:
        return f"{above}\n{loop}"
    return "\n\n".join([above, *(f"\n{each}"[1:] for each in classes), f"{below[0]}\n{loop}"])


def _paragraphs(sections: list[list[str]]) -> str:
    """Return lines, with an empty one between sections."""
    return "\n".join("".join(f"{line}\n" for line in lines) for lines in sections if lines)


def _head(record: Record) -> list[list[str]]:
    name = record.name if _NO_SURPRISE.fullmatch(record.name) else "a device"
    response = scan_response(record.advertising)
    assert response is not None
    return [
        [
            f'"""A twin of {name}, written by `bleio clone`.',
            "",
            "It needs _bleio alone: run it with python or with `bleio run`, add it to a world, or",
            "copy it to a CircuitPython board.",
            '"""',
        ],
        ["import time"],
        ["import _bleio"],
        [*_name(record.name), *advertising(record.advertising)],
    ]


def _name(said: str) -> list[str]:
    octets = said.encode("utf-8", "replace")[:_MAX_NAME_OCTETS]
    name = octets.decode("utf-8", "ignore")
    whole = [] if name == said else comment(f"The device's name is longer: {said}")
    line = f"NAME = {literals.text(name)}"
    if not literals.fits(line) and literals.fits(f"    {literals.text(name)}"):
        return [*whole, "NAME = (", f"    {literals.text(name)}", ")"]
    return [*whole, line]


def _constants(table: Table) -> list[str]:
    """Name what of _bleio's constants the table takes."""
    lines = [
        f"{name} = _bleio.Characteristic.{name}"
        for name in _CHARACTERISTIC_CONSTANTS
        if name in table.used
    ]
    lines += [
        f"{name} = _bleio.Attribute.{mode}"
        for name, mode in _ATTRIBUTE_CONSTANTS.items()
        if name in table.used
    ]
    if "MAX_WRITTEN" in table.used:
        lines += comment("How much may be written is not known, so it is the most that there is.")
        lines.append(f"MAX_WRITTEN = {MAX_VALUE_OCTETS}")
    return lines


def _adapter(record: Record) -> list[str]:
    lines = ["adapter = _bleio.adapter", "adapter.name = NAME"]
    if record.address is not None:
        lines += _address(record.address, record.address_type)
    if record.paired is Paired.BEFORE:
        lines += comment(
            "The link was encrypted by a bond from its beginning, so what asks for encryption is"
            " not known, and everything is open here."
        )
    return lines


def _address(address: bytes, address_type: str) -> list[str]:
    device = DeviceAddress(address, random=True)
    if address_type != "random_static" or not device.is_static:
        text = f"{address_type or 'another'} {address[::-1].hex(':')}".replace("_", " ")
        return comment(f"Its address is {text}; programs can take random static ones only.")
    literal = literals.pieces(address, hexadecimal=True)[0]
    return [
        "adapter.address = _bleio.Address(",
        f"    {literal}, _bleio.Address.RANDOM_STATIC",
        ")",
    ]


def _own_services(table: Table) -> list[str]:
    """Say what the device had in the services that each stack has itself."""
    if not table.own:
        return []
    lines = comment("The GAP service is the stack's own. Beside the name, the device has there:")
    for said in table.own:
        lines += comment(said)
    return lines
