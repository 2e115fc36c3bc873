"""`bleio clone ADDRESS|NAME`: writes a program that is to others what a real device was.

Results go to standard output, or to the file that is named; what happens meanwhile is said on
standard error. So `bleio clone Pulse > twin.py` works, and so does a pipe.
"""

from __future__ import annotations

import json
import os
import re
from errno import EACCES, ENOENT
from pathlib import Path

import click
from click.core import ParameterSource

from bleio.cli.cloning.from_json import RecordError, from_json
from bleio.cli.cloning.making import Wishes, make_record
from bleio.cli.cloning.record import Record
from bleio.cli.cloning.remarks import remarks, summary
from bleio.cli.cloning.to_json import to_json
from bleio.cli.cloning.writing import write
from bleio.cli.devices.target import parse_target
from bleio.cli.shared.adapters import chosen_adapter
from bleio.cli.shared.exits import Exit, Failure
from bleio.cli.shared.options import adapter_option, json_option, pairing_option
from bleio.cli.shared.output import print_json, say
from bleio.cli.shared.paths import unreadable, unusable
from bleio.cli.shared.running import finish
from bleio.cli.shared.times import Duration
from bleio.files import naming
from bleio.values import parse_value

_MOST_SECONDS = 86_400
_MOST_CHARACTERS = 1 << 26  # of a record; devices bring forth far fewer
_OF_RECORDS = ("record_file", "output", "as_json")
_ESCAPE = re.compile(r"\\(n|r|t|\\|x[0-9a-fA-F]{2})")
_ESCAPED = {"n": b"\n", "r": b"\r", "t": b"\t", "\\": b"\\"}


def _said(
    context: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> list[bytes]:
    try:
        said = [_octets(each) for each in values]
    except ValueError as error:
        raise click.BadParameter(f"{error}.") from None
    if b"" in said:
        raise click.BadParameter("A twin cannot tell when nothing is written, so say something.")
    return said


def _octets(text: str) -> bytes:
    """Return what --say means: as `bleio write` has it, and text in which \\n ends a line."""
    if "\\" not in text:
        return parse_value(text)
    text = text.removeprefix("text:")
    octets, position = b"", 0
    for found in _ESCAPE.finditer(text):
        octets += text[position : found.start()].encode("utf-8", "surrogateescape")
        octets += _ESCAPED.get(found[1]) or bytes.fromhex(found[1][1:])
        position = found.end()
    return octets + text[position:].encode("utf-8", "surrogateescape")


@click.command()
@click.argument("target", metavar="ADDRESS|NAME", required=False)
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False),
    metavar="FILE",
    help="Where the program goes; by default to standard output.",
)
@click.option(
    "--record",
    "record_s",
    type=Duration(most_s=_MOST_SECONDS),
    default="10s",
    show_default=True,
    metavar="TIME",
    help="How long to record what the device sends by itself, such as 30s or 5min; 0 subscribes to"
    " nothing.",
)
@click.option(
    "--say",
    "said",
    multiple=True,
    callback=_said,
    metavar="TEXT|HEX",
    help="Write this to the device, and record what it answers: text, in which \\n ends a line,"
    " octets (0a0b), or numbers (u8:1). May be repeated.",
)
@click.option(
    "--say-to",
    metavar="CHARACTERISTIC",
    help="Where to write that, by name or UUID, if there is more than one place.",
)
@click.option(
    "--pair", is_flag=True, help="Pair if the device asks for it, so that all can be read."
)
@pairing_option
@click.option(
    "--same-address",
    is_flag=True,
    help="Let the twin have the device's address, if that is a random static one. By default the"
    " program does not know it.",
)
@click.option(
    "--timeout",
    "timeout_s",
    type=Duration(0.1, _MOST_SECONDS),
    default="10s",
    show_default=True,
    metavar="TIME",
    help="How long to look for the device, such as 10s or 1min.",
)
@click.option(
    "--from",
    "record_file",
    type=click.Path(allow_dash=True),
    metavar="FILE.json",
    help="Write the program of a record that --json has printed, without a device.",
)
@adapter_option
@json_option("clone")
@click.pass_context
def clone(
    context: click.Context,
    target: str | None,
    output: str | None,
    record_s: float,
    said: list[bytes],
    say_to: str | None,
    pair: bool,
    pairing: str | None,
    same_address: bool,
    timeout_s: float,
    record_file: str | None,
    adapter: str | None,
    as_json: bool,
) -> None:
    """Write a Python program that is a twin of a device.

    It advertises and serves what the device does, with the values that were read, sends what the
    device sent while it was recorded, and answers what it was asked by --say. It needs _bleio
    alone. What could not be found out is said in its comments.
    """
    if (target is None) == (record_file is None):
        raise click.UsageError("Name a device, or a record with --from: one of the two.")
    if say_to is not None and not said:
        raise click.UsageError("--say-to is where --say is written: add --say.")
    if record_file is not None:
        _refuse_device_options(context)
        _put(read_record(record_file), output, as_json)
        return
    _try(output)
    wishes = Wishes(timeout_s, record_s, said, say_to, same_address, pair or pairing is not None)
    device = parse_target(target or "")
    made = finish(make_record(chosen_adapter(adapter, pairing), device, wishes, say))
    _put(made.record, output, as_json)
    for remark in remarks(made.record, made.address):
        say(remark)
    if made.gone is not None:
        raise Failure(
            f"{made.gone} The twin has what was learnt until then.", Exit.GONE
        ) from made.gone


def _refuse_device_options(context: click.Context) -> None:
    """Raises: click.UsageError for an option that would change nothing."""
    for each in context.command.params:
        source = context.get_parameter_source(each.name or "")
        if each.name not in _OF_RECORDS and source is ParameterSource.COMMANDLINE:
            raise click.UsageError(f"{each.opts[-1]} is for a device; --from is without one.")


def _try(output: str | None) -> None:
    """See that there is a place for the program before a device is recorded for an hour.

    Raises: Failure.
    """
    if output is None:
        return
    path = Path(output)
    if not path.parent.is_dir():
        raise Failure(unusable(FileNotFoundError(ENOENT, os.strerror(ENOENT), output)))
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise Failure(unusable(PermissionError(EACCES, os.strerror(EACCES), output)))


def _put(record: Record, output: str | None, as_json: bool) -> None:
    """Hand over the record, as a program and as JSON, where each was asked for."""
    program = write(record)
    if output is not None:
        try:
            with naming(output):
                Path(output).write_text(program, "utf-8")
        except OSError as error:
            raise Failure(unusable(error)) from None
        say(f"{output}: {summary(record)}.")
    if as_json:
        print_json(to_json(record))
    elif output is None:
        click.echo(program, nl=False)


def read_record(file: str) -> Record:
    """Read a record that --json has printed. Raises: Failure."""
    try:
        with click.open_file(file, encoding="utf-8") as stream:
            return from_json(json.loads(stream.read(_MOST_CHARACTERS)))
    except OSError as error:
        raise Failure(unreadable(error), Exit.WRONG_ARGUMENTS) from None
    except (ValueError, RecursionError) as error:
        raise Failure(f"{file!r} is no JSON: {error}.", Exit.WRONG_ARGUMENTS) from None
    except RecordError as error:
        raise Failure(f"{file!r} is no record: {error}.", Exit.WRONG_ARGUMENTS) from None
