"""`bleio sim PROGRAM...`: runs programs as devices of one simulated world.

All that it does is a `testing.World`; the options are the arguments of that, one by one, and the
exit code is 0 if all programs ended well, else that of the first that did not. The result goes to
standard output and is the same each time; what is about this run, such as how far it is, goes to
standard error.
"""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

from bleio.cli.page import WebCommand, web_options
from bleio.cli.shared.options import json_option
from bleio.cli.shared.paths import unusable
from bleio.cli.shared.running import ending_in_order
from bleio.cli.shared.stdout import print_anything
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

_PROGRESS_S = 2.0


@click.command(cls=WebCommand)
@click.option(
    "--for", "for_s", type=Duration(), metavar="TIME", help="Simulated time, such as 60s or 1h."
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of all that is random.")
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
        from bleio.errors import notes_of
        from bleio.testing.errors import DeviceFailed, WorldError
        from bleio.testing.failures import located
        from bleio.testing.programs.ends import is_quit
        from bleio.testing.programs.program import words_of
    except ImportError as error:  # of what worlds need and not every machine has
        raise click.ClickException(str(error)) from error
    print_anything()
    check_air(path_loss, distance, jitter_s)
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
    telling = _telling(verbose, as_json) if trace else None
    try:
        world = _kind_of_world(as_json)(
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
            watch=None if page is not None else _Progress(for_s, telling),
        )
        with (
            ending_in_order(),
            _telling_end(world) if as_json else contextlib.nullcontext(),
            _finishing(world, telling),
            world,
            _saving_keys(world, keys),
            _saving_page(world, report, programs),
        ):
            for program in programs:
                path, argv = words_of(program)
                world.add(path, argv=argv)
            put(world, places, exponent, distance)
            promise = _asked(world, faults, until, never)
            with _shown(world, page, programs, telling, stays=not until, as_json=as_json) as shown:
                go_on = None if shown is None else shown.go
                broken = world.keep(promise, FOR_EVER_S if for_s is None else for_s, go_on)
                if broken is not None:
                    raise located(WorldError(broken.sentence), world, world.devices)
    except DeviceFailed as error:
        click.ClickException(str(error)).show()
        sys.exit(error.exit_code)
    except WorldError as error:
        raise click.ClickException("\n".join((str(error), *notes_of(error)))) from None
    except BrokenPipeError:
        raise  # nothing reads the output any more; click ends the command
    except OSError as error:
        raise click.ClickException(unusable(error)) from None
    except Exception as error:
        if is_quit(error):
            sys.exit(1)  # whoever has ended a debugger knows why
        raise


def _kind_of_world(as_json: bool) -> type[ListeningWorld]:
    from bleio.testing.hunt.promise import ListeningWorld
    from bleio.testing.objects import ObjectWorld

    return ObjectWorld if as_json else ListeningWorld


def _telling(verbose: bool, as_json: bool) -> Telling:
    from bleio.testing.live import Telling
    from bleio.testing.objects import PacketObjects

    return Telling(sys.stdout, verbose=verbose, objects=PacketObjects() if as_json else None)


@contextlib.contextmanager
def _telling_end(world: World) -> Iterator[None]:
    """Say as the last object how the world has ended."""
    from bleio.cli.shared.output import print_json

    code, problem = 0, ""
    try:
        yield
    except OSError:
        raise  # the output may be what cannot be written
    except click.UsageError:
        raise  # it has not begun
    except BaseException as error:
        interrupted = isinstance(error, KeyboardInterrupt)
        code = 130 if interrupted else getattr(error, "exit_code", 1)
        problem = "interrupted" if interrupted else str(error).partition("\n")[0]
        raise
    finally:
        if code or not sys.exc_info()[0]:
            time_us = world.clock.now_us
            fields = {"event": "end", "time_us": time_us, "exit_code": code, "problem": problem}
            print_json(fields)


@contextlib.contextmanager
def _finishing(world: World, telling: Telling | None) -> Iterator[None]:
    """Have packets told until the world has ended, however it does."""
    if telling is None:
        yield
        return
    telling.attach(world)
    try:
        yield
    except OSError:
        raise  # the output may be what cannot be written
    except BaseException:
        telling.finish()
        raise
    telling.finish()


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
    from bleio.cli.simpage import shown_on

    return shown_on(world, page, programs, telling, stays=stays, as_json=as_json)


@contextlib.contextmanager
def _saving_keys(world: World, path: str | None) -> Iterator[None]:
    """Write them however it ends; what cannot be written is told before it begins."""
    if path is None:
        yield
        return
    world.save_keys(path)
    try:
        yield
    finally:
        world.save_keys(path)


@contextlib.contextmanager
def _saving_page(world: World, path: str | None, programs: Sequence[str]) -> Iterator[None]:
    """Write the page however it ends; what cannot be written is told before it begins."""
    if path is None:
        yield
        return
    from bleio.testing.programs.ends import summary
    from bleio.testing.report.page import save_page

    title, failure = f"bleio sim {' '.join(programs)}", ""
    save_page(world, path, title)
    try:
        yield
    except Exception as error:
        failure = summary(error, str(error))
        raise
    finally:
        save_page(world, path, title, failure)


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


class _Progress:
    """Says on standard error how far the world is, when it takes long; and has packets told."""

    def __init__(self, for_s: float | None, telling: Telling | None) -> None:
        self._telling = telling
        self._of = "" if for_s is None else f" of {for_s:g} s"
        self._last_s = time.monotonic()

    def __call__(self, now_s: float) -> None:
        if self._telling is not None:
            self._telling.advance()
        if time.monotonic() - self._last_s >= _PROGRESS_S:
            self._last_s = time.monotonic()
            click.echo(f"simulated {now_s:.1f} s{self._of}", err=True)
