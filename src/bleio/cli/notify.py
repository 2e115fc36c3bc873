"""`bleio notify ADDRESS|NAME CHARACTERISTIC...`: what a device sends by itself, as it comes.

One task for each characteristic takes its values and prints them; each print goes out at once, also
into a pipe. What comes faster than it can be printed waits in a bounded buffer, of which the oldest
is dropped; how many were is said at the end, by however it ends.
"""

from __future__ import annotations

import asyncio
import datetime
import time
from dataclasses import dataclass, field
from typing import Any

import click

from bleio import aio
from bleio.cli.devices.acts import (
    check_subscribable,
    indicates,
    is_subscribable,
    learn_presentation,
)
from bleio.cli.devices.choosing import choose, label
from bleio.cli.devices.connecting import Device, gone
from bleio.cli.devices.options import Wanted, device_command, device_of
from bleio.cli.devices.showing import (
    decoded,
    device_fields,
    place_fields,
    row_fields,
    value_fields,
    value_line,
)
from bleio.cli.devices.table import CharacteristicRow, Table, read_table
from bleio.cli.shared.exits import Exit, Failure
from bleio.cli.shared.options import complete_characteristics, json_option
from bleio.cli.shared.output import print_json, print_line, say
from bleio.cli.shared.running import finish
from bleio.cli.shared.times import Duration
from bleio.decoding.octets import counted

_BUFFER_VALUES = 1_024


@click.command()
@device_command
@click.argument(
    "characteristics",
    metavar="CHARACTERISTIC...",
    nargs=-1,
    required=True,
    shell_complete=complete_characteristics,
)
@click.option("--count", type=click.IntRange(1), metavar="N", help="End after N values in all.")
@click.option(
    "--for",
    "--duration",
    "limit_s",
    type=Duration(),
    metavar="TIME",
    help="End after so long, such as 10s; with --count it is a failure if fewer values came.",
)
@click.option("--indicate", is_flag=True, help="Ask for indications where there is a choice.")
@json_option("notify")
def notify(
    wanted: Wanted,
    characteristics: tuple[str, ...],
    count: int | None,
    limit_s: float | None,
    indicate: bool,
    as_json: bool,
) -> None:
    """Show the values that a device sends by itself: its notifications and indications.

    CHARACTERISTIC is as for `bleio read`; there may be several. Each value is a line with this
    computer's time. It goes on until Ctrl-C, --count or --for; if the device goes, it ends with
    exit code 5.
    """
    finish(_notify(wanted, characteristics, _Show(as_json, count, indicate), limit_s))


@dataclass
class _Show:
    """Prints what comes, and knows when it is enough."""

    as_json: bool
    count: int | None
    indicate: bool
    names: bool = False  # whether lines say which characteristic it is
    values: int = 0
    began_s: float = field(default_factory=time.monotonic)
    listening: list[aio.Values] = field(default_factory=list)

    @property
    def is_over(self) -> bool:
        return self.count is not None and self.values >= self.count

    @property
    def dropped(self) -> int:
        return sum(each.dropped for each in self.listening)

    def subscribed(self, device: Device, row: CharacteristicRow, indications: bool) -> None:
        if self.as_json:
            fields = {**device_fields(device.heard), **place_fields(row, row)}
            print_json({"event": "subscribed", **fields, "indications": indications})
        else:
            say(f"Listening to {label(row)} of {device}; Ctrl-C ends it.")

    def value(self, row: CharacteristicRow, octets: bytes) -> None:
        if self.is_over:
            return  # of another characteristic, in the same moment
        self.values += 1
        now, seconds = datetime.datetime.now().astimezone(), time.monotonic() - self.began_s
        said = decoded(row, octets)
        if self.as_json:
            print_json(
                {
                    "event": "value",
                    "time": now.isoformat(),
                    "seconds": round(seconds, 6),
                    "characteristic": row_fields(row),
                    **value_fields(said, octets),
                }
            )
        else:
            name = f"{label(row)}: " if self.names else ""
            print_line(
                f"{now:%H:%M:%S}.{now.microsecond // 1000:03}  {name}{value_line(said, octets)}"
            )

    def ended(self, reason: str) -> None:
        if self.as_json:
            fields: dict[str, Any] = {"values": self.values, "dropped": self.dropped}
            print_json({"event": "ended", **fields, "reason": reason})
        elif self.dropped:
            say(f"{counted(self.dropped, 'value')} came too fast to be shown.")


async def _notify(
    wanted: Wanted, texts: tuple[str, ...], show: _Show, limit_s: float | None
) -> None:
    async with device_of(wanted) as device:
        table = await read_table(device.connection)
        rows = _chosen(device, table, texts)
        for row in rows:
            await learn_presentation(row)
        show.names = len(rows) > 1
        show.began_s = time.monotonic()
        reason = "interrupted"
        try:
            reason = await _listened(device, rows, show, limit_s)
        finally:
            show.ended(reason)
        if reason == "gone":
            raise gone(device)
    if reason == "time" and show.count is not None:
        raise Failure(
            f"{counted(show.values, 'value')} of {show.count} came within {limit_s:g} s.",
            Exit.FAILED,
        )


def _chosen(device: Device, table: Table, texts: tuple[str, ...]) -> list[CharacteristicRow]:
    """Return the characteristics, each once. Raises: NotFound, Refused."""
    rows: list[CharacteristicRow] = []
    for text in texts:
        row = choose(table, text, is_subscribable)
        checked = check_subscribable(device, row)
        if checked not in rows:
            rows.append(checked)
    return rows


async def _listened(
    device: Device, rows: list[CharacteristicRow], show: _Show, limit_s: float | None
) -> str:
    """Listen until it is enough. Returns: why it is."""
    tasks = [asyncio.ensure_future(_listen(device, row, show)) for row in rows]
    try:
        done, _ = await asyncio.wait(tasks, timeout=limit_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()  # raises what it has raised
    return "count" if show.is_over else "gone" if done else "time"


async def _listen(device: Device, row: CharacteristicRow, show: _Show) -> None:
    """Print values until there were enough, or the link is gone."""
    indicate = indicates(row, show.indicate)
    values = aio.notifications(row.characteristic, indicate=indicate, buffer_size=_BUFFER_VALUES)
    show.listening.append(values)
    async with values:
        show.subscribed(device, row, indicate)
        async for octets in values:
            show.value(row, octets)
            if show.is_over:
                return
