"""`bleio scan`: what is on the air.

On a terminal a table that lives; into a pipe a line for each device that comes, changes or goes;
for programs JSON. Parts are in `scanning`.
"""

from __future__ import annotations

import contextlib
import shlex
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import click

from bleio.cli.shared.options import adapter_option, complete_services, json_option
from bleio.cli.shared.paths import unusable
from bleio.cli.worlds import Duration

if TYPE_CHECKING:
    from bleio.cli.scanning.devices import Devices
    from bleio.cli.scanning.filters import Filters
    from bleio.cli.scanning.listening import Listener, Shower
    from bleio.cli.scanning.recording import ScanRecording

_SORTS = ("rssi", "name", "address", "rate", "seen", "first")


@click.command()
@adapter_option
@click.option(
    "--name",
    "texts",
    multiple=True,
    metavar="TEXT",
    help="Show devices with TEXT in their name; * and ? in it stand for any, as in file names.",
)
@click.option(
    "--address",
    "addresses",
    multiple=True,
    metavar="PREFIX",
    help="Show devices whose address begins so, such as f0:f1.",
)
@click.option(
    "--service",
    "services",
    multiple=True,
    metavar="SERVICE",
    shell_complete=complete_services,
    help='Show devices that advertise it: "heart rate", 180d or a whole UUID.',
)
@click.option(
    "--manufacturer",
    "manufacturers",
    multiple=True,
    metavar="COMPANY",
    help="Show devices with its data: a part of its name, or a number such as 0x004c.",
)
@click.option(
    "--rssi",
    "rssi_dbm",
    type=click.IntRange(-127, 20),
    metavar="DBM",
    help="Show devices heard at least that strong, such as -70.",
)
@click.option(
    "--connectable/--not-connectable",
    default=None,
    help="Show devices that take connections, or those that do not.",
)
@click.option(
    "--duration",
    "--timeout",
    "duration_s",
    type=Duration(),
    metavar="TIME",
    help="Scan for so long, such as 10s or 5min.  [default: until Ctrl-C]",
)
@click.option(
    "--count",
    type=click.IntRange(min=1),
    metavar="N",
    help="End when N devices were found.",
)
@click.option(
    "--active/--passive",
    default=True,
    help="Ask devices for their scan responses, which often have the name, or only listen."
    "  [default: active]",
)
@click.option(
    "--sort",
    type=click.Choice(_SORTS),
    help="Order of the table.  [default: rssi]",
)
@click.option("--lines", is_flag=True, help="Print lines on a terminal too, in place of the table.")
@click.option("--raw", is_flag=True, help="Print each packet, with its octets and what they say.")
@click.option(
    "--record",
    type=click.Path(dir_okay=False, writable=True),
    metavar="FILE",
    help="Write all that is heard to a capture file (pcapng, or btsnoop if it is called so), for"
    " Wireshark and bleio decode.",
)
@json_option("scan")
def scan(
    adapter: str | None,
    texts: tuple[str, ...],
    addresses: tuple[str, ...],
    services: tuple[str, ...],
    manufacturers: tuple[str, ...],
    rssi_dbm: int | None,
    connectable: bool | None,
    duration_s: float | None,
    count: int | None,
    active: bool,
    sort: str | None,
    lines: bool,
    raw: bool,
    record: str | None,
    as_json: bool,
) -> None:
    """Show the devices that advertise, until Ctrl-C.

    On a terminal it is a table; into a pipe, a line for each device that comes (+), says
    something else (~) or has not been heard for 10 s (-).

    Options of one kind are alternatives; those of different kinds must all fit. Exit code 3 says
    that no device did, or fewer than --count.
    """
    from bleio.cli.scanning.filters import parse_filters

    _check(sort, lines=lines, raw=raw, as_json=as_json)
    try:
        filters = parse_filters(texts, addresses, services, manufacturers, rssi_dbm, connectable)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    wanted = _Wanted(adapter, filters, duration_s, count or 0, record)
    _scan(wanted, _Form(sort or "rssi", lines=lines, raw=raw, as_json=as_json), active=active)


def _check(sort: str | None, *, lines: bool, raw: bool, as_json: bool) -> None:
    """Refuse options that would do nothing. Raises: click.UsageError."""
    from bleio.cli.shared.output import is_live

    if lines and as_json:
        raise click.UsageError("Take either --lines or --json.")
    if sort is not None and (lines or raw or as_json or not is_live()):
        raise click.UsageError(
            "--sort is for the table; lines and objects come as devices are heard, and there is no"
            " table in a pipe."
        )


@dataclass
class _Wanted:
    """What is to be scanned, and until when."""

    adapter: str | None
    filters: Filters
    duration_s: float | None
    count: int
    record: str | None


@dataclass
class _Form:
    """How it is to be shown."""

    sort: str
    lines: bool
    raw: bool
    as_json: bool


def _scan(wanted: _Wanted, form: _Form, *, active: bool) -> None:
    from bleio.cli.scanning.devices import Devices
    from bleio.cli.scanning.listening import Limits, Listener
    from bleio.cli.shared.adapters import adapter_string, chosen_adapter
    from bleio.cli.shared.exits import Exit, Failure
    from bleio.cli.shared.hints import heard_nothing
    from bleio.cli.shared.running import finish
    from bleio.runtime.hints import SILENCE_S

    chosen, where = chosen_adapter(wanted.adapter), adapter_string(wanted.adapter)
    devices = Devices(wanted.filters.fit)
    shower = _shower(devices, form, where)
    limits = Limits(wanted.duration_s, wanted.count, SILENCE_S)
    listener = Listener(chosen, devices, shower, limits, partial(heard_nothing, chosen))
    with contextlib.ExitStack() as stack:
        if wanted.record is not None:
            listener.recorder = _recording(wanted.record, where)
            stack.callback(listener.recorder.close)
        try:
            finish(listener.listen(active=active))
        finally:
            if listener.began:
                _summarize(listener, wanted, form)
    if devices.found < (wanted.count or bool(wanted.filters)):
        sought = f"{wanted.count} devices" if wanted.count > 1 else "No device"
        fits = " that fits" * bool(wanted.filters)
        verb = "were not" if wanted.count > 1 else "was"
        raise Failure(f"{sought}{fits} {verb} heard in {listener.now_s:.1f} s.", Exit.NOT_FOUND)


def _shower(devices: Devices, form: _Form, where: str) -> Shower:
    """Return what shows the devices in the form that is wanted, or that fits the output."""
    from bleio.cli.scanning.lines import ChangeLines, PacketLines
    from bleio.cli.scanning.objects import PacketObjects
    from bleio.cli.shared.output import is_live

    if form.as_json:
        return PacketObjects(devices, raw=form.raw)
    if form.raw:
        return PacketLines(devices, where)
    if form.lines or not is_live():
        return ChangeLines(devices, where)
    from bleio.cli.scanning.table import LiveTable

    return LiveTable(devices, where, form.sort)


def _recording(path: str, where: str) -> ScanRecording:
    from bleio.cli.scanning.recording import ScanRecording

    try:
        return ScanRecording(path, where)
    except OSError as error:
        raise click.ClickException(unusable(error)) from None


def _summarize(listener: Listener, wanted: _Wanted, form: _Form) -> None:
    """Say what came of it: an object among others, or a line on standard error."""
    from bleio.cli.scanning.lines import summary_text
    from bleio.cli.scanning.objects import summary_object
    from bleio.cli.shared.output import print_json, say

    told = (listener.devices, listener.now_s, listener.dropped)
    if form.as_json:
        print_json(summary_object(*told))
        return
    say(summary_text(*told))
    if wanted.record is not None:
        say(f"Recorded to {wanted.record}; bleio decode {shlex.quote(wanted.record)} shows it.")
