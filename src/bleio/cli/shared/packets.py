"""Packets in words on standard output: lines for people, or an object for each."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, BinaryIO

import click

if TYPE_CHECKING:
    from bleio.decoding.records import Decoded

# Times of simulated worlds begin at 0, those of others in 1970: from this on, they are of others.
_REAL_TIMES_US = 10**15
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def print_packets(
    file: BinaryIO, host: str, *, verbose: bool, as_json: bool, live: bool = False
) -> None:
    """Print what is in a capture, as it comes.

    Args:
        host: what to call a host that has no name in the file.
        live: somebody watches, and should wait for no line.
    Raises: CaptureError; OSError.
    """
    from bleio.decoding.reading.files import decode, read

    packets = decode(read(file, host))
    for line in _objects(packets) if as_json else _lines(packets, verbose, live=live):
        click.echo(line)


def _objects(packets: Iterable[Decoded]) -> Iterator[str]:
    from bleio.decoding.objects import packet_fields

    for packet in packets:
        yield json.dumps(packet_fields(packet))


def _lines(packets: Iterable[Decoded], verbose: bool, *, live: bool) -> Iterator[str]:
    """Make lines, with times from the first packet on where they are of the real world."""
    from bleio.decoding.lines import WATCHED_US, lines

    longest_us = WATCHED_US if live else 0
    return lines(_from_the_first(packets), verbose=verbose, longest_us=longest_us)


def _from_the_first(packets: Iterable[Decoded]) -> Iterator[Decoded]:
    first_us: int | None = None
    for packet in packets:
        if first_us is None:
            first_us = packet.time_us if packet.time_us >= _REAL_TIMES_US else 0
            if first_us:
                click.echo(f"The first packet is of {_date(first_us)}.", err=True)
        packet.time_us -= first_us
        yield packet


def _date(time_us: int) -> str:
    try:
        return f"{_EPOCH + timedelta(microseconds=time_us):%Y-%m-%d %H:%M:%S} UTC"
    except (OverflowError, ValueError):
        return f"second {time_us // 1_000_000} since 1970"
