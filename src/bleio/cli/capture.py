"""`bleio capture [FILE]`: records what is on the air of a shared simulated radio.

A simulated radio can be watched as no real one can: all that its devices send, in the order of
time, for as many as like to. What a real controller tells its host is less, and the host's alone;
where that can be had is said then.
"""

from __future__ import annotations

import os
import shlex
import sys

import click

from bleio.cli.shared.options import adapter_option, json_option
from bleio.cli.shared.paths import unusable
from bleio.cli.shared.times import Duration

_BTSNOOP = (".btsnoop", ".log", ".cfa")


@click.command()
@adapter_option
@click.option(
    "--duration", "duration_s", type=Duration(), metavar="TIME", help="End after 10s, 5min, ..."
)
@click.option("--count", type=click.IntRange(1), metavar="N", help="End after N packets.")
@click.option("--decipher", is_flag=True, help="Record encrypted packets in clear text.")
@click.option("-q", "--quiet", is_flag=True, help="Print no lines; FILE has the packets.")
@click.option("-v", "--verbose", is_flag=True, help="Print the octets of packets too.")
@json_option("capture")
@click.argument("file", required=False, type=click.Path(dir_okay=False, allow_dash=True))
def capture(
    adapter: str | None,
    duration_s: float | None,
    count: int | None,
    decipher: bool,
    quiet: bool,
    verbose: bool,
    as_json: bool,
    file: str | None,
) -> int:
    """Record all packets on the air of a simulated radio that programs share.

    They go to FILE, in pcapng for Wireshark, and as lines to standard output, as bleio decode
    prints them. With - for FILE they go to standard output in pcapng, and no lines:

    \b
        bleio capture --adapter virtual:desk - | wireshark -k -i -

    Ends with Ctrl-C, and leaves a whole file. What a program says to a controller of its own is
    recorded by bleio run --capture FILE PROGRAM.
    """
    from bleio.cli.shared.adapters import adapter_string

    if file == "-" and (as_json or verbose):
        raise click.UsageError("with - packets go to standard output; --json and -v are for lines")
    if file is None and quiet:
        raise click.UsageError("-q prints nothing, so it needs a FILE")
    if file is not None and file.endswith(_BTSNOOP):
        raise click.UsageError("btsnoop is for HCI; packets of the air go to such as air.pcapng")
    if file == "-" and sys.stdout.isatty():
        raise click.UsageError("pcapng is not for a terminal; name a file, or a pipe behind -")
    name = _radio_of(adapter_string(adapter), file)
    lines = file != "-" and not quiet
    try:
        return _record(name, file, lines, decipher, count, duration_s, verbose, as_json)
    except BrokenPipeError:
        raise  # nothing reads the output any more; click ends the command
    except OSError as error:
        raise click.ClickException(unusable(error)) from None


def _radio_of(adapter: str, file: str | None) -> str:
    """Return the name of the radio. Raises: Failure with what else can be done."""
    from bleio.cli.capturing.elsewhere import refuse

    kind, _, name = adapter.partition(":")
    if kind == "virtual" and name:
        return name
    raise refuse(adapter, file)


def _record(
    name: str,
    file: str | None,
    lines: bool,
    decipher: bool,
    count: int | None,
    duration_s: float | None,
    verbose: bool,
    as_json: bool,
) -> int:
    """Record. Returns: the exit code. Raises: OSError."""
    from bleio.cli.capturing.air import Ended, Recording
    from bleio.cli.capturing.sinks import FileSink, LineSink
    from bleio.cli.shared.exits import Exit
    from bleio.cli.shared.output import say
    from bleio.cli.shared.running import finish

    sinks: list[FileSink] = [FileSink(file)] if file is not None else []
    printer = LineSink(verbose=verbose, as_json=as_json) if lines else None
    if printer is not None:
        sinks.append(printer)
    recording = Recording(name, sinks, decipher=decipher, count=count, duration_s=duration_s)
    code: int = Exit.DONE
    try:
        if finish(recording.run()) is Ended.RADIO:
            say(f"The radio virtual:{name} has ended.")
            if count is not None or duration_s is not None:
                code = Exit.GONE
    except KeyboardInterrupt:
        code = Exit.INTERRUPTED
    finally:
        for sink in sinks:
            sink.close()
    say(_summary(recording.blocks.packets, recording.blocks.missing, file))
    if printer is not None and printer.is_stuck:
        os._exit(code)  # Python would wait for standard output, which nobody reads
    return code


def _summary(packets: int, missing: int, file: str | None) -> str:
    text = "1 packet" if packets == 1 else f"{packets} packets"
    if missing:
        text += f"; {missing} more were not read fast enough, and are missing"
    if file is None or file == "-":
        return f"{text}."
    return f"{text} in {file}. To look at them:  {shlex.join(['bleio', 'decode', file])}"
