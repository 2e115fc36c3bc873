"""`bleio sim PROGRAM...`: runs programs as devices of one simulated world.

All that it does is a `testing.World`; the options are the arguments of that, one by one, and the
exit code is 0 if all programs ended well, else that of the first that did not. The result goes to
standard output and is the same each time; what is about this run, such as how far it is, goes to
standard error.
"""

from __future__ import annotations

import contextlib
import re
import sys
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

from bleio.cli.options import no_nan, unusable

if TYPE_CHECKING:
    from bleio.testing.live import Telling
    from bleio.testing.world import World

_UNITS_S = {"": 1.0, "ms": 0.001, "s": 1.0, "min": 60.0, "m": 60.0, "h": 3600.0}
_PROGRESS_S = 2.0
_FOR_EVER_S = 1e9


class Duration(click.ParamType):  # type: ignore[type-arg,unused-ignore]
    """A time such as 500ms, 60s, 5min or 1h; seconds without a unit."""

    name = "time"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return seconds."""
        if isinstance(value, float):
            return value
        match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([a-z]*)", str(value))
        if match is None or match[2] not in _UNITS_S:
            self.fail(f"{value!r} is no time such as 60s, 500ms, 5min or 1h", param, ctx)
        seconds = float(match[1]) * _UNITS_S[match[2]]
        if seconds > _FOR_EVER_S:
            self.fail(f"{value!r} is longer than {_FOR_EVER_S:g} s", param, ctx)
        return seconds


@click.command()
@click.option(
    "--for", "for_s", type=Duration(), metavar="TIME", help="Simulated time, such as 60s or 1h."
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of all that is random.")
@click.option(
    "--path-loss",
    type=click.FloatRange(0, 200),
    callback=no_nan,
    metavar="DB",
    help="Between any two devices; RSSI is transmit power minus this.  [default: 60]",
)
@click.option(
    "--distance",
    type=click.FloatRange(0, 100_000),
    callback=no_nan,
    metavar="M",
    help="Metres from each device to the next, in a row; far ones lose packets.",
)
@click.option(
    "--loss",
    type=click.FloatRange(0, 1),
    callback=no_nan,
    metavar="P",
    help="Part of all packets that is lost, 0 to 1.",
)
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
@click.argument(
    "programs",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, dir_okay=False, readable=True),
)
def sim(
    for_s: float | None,
    seed: int,
    path_loss: float | None,
    distance: float | None,
    loss: float | None,
    capture: str | None,
    hci_capture: str | None,
    decipher: bool,
    keys: str | None,
    report: str | None,
    trace: bool,
    verbose: bool,
    real_time: bool,
    full_trace: bool,
    programs: tuple[str, ...],
) -> None:
    """Run PROGRAMS as devices of one simulated world, in simulated time.

    Ends when all programs have ended, after the time of --for, or with Ctrl-C. The same seed and
    programs give the same result. Each line of output has its time and device. A program that
    fails ends the world, with exit code 1 or that of its sys.exit.
    """
    try:
        from bleio.errors import notes_of
        from bleio.testing.errors import DeviceFailed, WorldError
        from bleio.testing.programs.ends import is_quit
        from bleio.testing.world import World
    except ImportError as error:  # of what worlds need and not every machine has
        raise click.ClickException(str(error)) from error
    if path_loss is not None and distance is not None:
        raise click.UsageError("--path-loss and --distance exclude each other")
    if decipher and capture is None:
        raise click.UsageError("--decipher goes with --capture")
    if verbose and not trace:
        raise click.UsageError("-v goes with --trace")
    telling = _telling(verbose) if trace else None
    try:
        world = World(
            seed,
            distance_m=distance,
            path_loss_db=path_loss,
            loss=loss,
            capture=capture,
            hci_capture=hci_capture,
            decipher=decipher,
            real_time=real_time,
            full_trace=full_trace,
            echo=telling or sys.stdout,
            watch=_Progress(for_s, telling),
        )
        with (
            _finishing(world, telling),
            world,
            _saving_keys(world, keys),
            _saving_page(world, report, programs),
        ):
            for program in programs:
                world.add(program)
            _run(world, for_s)
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


def _telling(verbose: bool) -> Telling:
    from bleio.testing.live import Telling

    return Telling(sys.stdout, verbose=verbose)


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
    from bleio.testing.report.page import save_page

    title, failure = f"bleio sim {' '.join(programs)}", ""
    save_page(world, path, title)
    try:
        yield
    except Exception as error:
        failure = f"{type(error).__name__}: {error}"
        raise
    finally:
        save_page(world, path, title, failure)


def _run(world: World, for_s: float | None) -> None:
    """Run it to the end of all programs, or for the time of --for, whichever is first."""
    if for_s is None:
        world.run(within_s=_FOR_EVER_S)
        return
    # The time of --for may be over before all have ended.
    with contextlib.suppress(TimeoutError):
        world.run(within_s=for_s)


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
