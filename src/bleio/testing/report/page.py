"""A world as one HTML file: a timeline of its devices, and all that happened, in words.

It is for a look at a failed run of some other machine: one file, without anything that has to be
fetched, made when the world has ended, from what was kept anyway. So it costs nothing while the
world runs, and it knows what is kept: the last 10,000 packets, and what devices printed.

`bleio.pages` has form and script; here is what they draw, as JSON. States are bars: a device runs,
from power to power cut or its end; scans, by its host's commands; advertises and has links, by the
packets on the air. The advertising of a device that sends nothing for a while (no antenna, no
power) therefore has a gap.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from bleio.decoding.records import ADVERTISING_ACCESS_ADDRESS, Decoded
from bleio.files import create
from bleio.pages.joining import as_script, joined
from bleio.pages.rows import Row, event_row, output_row, packet_row, time_of
from bleio.testing.air import history

if TYPE_CHECKING:
    from bleio.radio.air.radio import AirPdu
    from bleio.testing.device import Device
    from bleio.testing.world import World

# Two packets of an advertiser that are further apart belong to two bars: more than the longest
# interval of most programs, and less than a pause that somebody would see.
_ADVERTISING_GAP_US = 3_000_000

Bar = tuple[int, int, str, str]


def make_page(world: World, title: str, failure: str = "") -> str:
    """Return the page of a world as it is now. Args: failure: what went wrong."""
    packets = list(zip(sorted(world.packets, key=_began), world.decoded(), strict=True))
    devices = list(world.devices.values())
    places = {device.name: index for index, device in enumerate(devices)}
    end_us = round(world.now_s * 1e6)
    bars = _Bars(places, end_us)
    for device in devices:
        bars.add_history(device)
    bars.add_packets(packets)
    protocols = {decoded.protocol for _, decoded in packets}
    data = {
        "title": title,
        "about": _about(world, len(packets)),
        "failure": failure,
        "end_us": end_us,
        "protocols": sorted(protocols),
        "devices": [{"name": device.name, "bars": bars.of(device.name)} for device in devices],
        "rows": _rows(devices, places, packets),
    }
    return joined("report").replace("/*DATA*/", as_script(data))


def save_page(world: World, path: str | os.PathLike[str], title: str, failure: str = "") -> None:
    """Write the page to a file. Raises: OSError."""
    with open(create(path), "w", encoding="utf-8") as file:
        file.write(make_page(world, title, failure))


def _began(packet: AirPdu) -> int:
    return packet.time_us


def _about(world: World, shown: int) -> str:
    of = f"all {shown}" if shown == world.packet_count else f"the last {shown} of"
    packets = of if shown == world.packet_count else f"{of} {world.packet_count}"
    return f"{world.describe()} of simulated time; {packets} packets"


def _rows(
    devices: Sequence[Device],
    places: dict[str, int],
    packets: Iterable[tuple[AirPdu, Decoded]],
) -> list[Row]:
    rows: list[Row] = []
    for place, device in enumerate(devices):
        rows += (
            event_row(happened.time_us, place, happened.what, trouble=_is_trouble(happened.what))
            for happened in device.radio.history
            if happened.what not in (history.SCANS, history.SCANS_NO_MORE)
        )
        rows += (
            output_row(round(line.time_s * 1e6), place, line.text) for line in device.output.lines
        )
    rows += (packet_row(places, decoded) for _, decoded in packets)
    rows.sort(key=time_of)  # stable: of one moment, events, then output, then packets
    return rows


def _is_trouble(what: str) -> bool:
    return what.startswith(history.FAILED)


class _Bars:
    """The states of devices, as bars of the timeline."""

    def __init__(self, places: dict[str, int], end_us: int) -> None:
        self._end_us = end_us
        self._bars: dict[str, list[Bar]] = {name: [] for name in places}

    def of(self, name: str) -> list[Bar]:
        """Return those of a device."""
        return self._bars[name]

    def add_history(self, device: Device) -> None:
        """Add how long it ran and scanned."""
        bars = self._bars[device.name]
        events = list(device.radio.history)
        bars += _between(
            events, "running", {history.ON, history.RESET}, _ends_running, self._end_us
        )
        bars += _between(events, "scanning", {history.SCANS}, _ends_scanning, self._end_us)

    def add_packets(self, packets: Iterable[tuple[AirPdu, Decoded]]) -> None:
        """Add how long devices advertised and had links."""
        links: dict[int, tuple[int, int, dict[str, None]]] = {}
        advertised: dict[str, list[tuple[int, int]]] = {}
        for packet, decoded in packets:
            if packet.access_address == ADVERTISING_ACCESS_ADDRESS:
                if decoded.receiver == "":
                    _extend(advertised.setdefault(decoded.sender, []), decoded.time_us)
                continue
            since, _, ends = links.get(packet.access_address, (decoded.time_us, 0, {}))
            ends[decoded.sender] = None
            links[packet.access_address] = since, decoded.time_us, ends
        for name, spans in advertised.items():
            self._add(name, ((since, until, "advertising", "") for since, until in spans))
        for since, until, ends in links.values():
            for name in ends:
                others = " and ".join(other for other in ends if other != name)
                self._add(
                    name, [(since, until, "link", f"link with {others}" if others else "link")]
                )

    def _add(self, name: str, bars: Iterable[Bar]) -> None:
        if name in self._bars:
            self._bars[name] += bars


def _extend(spans: list[tuple[int, int]], time_us: int) -> None:
    """Add a moment to the last span, or a span if that is too long ago."""
    if spans and time_us - spans[-1][1] <= _ADVERTISING_GAP_US:
        spans[-1] = spans[-1][0], time_us
    else:
        spans.append((time_us, time_us))


def _ends_running(what: str) -> bool:
    return what in (history.OFF, history.ENDED, history.RESET) or what.startswith(history.FAILED)


def _ends_scanning(what: str) -> bool:
    return what == history.SCANS_NO_MORE or _ends_running(what)


def _between(
    events: Sequence[history.Happened], kind: str, begins: set[str], ends: Any, end_us: int
) -> Iterator[Bar]:
    since: int | None = None
    for time_us, what in events:
        if since is not None and ends(what):
            yield since, time_us, kind, ""
            since = None
        if since is None and what in begins:
            since = time_us
    if since is not None:
        yield since, end_us, kind, ""
