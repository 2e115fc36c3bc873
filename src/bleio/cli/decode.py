"""`bleio decode FILE`: prints the packets of a capture file in words, a line each.

For those that have no packet analyser at hand, and for scripts (`--json`). The file is read as it
comes, so a capture that is still written, a pipe, can be followed.
"""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import BinaryIO

import click

from bleio.cli.shared.options import json_option
from bleio.cli.shared.packets import print_packets
from bleio.cli.shared.paths import unreadable


@click.command()
@click.option("-v", "--verbose", is_flag=True, help="Show the octets of packets too.")
@json_option("decode")
@click.argument("file", type=click.Path(allow_dash=True))
def decode(file: str, verbose: bool, as_json: bool) -> None:
    """Print the packets of a capture FILE in words, one a line.

    Reads pcapng and pcap (link types 187, 201, 251 and 256) and btsnoop, from bleio, Wireshark,
    Android, BlueZ and others; - is standard input. What was heard more than once, such as empty
    packets and advertisements, is counted; with --json each is an object. LOST are packets that
    their receiver has not got.
    """
    from bleio.decoding.reading.source import CaptureError

    host, live = ("host", True) if file == "-" else (Path(file).stem, False)
    try:
        with _opened(file) as stream:
            print_packets(stream, host, verbose=verbose, as_json=as_json, live=live)
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
