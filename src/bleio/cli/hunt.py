"""`bleio hunt PROGRAM...`: looks for a seed and faults with which `bleio sim` of them fails.

What it prints last is that command, so what was found can be looked at with all options that `sim`
has. Findings go to standard output; how far it is, to standard error.
"""

from __future__ import annotations

import importlib.util
import shlex
import sys
import time
from typing import TYPE_CHECKING, Any

import click

from bleio.cli.ending import ENDING, interrupt
from bleio.cli.shared.options import json_option
from bleio.cli.shared.paths import unusable
from bleio.cli.worlds import (
    Duration,
    air_options,
    check_air,
    programs_argument,
    promise_options,
)

if TYPE_CHECKING:
    from bleio.testing.hunt.search import Hunt
    from bleio.testing.hunt.trial import Case, Scenario

_PROGRESS_S = 2.0
_JITTER_S = 0.001  # without any, what races nearly always has the same outcome
_NO_HYPOTHESIS = (
    "bleio hunt thinks of faults by hypothesis, which is not installed: pip install 'bleio[hunt]';"
    " with --no-faults it tries seeds alone"
)


class Kinds(click.ParamType):  # type: ignore[type-arg,unused-ignore]
    """Kinds of faults by name, such as "drop,jam"."""

    name = "kinds"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        """Return the names."""
        from bleio.testing.faults.text import kind_of

        try:
            return tuple(kind_of(name.strip()).KIND for name in str(value).split(","))
        except ValueError as error:
            self.fail(str(error), param, ctx)


@click.command()
@promise_options
@click.option(
    "--within",
    "within_s",
    type=Duration(),
    default="60s",
    show_default=True,
    metavar="TIME",
    help="Simulated time that a world has for its promise, once its last fault is over.",
)
@click.option(
    "--seeds",
    type=click.IntRange(1, 1_000_000),
    default=20,
    show_default=True,
    metavar="N",
    help="Try the seeds 0 to N-1, first without faults.",
)
@click.option(
    "--runs",
    type=click.IntRange(1, 100_000_000),
    default=1000,
    show_default=True,
    metavar="N",
    help="Worlds with faults, until one breaks the promise; to make that simpler takes more.",
)
@click.option(
    "--faults",
    "kinds",
    type=Kinds(),
    metavar="KIND,...",
    help="Which faults, such as drop,power-cut.  [default: all]",
)
@click.option("--no-faults", is_flag=True, help="Try seeds alone.")
@click.option(
    "--most",
    type=click.IntRange(1, 20),
    default=3,
    show_default=True,
    metavar="N",
    help="Faults in one world, at most.",
)
@click.option(
    "--stop-after",
    "stop_after_s",
    type=Duration(),
    metavar="TIME",
    help="Real time after which to end with what was found so far.",
)
@air_options
@json_option("hunt")
@programs_argument
def hunt(
    until: tuple[str, ...],
    never: tuple[str, ...],
    within_s: float,
    seeds: int,
    runs: int,
    kinds: tuple[str, ...] | None,
    no_faults: bool,
    most: int,
    stop_after_s: float | None,
    path_loss: float | None,
    distance: float | None,
    loss: float | None,
    jitter_s: float | None,
    as_json: bool,
    programs: tuple[str, ...],
) -> None:
    """Look for a seed and faults that break what PROGRAMS promise.

    A promise is broken when a text of --until is not printed in time, when one of --never is, and
    when a program fails. Many worlds are tried: first each seed without faults, then seeds with
    links that drop, power that goes, jammed channels and the like. What breaks the promise is made
    simpler, to the fewest faults, and printed as the `bleio sim` command that does it again.

    Hosts and programs take other times with each seed, as by --jitter 1ms.

    The exit code is 0 if nothing was found, 1 if something was, 130 after Ctrl-C without a finding.
    """
    try:
        from bleio.testing.hunt.search import Hunt, Limits
        from bleio.testing.hunt.trial import Scenario

    except ImportError as error:  # of what worlds need and not every machine has
        raise click.ClickException(str(error)) from error
    if not no_faults and importlib.util.find_spec("hypothesis") is None:
        raise click.ClickException(_NO_HYPOTHESIS)
    check_air(path_loss, distance, jitter_s)
    if no_faults and kinds is not None:
        raise click.UsageError("--faults and --no-faults exclude each other")
    jitter_us = round((_JITTER_S if jitter_s is None else jitter_s) * 1e6)
    air = {
        "distance_m": distance,
        "path_loss_db": path_loss,
        "loss": loss,
        "jitter_us": jitter_us,
    }
    scenario = Scenario(programs, until, never, within_s, air)
    limits = Limits(seeds, runs, most, () if no_faults else kinds, stop_after_s, within_s)
    try:
        hunting = Hunt(scenario.try_case, scenario.devices(), limits, _Progress())
        with ENDING.by(hunting.stop, interrupt):
            hunting.run()
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    except OSError as error:
        raise click.ClickException(unusable(error)) from None
    sys.exit((_tell_object if as_json else _tell)(hunting, scenario))


def _tell(hunting: Hunt, scenario: Scenario) -> int:
    """Say what was found. Returns: the exit code."""
    worlds, ended = _number(hunting.worlds, "world"), hunting.ended
    if hunting.found is None:
        click.echo(f"Nothing found in {worlds}{ended}.")
        return ENDING.exit_code if "interrupted" in ended else 0
    case, broken = hunting.found
    if case.faults:
        cause = f"{_number(len(case.faults), 'fault')}, with seed {case.seed}"
    else:
        cause = f"seed {case.seed} needs no faults"
        if not ended:
            cause += f" ({hunting.failing_seeds} of {_number(hunting.seeds, 'seed')} so)"
    click.echo(f"Found in {worlds}{ended}: {cause}.\n{broken.sentence}")
    click.echo(f"This does it again:\n\n{shlex.join(_command(scenario, case))}")
    return 1


def _tell_object(hunting: Hunt, scenario: Scenario) -> int:
    """Print what was found as an object. Returns: the exit code."""
    from bleio.cli.shared.output import print_json

    interrupted = "interrupted" in hunting.ended
    fields: dict[str, Any] = {
        "found": hunting.found is not None,
        "worlds": hunting.worlds,
        "interrupted": interrupted,
    }
    if hunting.found is not None:
        case, broken = hunting.found
        fields["seed"] = case.seed
        fields["faults"] = [str(fault) for fault in case.faults]
        fields["problem"] = broken.sentence
        fields["command"] = _command(scenario, case)
    print_json(fields)
    if hunting.found is not None:
        return 1
    return ENDING.exit_code if interrupted else 0


def _command(scenario: Scenario, case: Case) -> list[str]:
    """Return the command that runs the world of this case."""
    from bleio.testing.faults.text import time_text

    words = ["bleio", "sim", *scenario.programs, "--seed", str(case.seed)]
    options: dict[str, Any] = {
        "--distance": scenario.world["distance_m"],
        "--path-loss": scenario.world["path_loss_db"],
        "--loss": scenario.world["loss"],
    }
    for name, value in options.items():
        if value is not None:
            words += [name, repr(value)]
    if scenario.world["jitter_us"]:
        words += ["--jitter", time_text(scenario.world["jitter_us"] / 1e6)]
    for fault in case.faults:
        words += ["--fault", str(fault)]
    for text in scenario.until:
        words += ["--until", text]
    for text in scenario.never:
        words += ["--never", text]
    return [*words, "--for", time_text(scenario.for_s(case))]


def _number(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


class _Progress:
    """Says on standard error how far the hunt is."""

    def __init__(self) -> None:
        self._last_s = time.monotonic()

    def __call__(self, hunting: Hunt) -> None:
        if time.monotonic() - self._last_s >= _PROGRESS_S:
            self._last_s = time.monotonic()
            found = ""
            if hunting.found is not None:
                found = f"; found, with {_number(len(hunting.found.case.faults), 'fault')} so far"
            click.echo(f"{_number(hunting.worlds, 'world')}, {hunting.phase}{found}", err=True)
