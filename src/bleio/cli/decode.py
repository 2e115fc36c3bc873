"""`bleio decode FILE`: prints the packets of a capture file in words, a line each.

For those that have no packet analyser at hand, and for scripts (`--json`). The file is read as it
comes, so a capture that is still written, a pipe, can be followed.
"""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click

from bleio.cli.options import unreadable

if TYPE_CHECKING:
    from bleio.decoding.records import Decoded

# Times of simulated worlds begin at 0, those of others in 1970: from this on, they are of others.
_REAL_TIMES_US = 10**15
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


@click.command()
@click.option("-v", "--verbose", is_flag=True, help="Show the octets of packets too.")
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print an object for each packet, none left out, instead of lines for people.",
)
@click.argument("file", type=click.Path(allow_dash=True))
def decode(file: str, verbose: bool, as_json: bool) -> None:
    """Print the packets of a capture FILE in words, one a line.

    Reads pcapng and pcap (link types 187, 201, 251 and 256) and btsnoop, from bleio, Wireshark,
    Android, BlueZ and others; - is standard input. What was heard more than once, such as empty
    packets and advertisements, is counted. LOST are packets that their receiver has not got.
    """
    from bleio.decoding.reading.files import decode as decoded, read
    from bleio.decoding.reading.source import CaptureError

    try:
        with _opened(file) as stream:
            packets = decoded(read(stream, _stem(file)))
            shown = _objects(packets) if as_json else _lines(packets, verbose, live=file == "-")
            for line in shown:
                click.echo(line)
    except CaptureError as error:
        raise click.ClickException(f"Cannot decode {file!r}: {error}.") from None
    except BrokenPipeError:
        raise  # nothing reads the output any more; click ends the command
    except OSError as error:
        raise click.ClickException(unreadable(error)) from None


def _opened(file: str) -> contextlib.AbstractContextManager[BinaryIO]:
    """Open the file. Raises: OSError."""
    if file == "-":
        return contextlib.nullcontext(sys.stdin.buffer)
    return open(file, "rb")


def _stem(file: str) -> str:
    return "host" if file == "-" else Path(file).stem


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


def _objects(packets: Iterable[Decoded]) -> Iterator[str]:
    for packet in packets:
        fields = asdict(packet)
        del fields["open_until_us"]
        fields["octets"] = packet.octets.hex()
        fields["details"] = dict(packet.details)
        yield json.dumps(fields)
