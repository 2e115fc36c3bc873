"""`bleio sim PROGRAM...`: runs programs as devices of one simulated world.

All that it does is a `testing.World`; the options are the arguments of that, one by one, and the
exit code is 0 if all programs ended well, else that of the first that did not. The result goes to
standard output and is the same each time; what is about this run, such as how far it is, goes to
standard error.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from bleio.cli.page import WebCommand, web_options
from bleio.cli.shared.options import json_option
from bleio.cli.shared.running import ending_in_order
from bleio.cli.worlds import (
    FOR_EVER_S,
    Duration,
    FaultText,
    air_options,
    check_air,
    place_options,
    programs_argument,
    promise_options,
    put,
)

if TYPE_CHECKING:
    from bleio.testing.faults.fault import Fault
    from bleio.testing.hunt.promise import ListeningWorld, Promise
    from bleio.testing.live import Telling
    from bleio.testing.world import World
    from bleio.web.address import PageAddress
    from bleio.web.worlds.page import WorldPage


@click.command(cls=WebCommand)
@click.option(
    "--for",
    "for_s",
    type=Duration(),
    metavar="TIME",
    help="How much simulated time, such as 60s or 1h.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of all that is random.")
@air_options
@place_options
@click.option(
    "--fault",
    "faults",
    type=FaultText(),
    multiple=True,
    metavar="FAULT",
    help="What breaks, such as 'drop sensor @1.25s'; several times for several faults.",
)
@promise_options
@click.option(
    "--capture",
    type=click.Path(dir_okay=False, writable=True),
    metavar="FILE",
    help="Write all packets on the air to a pcapng file, for Wireshark.",
)
@click.option(
    "--hci-capture",
    type=click.Path(file_okay=False),
    metavar="FOLDER",
    help="Write what each device and its controller say over HCI, to one btsnoop file for each.",
)
@click.option(
    "--decipher", is_flag=True, help="Write encrypted packets to the --capture in clear text."
)
@click.option(
    "--keys",
    type=click.Path(dir_okay=False, writable=True),
    metavar="FILE",
    help="Write the long term keys of encrypted links to a text file.",
)
@click.option(
    "--report",
    type=click.Path(dir_okay=False, writable=True),
    metavar="FILE.html",
    help="Write a page with a timeline of devices and packets in words, for a browser.",
)
@click.option(
    "--trace", is_flag=True, help="Show what devices say on the air too, in words and by names."
)
@click.option("-v", "--verbose", is_flag=True, help="With --trace: show the octets of packets too.")
@click.option("--real-time", is_flag=True, help="Let simulated time pass as fast as real time.")
@click.option("--full-trace", is_flag=True, help="Show frames of bleio in tracebacks, too.")
@web_options
@json_option("sim")
@programs_argument
def sim(
    for_s: float | None,
    seed: int,
    path_loss: float | None,
    distance: float | None,
    loss: float | None,
    jitter_s: float | None,
    places: tuple[tuple[str, float, float], ...],
    exponent: float | None,
    faults: tuple[Fault, ...],
    until: tuple[str, ...],
    never: tuple[str, ...],
    capture: str | None,
    hci_capture: str | None,
    decipher: bool,
    keys: str | None,
    report: str | None,
    trace: bool,
    verbose: bool,
    real_time: bool,
    full_trace: bool,
    page: PageAddress | None,
    as_json: bool,
    programs: tuple[str, ...],
) -> None:
    """Run PROGRAMS as devices of one simulated world, in simulated time.

    A program is a file, or a file with arguments in quotes: "echo.py --fast".

    Ends when all programs have ended, after the time of --for, or with Ctrl-C. The same seed and
    programs give the same result. Each line of output has its time and device. A program that
    fails ends the world, with exit code 1 or that of its sys.exit; so does a text of --until that
    does not come, or one of --never that does, with exit code 1.
    """
    try:
        from bleio.cli.simulating import outcome, telling as tellings
    except ImportError as error:  # of what worlds need and not every machine has
        raise click.ClickException(str(error)) from error
    check_air(path_loss, distance, jitter_s)
    _check_together(
        decipher=decipher, capture=capture, trace=trace, verbose=verbose, as_json=as_json,
        real_time=real_time, page=page,
    )  # fmt: skip
    telling = tellings.make_telling(verbose, as_json) if trace else None
    with outcome.ended_as_command():
        world = tellings.kind_of_world(as_json)(
            seed,
            distance_m=distance,
            path_loss_db=path_loss,
            loss=loss,
            jitter_us=(jitter_s or 0) * 1e6,
            capture=capture,
            hci_capture=hci_capture,
            decipher=decipher,
            real_time=real_time,
            full_trace=full_trace,
            echo=telling or sys.stdout,
            watch=None if page is not None else tellings.Progress(for_s, telling),
        )
        with (
            ending_in_order(),
            outcome.end_told(world, as_json),
            tellings.packets_told(world, telling),
            world,
            outcome.keys_saved(world, keys),
            outcome.report_saved(world, report, programs),
        ):
            _add(world, programs)
            put(world, places, exponent, distance)
            promise = _asked(world, faults, until, never)
            with _shown(world, page, programs, telling, stays=not until, as_json=as_json) as shown:
                _run(world, promise, for_s, shown)


def _check_together(
    *,
    decipher: bool,
    capture: str | None,
    trace: bool,
    verbose: bool,
    as_json: bool,
    real_time: bool,
    page: PageAddress | None,
) -> None:
    """Raise click.UsageError for options that need or exclude each other."""
    if decipher and capture is None:
        raise click.UsageError("--decipher goes with --capture")
    if verbose and not trace:
        raise click.UsageError("-v goes with --trace")
    if verbose and as_json:
        raise click.UsageError("-v is for lines; objects have the octets anyway")
    if real_time and page is not None:
        raise click.UsageError(
            "--web goes at real time unless its page says else; leave --real-time"
        )


def _add(world: World, programs: Sequence[str]) -> None:
    """Add a device for each program, with the arguments that stand behind its file."""
    from bleio.testing.programs.program import words_of

    for program in programs:
        path, argv = words_of(program)
        world.add(path, argv=argv)


def _asked(
    world: World, faults: tuple[Fault, ...], until: tuple[str, ...], never: tuple[str, ...]
) -> Promise:
    """Have the faults happen, and read what is promised. Raises: click.UsageError."""
    from bleio.testing.hunt.promise import read_promise

    try:
        world.inject(faults)
        return read_promise(until, never, world.devices)
    except ValueError as error:
        raise click.UsageError(str(error)) from None


def _shown(
    world: World,
    page: PageAddress | None,
    programs: Sequence[str],
    telling: Telling | None,
    *,
    stays: bool,
    as_json: bool,
) -> contextlib.AbstractContextManager[WorldPage | None]:
    """Show the world on a page, if that is wanted; see `shown_on`."""
    if page is None:
        return contextlib.nullcontext()
    from bleio.cli.simulating.page import shown_on

    return shown_on(world, page, programs, telling, stays=stays, as_json=as_json)


def _run(
    world: ListeningWorld, promise: Promise, for_s: float | None, page: WorldPage | None
) -> None:
    """Let the world go on to its end. Raises: WorldError for a promise that is not kept."""
    from bleio.testing.errors import WorldError
    from bleio.testing.failures import located

    go_on = None if page is None else page.go
    broken = world.keep(promise, FOR_EVER_S if for_s is None else for_s, go_on)
    if broken is not None:
        raise located(WorldError(broken.sentence), world, world.devices)
