"""`bleio write ADDRESS|NAME CHARACTERISTIC VALUE`: one value to a device."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from bleio.cli.devices.acts import is_writable, write_row
from bleio.cli.devices.choosing import Row, choose, label
from bleio.cli.devices.options import Wanted, device_command, device_of
from bleio.cli.devices.showing import device_fields, hex_text, place_fields
from bleio.cli.devices.table import read_table
from bleio.cli.shared.options import complete_characteristics, json_option
from bleio.cli.shared.output import print_json, print_line
from bleio.cli.shared.paths import unreadable
from bleio.cli.shared.running import finish
from bleio.decoding.octets import counted
from bleio.values import parse_value
from bleio.values.typed import MAX_OCTETS


@click.command()
@device_command
@click.argument("characteristic", shell_complete=complete_characteristics)
@click.argument("value", required=False)
@click.option(
    "--file", "path", metavar="FILE", help="Write the octets of FILE; - is standard input."
)
@click.option(
    "--response/--no-response",
    default=None,
    help="Wait for the device's answer, or not.  [default: wait where the device answers]",
)
@json_option("write")
def write(
    wanted: Wanted,
    characteristic: str,
    value: str | None,
    path: str | None,
    response: bool | None,
    as_json: bool,
) -> None:
    """Write a value of a device once.

    CHARACTERISTIC is as for `bleio read`. VALUE is octets in hexadecimal (0a0b, "0a 0b", 0x0a0b),
    or text if it is not hexadecimal, or says its kind: text:hello, hex:0a0b, u8:1, u16:1000,
    s32:-5, f32:1.5, bool:true. Numbers are little-endian, as GATT has them; u16be: is big-endian.
    Several go one after the other: u8:1,u16:1000. A VALUE that begins with a hyphen stands behind
    two of them: -- -5.

    Values of more octets than a packet holds, up to 512, are written in parts and with response.
    """
    octets = _octets(value, path)
    finish(_write(wanted, characteristic, octets, response, as_json))


def _octets(value: str | None, path: str | None) -> bytes:
    """Return what is to be written. Raises: click.UsageError."""
    if (value is None) == (path is None):
        raise click.UsageError("Write either a VALUE or --file FILE.")
    if value is not None:
        try:
            return parse_value(value)
        except ValueError as error:
            raise click.BadParameter(f"{error}.", param_hint="'VALUE'") from None
    try:
        if path == "-":
            octets = sys.stdin.buffer.read(MAX_OCTETS + 1)
        else:
            with Path(str(path)).open("rb") as file:
                octets = file.read(MAX_OCTETS + 1)
    except OSError as error:
        raise click.BadParameter(unreadable(error), param_hint="'--file'") from None
    if len(octets) > MAX_OCTETS:
        raise click.BadParameter(
            f"it has more than {MAX_OCTETS} octets, and a value has not.", param_hint="'--file'"
        )
    return octets


async def _write(
    wanted: Wanted, text: str, octets: bytes, response: bool | None, as_json: bool
) -> None:
    async with device_of(wanted) as device:
        table = await read_table(device.connection)
        row = choose(table, text, is_writable)
        answered = await write_row(device, row, octets, response)
    if as_json:
        fields = {**device_fields(device.heard), **place_fields(row, table.owner(row))}
        print_json({**fields, "octets": octets.hex(), "with_response": answered})
    else:
        print_line(written_line(row, octets, answered))


def written_line(row: Row, octets: bytes, answered: bool) -> str:
    """Return what is said of a write."""
    sent = "Wrote" if answered else "Sent"
    behind = "" if answered else ", without response: whether it was taken is not known"
    return f"{sent} {counted(len(octets), 'octet')} to {label(row)} ({hex_text(octets)}){behind}"
