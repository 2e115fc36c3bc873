"""`bleio advertise`: a beacon, or a peripheral that others can connect to, until Ctrl-C.

What is advertised is made of options, or given as octets. Who connects is told, and it advertises
again when that link has ended.
"""

from __future__ import annotations

import asyncio
from typing import Any

import click

from bleio import aio
from bleio.api import Adapter, Address, Connection
from bleio.backends.tasks import abandon
from bleio.cli.broadcasting import Broadcast, made_of
from bleio.cli.shared.adapters import adapter_string, chosen_adapter
from bleio.cli.shared.fields import address_fields, address_text
from bleio.cli.shared.options import (
    NumberRange,
    adapter_option,
    complete_services,
    json_option,
    pairing_option,
)
from bleio.cli.shared.output import print_json, print_line, say, shown
from bleio.cli.shared.running import finish
from bleio.cli.shared.times import Duration
from bleio.core import words
from bleio.decoding.octets import counted

_LOOK_S = 0.5  # how often to see whether it still advertises, which has no bell


@click.command()
@adapter_option
@pairing_option
@click.option("--name", metavar="NAME", help="The name.  [default: the adapter's]")
@click.option("--no-name", is_flag=True, help="Advertise no name.")
@click.option(
    "--service",
    "services",
    multiple=True,
    metavar="SERVICE",
    shell_complete=complete_services,
    help='A service: "heart rate", 180d or a whole UUID. May be repeated.',
)
@click.option(
    "--manufacturer",
    "manufacturers",
    multiple=True,
    metavar="COMPANY:VALUE",
    help="Data of a company: 0x004c:0215..., or a part of its name. May be repeated.",
)
@click.option(
    "--service-data",
    "service_data",
    multiple=True,
    metavar="SERVICE:VALUE",
    help="Data of a service, such as 180f:u8:87. May be repeated.",
)
@click.option(
    "--appearance",
    type=click.IntRange(0, 0xFFFF),
    metavar="N",
    help="What it looks like, by its assigned number, such as 832.",
)
@click.option("--data", metavar="OCTETS", help="All that is advertised, as octets in hexadecimal.")
@click.option(
    "--scan-response", metavar="OCTETS", help="What scanners that ask are told beside --data."
)
@click.option(
    "--connectable/--not-connectable", default=True, help="Take connections, or be a beacon."
)
@click.option("--extended", is_flag=True, help="Allow more than 31 octets, which Bluetooth 5 has.")
@click.option(
    "--interval",
    "interval_ms",
    type=NumberRange(20, 10_240),
    default=100.0,
    show_default=True,
    metavar="MS",
    help="Milliseconds from one packet to the next.",
)
@click.option(
    "--tx-power",
    type=click.IntRange(-127, 20),
    default=0,
    metavar="DBM",
    help="How strong, if the controller can choose.  [default: 0]",
)
@click.option(
    "--duration",
    "--timeout",
    "limit_s",
    type=Duration(),
    metavar="TIME",
    help="End after so long, such as 10s or 5min.  [default: at Ctrl-C]",
)
@json_option("advertise")
def advertise(
    adapter: str | None,
    pairing: str | None,
    connectable: bool,
    interval_ms: float,
    tx_power: int,
    limit_s: float | None,
    as_json: bool,
    **content: Any,
) -> None:
    """Advertise: as a beacon, or as a peripheral that says who connects.

    VALUE is octets in hexadecimal, text, or numbers with their type (u16:1000), as for `bleio
    write`. What does not fit into 31 octets, of the name alone, goes into the scan response.
    """
    broadcast = made_of(connectable=connectable, **content)
    options = {
        "scan_response": broadcast.scan_response or None,
        "connectable": connectable,
        "interval": interval_ms / 1000,
        "tx_power": tx_power,
    }
    show = _Show(as_json, adapter_string(adapter), broadcast, interval_ms, connectable)
    finish(_advertise(chosen_adapter(adapter, pairing), broadcast, options, show, limit_s))


class _Show:
    """Says what happens."""

    def __init__(
        self, as_json: bool, where: str, broadcast: Broadcast, interval_ms: float, links: bool
    ) -> None:
        self._as_json = as_json
        self._where = where
        self._broadcast = broadcast
        self._interval_ms = interval_ms
        self._links = links
        self.connections = 0

    def started(self, own: dict[str, str]) -> None:
        sent = self._broadcast
        if self._as_json:
            print_json(
                {
                    "event": "started",
                    **own,
                    "octets": sent.data.hex(),
                    "scan_response_octets": sent.scan_response.hex(),
                    "connectable": self._links,
                    "interval_ms": self._interval_ms,
                }
            )
            return
        octets = counted(len(sent.data) + len(sent.scan_response), "octet")
        name = f'"{shown(sent.name)}" ' if sent.name else ""
        address = f"({own['address']}) " if own else ""
        kind = "" if self._links else ", without connections"
        say(
            f"Advertising {name}{address}on {self._where}: {octets} every"
            f" {self._interval_ms:g} ms{kind}; Ctrl-C ends it."
        )

    def connected(self, link: Connection) -> None:
        self.connections += 1
        address = peer_of(link)
        if self._as_json:
            print_json({"event": "connected", "device": address_fields(address)})
        else:
            print_line(f"+ {address_text(address)} has connected")

    def disconnected(self, link: Connection, reason: int) -> None:
        address = peer_of(link)
        if self._as_json:
            fields = {"device": address_fields(address), "reason": reason}
            print_json({"event": "disconnected", **fields, "reason_name": words.hci_error(reason)})
        else:
            why = f" ({words.hci_error(reason)}, 0x{reason:02x})" if reason else ""
            print_line(f"- {address_text(address)} has left{why}")

    def ended(self, reason: str) -> None:
        if self._as_json:
            print_json({"event": "ended", "connections": self.connections, "reason": reason})


async def _advertise(
    adapter: Adapter,
    broadcast: Broadcast,
    options: dict[str, Any],
    show: _Show,
    limit_s: float | None,
) -> None:
    if broadcast.name:
        adapter.name = broadcast.name
    elif broadcast.takes_name:
        broadcast.add_name(await aio.name(adapter))
        options["scan_response"] = broadcast.scan_response or None
    await aio.start_advertising(adapter, broadcast.data, **options)
    show.started(await _own_address(adapter))
    task = asyncio.ensure_future(_serve(adapter, broadcast.data, options, show))
    reason = "interrupted"
    try:
        await asyncio.wait({task}, timeout=limit_s)
        reason = "time"
        if task.done():
            reason = "lost"
            task.result()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        if adapter.enabled:
            await aio.stop_advertising(adapter)
            for link in adapter.connections:
                await aio.disconnect(link)
        show.ended(reason)


async def _serve(adapter: Adapter, data: bytes, options: dict[str, Any], show: _Show) -> None:
    """Tell of each link, and advertise again when it has ended. Raises: what advertising raises."""
    links = aio.connections(adapter)
    while True:
        coming = asyncio.ensure_future(anext_of(links))
        try:
            while not coming.done():
                await asyncio.wait({coming}, timeout=_LOOK_S)
                if not (coming.done() or adapter.advertising or adapter.connected):
                    # Somebody came and left in a moment, or the adapter is lost, which this says.
                    await aio.start_advertising(adapter, data, **options)
        finally:
            abandon(coming)
        link = coming.result()
        show.connected(link)
        show.disconnected(link, await aio.disconnected(link))
        await aio.start_advertising(adapter, data, **options)


async def anext_of(links: Any) -> Connection:
    """Return the next one; `anext` cannot be given to a task."""
    link: Connection = await links.__anext__()
    return link


async def _own_address(adapter: Adapter) -> dict[str, str]:
    """Return the own address; nothing where the system does not tell it."""
    try:
        return address_fields(await aio.address(adapter))
    except NotImplementedError:
        return {}


def peer_of(link: Connection) -> Address:
    """Return whose link it is."""
    return Address._on_air(link._link.peer)
