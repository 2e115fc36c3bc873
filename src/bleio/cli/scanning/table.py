"""The table of a scan that lives: as wide and as high as the terminal is at this moment.

It is drawn on the terminal's other screen, which has no lines above that a change of size could
push about; when the scan ends, the last state stays on the usual one. Each line is cut to its
columns here, since only so is it known how many rows there are: names may be wide, empty or bad.

What columns there are goes by the width. Those that must be are shown at any; the others come in
the order of `_COLUMNS` as long as there is room, and what is left over makes names and services
wider. The design is for 80 columns, which have all of them.
"""

from __future__ import annotations

import os
import sys
from collections import deque
from collections.abc import Callable, Container, Iterator, Sequence
from typing import Any, NamedTuple

from rich.console import Group
from rich.live import Live
from rich.text import Text

from bleio.api import Address, ScanEntry
from bleio.cli.ending import ENDING
from bleio.cli.scanning.device import HISTORY, Device
from bleio.cli.scanning.devices import Devices
from bleio.cli.scanning.lines import says_text
from bleio.cli.shared.log import HeldLog
from bleio.cli.shared.output import shown, stdout_console
from bleio.core.advertising_fields import AdvertisingFields
from bleio.decoding.octets import counted

_BARS, _PLAIN_BARS = "▁▂▃▄▅▆▇█", "_.-:=+*#"
_WEAK_DBM, _STRONG_DBM = -95, -40  # the ends of the bars
_GOOD_DBM, _FAIR_DBM = -60, -80  # from there on green, yellow
_NEW_S = 5.0  # for which a device counts as new
_MOST_ROWS = 50  # of the table that stays
_WIDEST_NAME = 28
_USUAL_SCREEN = b"\x1b[?25h\x1b[?1049l"  # with a cursor
_TYPES = {
    Address.PUBLIC: "public",
    Address.RANDOM_STATIC: "static",
    Address.RANDOM_PRIVATE_RESOLVABLE: "resolv",
    Address.RANDOM_PRIVATE_NON_RESOLVABLE: "nonres",
}
_SAYS, _TREND = "Services/maker", "Trend"

Key = Callable[[Device], Any]
SORTS: dict[str, Key] = {
    "rssi": lambda device: -device.smooth_dbm,
    "name": lambda device: (not device.name, device.name.casefold(), device.address_text),
    "address": lambda device: device.address_text,
    "rate": lambda device: -device.rate(device.last_s),
    "seen": lambda device: -device.last_s,
    "first": lambda device: device.first_s,
}


class _Look(NamedTuple):
    """What a cell may depend on beside its device."""

    now_s: float
    bars: str
    width: int


class _Column(NamedTuple):
    title: str
    width: int
    cell: Callable[[Device, _Look], Text]
    must: bool = False
    right: bool = False


def _mark(device: Device, look: _Look) -> Text:
    if device.gone:
        return Text("-")
    new = device.told_s >= 0 and look.now_s - device.first_s < _NEW_S
    return Text("+", style="bold green") if new or device.told_s < 0 else Text(" ")


def _strength(device: Device, look: _Look) -> Text:
    rssi_dbm = device.rssi_dbm
    if rssi_dbm is None:
        return Text("?")
    colour = "red" if rssi_dbm < _FAIR_DBM else "yellow" if rssi_dbm < _GOOD_DBM else "green"
    return Text(str(rssi_dbm), style=colour)


def _history(device: Device, look: _Look) -> Text:
    return Text("".join(look.bars[_height(each)] for each in list(device.history)[-look.width :]))


def _height(rssi_dbm: float) -> int:
    part = (rssi_dbm - _WEAK_DBM) / (_STRONG_DBM - _WEAK_DBM)
    return max(0, min(len(_BARS) - 1, int(part * len(_BARS))))


def _seen(device: Device, look: _Look) -> Text:
    return Text(_age(look.now_s - device.last_s))


def _age(seconds: float) -> str:
    if seconds < 1:
        return "now"
    if seconds < 100:
        return f"{seconds:.0f}s"
    return f"{seconds / 60:.0f}m" if seconds < 6_000 else f"{seconds / 3600:.0f}h"


def _says(device: Device, look: _Look) -> Text:
    return Text(shown(says_text(device).replace(" Service", ""), 400))


# In the order in which there is room for them; shown in the order of `_PLACES`.
_COLUMNS = (
    _Column("", 1, _mark, must=True),
    _Column("Address", 17, lambda device, look: Text(device.address_text), must=True),
    _Column("dBm", 4, _strength, must=True, right=True),
    _Column("Name", 13, lambda device, look: Text(shown(device.name)), must=True),
    _Column(_SAYS, 14, _says),
    _Column("C", 1, lambda device, look: Text("C" if device.connectable else "")),
    _Column("Type", 6, lambda device, look: Text(_TYPES[device.address.type])),
    _Column("/s", 3, lambda device, look: Text(f"{device.rate(look.now_s):.0f}"), right=True),
    _Column("Seen", 4, _seen, right=True),
    _Column(_TREND, 6, _history),
)
_PLACES = ("", "Address", "Type", "C", "Name", "dBm", _TREND, "/s", "Seen", _SAYS)


class LiveTable:
    """Shows the table while the scan goes on; what is there at its end stays on the terminal."""

    def __init__(self, devices: Devices, where: str, sort: str) -> None:
        self._devices, self._where, self._key = devices, where, SORTS[sort]
        self._console = stdout_console()
        self._live = Live(
            console=self._console,
            screen=True,
            auto_refresh=False,
            redirect_stdout=False,
            redirect_stderr=False,
            vertical_overflow="crop",
        )
        self._log = HeldLog()
        self._hint = ""
        self._now_s = 0.0

    def begin(self) -> None:
        """Show the first, empty one."""
        self._log.begin()
        ENDING.undo.append(_leave_screen)
        self._live.start()
        self._draw()

    def heard(
        self, entry: ScanEntry, device: Device, fields: AdvertisingFields, now_s: float
    ) -> None:
        """It is drawn at the next tick."""

    def tick(self, now_s: float) -> None:
        """Draw."""
        self._take(now_s, last=False)
        self._draw()

    def end(self, now_s: float) -> None:
        """Leave the other screen, and print the last state on the usual one."""
        self._take(now_s, last=True)
        self._live.stop()
        ENDING.undo.remove(_leave_screen)
        if len(self._devices):
            for line in self._rows(self._console.width, _MOST_ROWS):
                self._console.print(line, soft_wrap=True)
        self._log.end()

    def hint(self, text: str) -> None:
        """Show it below the table from now on, until something is heard."""
        self._hint = text

    def _take(self, now_s: float, *, last: bool) -> None:
        self._now_s = now_s
        deque(self._devices.changes(now_s, settled=last), maxlen=0)

    def _draw(self) -> None:
        width, height = self._console.size
        head, foot = self._head(width), self._foot(width)
        rows = self._rows(width, max(1, height - len(head) - len(foot) - 1))
        self._live.update(Group(*head, *rows, *foot), refresh=True)

    def _head(self, width: int) -> list[Text]:
        devices = self._devices
        dropped = f" ({devices.dropped} dropped)" if devices.dropped else ""
        told = [f"Scan on {self._where}", f"{self._now_s:.0f} s"]
        others = f" and {devices.others} that do not fit" if devices.others else ""
        told.append(counted(len(devices), "device") + others + dropped)
        told.append(counted(devices.packets, "packet"))
        return [_fit(Text(", ".join(told), style="bold"), width - 1), Text("")]

    def _foot(self, width: int) -> list[Text]:
        keys = Text("C takes connections, + new, - gone. Ctrl-C ends.", style="dim")
        lines = [Text(""), _fit(keys, width - 1)]
        if self._hint and not self._devices.packets:
            lines[:0] = [Text(""), *Text(self._hint).wrap(self._console, max(1, width - 1))]
        return lines

    def _rows(self, width: int, most: int) -> list[Text]:
        """Return the heads of columns and the devices, sorted; and how many found no room."""
        columns = _chosen(width)
        bars = _BARS if self._can_show(_BARS) else _PLAIN_BARS
        look = _Look(self._now_s, bars, 0)
        devices = sorted(self._devices, key=lambda each: (each.gone, self._key(each)))
        rows = [_line(columns, [Text(each.title, style="bold") for each in columns])]
        room = most if len(devices) <= most else max(0, most - 1)
        rows += [_row(columns, device, look) for device in devices[:room]]
        if (more := len(devices) - room) > 0:
            rows.append(_fit(Text(f"... and {more} more", style="dim"), width))
        return rows

    def _can_show(self, text: str) -> bool:
        try:
            text.encode(self._console.encoding)
        except (UnicodeEncodeError, LookupError):
            return False
        return True


def _leave_screen() -> None:
    """Do what can be done at any moment, also in the middle of drawing."""
    os.write(sys.stdout.fileno(), _USUAL_SCREEN)


def _row(columns: Sequence[_Column], device: Device, look: _Look) -> Text:
    row = _line(
        columns, [column.cell(device, look._replace(width=column.width)) for column in columns]
    )
    if device.gone:
        row.stylize("dim")
    return row


def _line(columns: Sequence[_Column], cells: Sequence[Text]) -> Text:
    """Put cells beside each other, each exactly as wide as its column."""
    line = Text(no_wrap=True)
    for index, (column, cell) in enumerate(zip(columns, cells, strict=True)):
        cell.truncate(column.width, overflow="ellipsis")
        pad = column.width - cell.cell_len
        line.append(" " * (index > 0))
        line.append(" " * (pad if column.right else 0))
        line.append_text(cell)
        line.append(" " * (0 if column.right else pad))
    line.rstrip()
    return line


def _fit(line: Text, width: int) -> Text:
    line.truncate(width, overflow="ellipsis")
    return line


def _chosen(width: int) -> list[_Column]:
    """Return the columns that a width has room for, in their places."""
    chosen: dict[str, _Column] = {}
    left = width - 1  # a terminal may break a line that fills it
    for column in _COLUMNS:
        if column.must or left > column.width:
            chosen[column.title] = column
            left -= column.width + 1
    for title, wider in _shares(left, chosen):
        column = chosen[title]
        chosen[title] = column._replace(width=max(1, column.width + wider))
    return [chosen[title] for title in _PLACES if title in chosen]


def _shares(left: int, chosen: Container[str]) -> Iterator[tuple[str, int]]:
    """Yield which column becomes wider, and by how much; a negative one becomes narrower."""
    if left < 0 or _SAYS not in chosen:
        yield "Name", left
        return
    name = min(left // 3, _WIDEST_NAME - 13)
    history = min(left // 6, HISTORY - 6) if _TREND in chosen else 0
    if history:
        yield _TREND, history
    yield "Name", name
    yield _SAYS, left - name - history
