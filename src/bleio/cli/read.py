"""`bleio read ADDRESS|NAME CHARACTERISTIC`: one value of a device."""

from __future__ import annotations

import sys
from typing import Any

import click

from bleio.cli.devices.acts import check_readable, is_readable, read_row
from bleio.cli.devices.choosing import Row, choose
from bleio.cli.devices.connecting import Device
from bleio.cli.devices.options import Wanted, device_command, device_of
from bleio.cli.devices.showing import (
    decoded,
    device_fields,
    place_fields,
    value_fields,
    value_line,
)
from bleio.cli.devices.table import Table, read_table
from bleio.cli.shared.options import complete_characteristics, json_option
from bleio.cli.shared.output import print_json, print_line, say
from bleio.cli.shared.running import finish
from bleio.values import HINT, is_installed


@click.command()
@device_command
@click.argument("characteristic", shell_complete=complete_characteristics)
@click.option("--hex", "as_hex", is_flag=True, help="Print the octets in hexadecimal, no more.")
@click.option("--raw", is_flag=True, help="Write the octets themselves, for a file or a pipe.")
@json_option("read")
def read(wanted: Wanted, characteristic: str, as_hex: bool, raw: bool, as_json: bool) -> None:
    """Read a value of a device once.

    CHARACTERISTIC is a name as `bleio explore` shows it ("Battery Level", battery_level, battery),
    a UUID (2a19, 0x2A19 or 32 digits) or handle:0x12; with the service before it where it is
    ambiguous (180f/2a19), with a descriptor behind it (2a19/2904).
    """
    if as_hex + raw + as_json > 1:
        raise click.UsageError("Take one of --hex, --raw and --json.")
    finish(_read(wanted, characteristic, "hex" if as_hex else "raw" if raw else "", as_json))


async def _read(wanted: Wanted, text: str, form: str, as_json: bool) -> None:
    async with device_of(wanted) as device:
        table = await read_table(device.connection)
        row = choose(table, text, is_readable)
        check_readable(device, row)
        octets = await read_row(row)
    if form == "raw":
        sys.stdout.buffer.write(octets)
        sys.stdout.buffer.flush()
    elif form == "hex":
        print_line(octets.hex())
    elif as_json:
        print_json(_object(device, table, row, octets))
    else:
        said = decoded(row, octets)
        print_line(value_line(said, octets))
        if not is_installed() and not said.text:
            say(HINT)


def _object(device: Device, table: Table, row: Row, octets: bytes) -> dict[str, Any]:
    return {
        **device_fields(device.heard),
        **place_fields(row, table.owner(row)),
        **value_fields(decoded(row, octets), octets),
    }
