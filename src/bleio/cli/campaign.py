"""`bleio campaign FILE.py`: runs a scenario in many worlds, and sums up what came of them.

All that it does is `bleio.testing.campaign`, with what the file has at its top level: `scenario`
and `grid`, and if it likes `seeds`, `world` and `expected`. The summary goes to standard output;
how far it is, and how to go on after Ctrl-C, to standard error.
"""

from __future__ import annotations

import os
import re
import shlex
import sys
import traceback
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import click

from bleio.cli.shared.options import json_option
from bleio.cli.shared.paths import unusable

if TYPE_CHECKING:
    from bleio.testing.campaigns.campaign import Results
    from bleio.testing.campaigns.results import Row

SHOWN_FAILURES = 5
_DASK = "dask:"


class Place(click.ParamType):  # type: ignore[type-arg,unused-ignore]
    """Where worlds run, such as dask:tcp://192.0.2.1:8786."""

    name = "place"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:
        """Return the address of the scheduler."""
        address = str(value).removeprefix(_DASK)
        if address == value or not address:
            self.fail(f"{value!r} is no place such as dask:tcp://192.0.2.1:8786", param, ctx)
        return address


class Seeds(click.ParamType):  # type: ignore[type-arg,unused-ignore]
    """How many seeds, such as 100, or from which to which, such as 100-199."""

    name = "seeds"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> range:
        """Return them."""
        match = re.fullmatch(r"(?:(\d+)-)?(\d+)", str(value))
        seeds = range(0)
        if match is not None:
            seeds = range(int(match[1]), int(match[2]) + 1) if match[1] else range(int(match[2]))
        if not seeds:
            self.fail(f"{value!r} is neither a number such as 100 nor seeds such as 100-199")
        return seeds


@click.command()
@click.option(
    "--seeds",
    type=Seeds(),
    metavar="N|A-B",
    help="Worlds for each choice of parameters.  [default: seeds of FILE, else 100]",
)
@click.option(
    "--results",
    type=click.Path(dir_okay=False),
    metavar="FILE",
    help="Where results go.  [default: FILE's name with .jsonl, in this folder]",
)
@click.option(
    "--workers",
    type=click.IntRange(1),
    metavar="N",
    help="How many processes run worlds.  [default: one for each core]",
)
@click.option(
    "--on",
    "address",
    type=Place(),
    metavar="dask:ADDRESS",
    help="Run worlds on a cluster of Dask, by the address of its scheduler.",
)
@click.option(
    "--plot",
    type=click.Path(dir_okay=False),
    metavar="FILE",
    help="Draw the summary to a .png, .svg or .pdf file.",
)
@click.option("--fresh", is_flag=True, help="Forget the results that there are.")
@click.option(
    "--again",
    metavar="WORLD",
    help="Run one world once more, here, and show what its devices print: seed=3,loss=0.1",
)
@json_option("campaign")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, readable=True))
def campaign(
    seeds: range | None,
    results: str | None,
    workers: int | None,
    address: str | None,
    plot: str | None,
    fresh: bool,
    again: str | None,
    as_json: bool,
    file: str,
) -> int:
    """Run the scenario of FILE in a world for each choice of parameters and each seed.

    FILE has at its top level: scenario, a function of a world and parameters that returns numbers
    by name; grid, a dict with a list of values for each parameter. It may have: seeds, how many;
    world, arguments of bleio.testing.World, or a function of the parameters that returns them;
    expected, a function of the parameters that returns what a model says.

    Worlds that were run before are not run again; their results are in the file of --results,
    with captures of worlds that failed beside it. Exit code 1 says that some failed.
    """
    try:
        from bleio.testing.campaigns.errors import CampaignError
    except ImportError as error:  # of what worlds need and not every machine has
        raise click.ClickException(str(error)) from error
    if address is not None and workers is not None:
        raise click.UsageError("--workers is for this machine; a cluster has the workers it has")
    if again is not None and as_json:
        raise click.UsageError("--again shows what devices print; --json is for the summary")
    module = _load(file)
    path = results or f"{Path(file).stem}.jsonl"
    try:
        if again is not None:
            return _run_again(module, again)
        found = _run(module, path, seeds, workers, address, fresh)
        expected = getattr(module, "expected", None)
        if as_json:
            _tell_object(found, file, expected)
        else:
            _tell(found, file, expected)
        if plot is not None:
            found.plot(plot, expected)
        return int(bool(found.failed))
    except CampaignError as error:
        raise click.ClickException(str(error)) from error
    except (ValueError, TypeError) as error:
        raise click.ClickException(f"{file} is no campaign: {error}") from error
    except BrokenPipeError:
        raise  # nothing reads the output any more; click ends the command
    except OSError as error:
        raise click.ClickException(unusable(error)) from None
    except KeyboardInterrupt:
        command = shlex.join(["bleio", "campaign", *_arguments_to_go_on()])
        click.echo(f"Stopped. What is done is in {path}; to go on:\n{command}", err=True)
        return 130


def _load(file: str) -> ModuleType:
    """Execute the file; an error of it is shown as it is. Raises: ClickException."""
    from bleio.testing.campaigns.errors import CampaignError
    from bleio.testing.campaigns.scenario import load_file

    try:
        module = load_file(Path(os.path.abspath(file)), "bleio_campaign")
    except CampaignError as error:
        raise click.ClickException(str(error)) from error
    except Exception as error:
        traceback.print_exception(error)
        raise click.ClickException(f"{file} cannot be loaded: {type(error).__name__}") from error
    for name in ("scenario", "grid"):
        if not hasattr(module, name):
            raise click.ClickException(
                f"{file} has no {name} at its top level; a campaign needs scenario, a function of"
                " a world and parameters, and grid, a dict with a list of values for each"
            )
    return module


def _run(
    module: ModuleType,
    path: str,
    seeds: range | None,
    workers: int | None,
    address: str | None,
    fresh: bool,
) -> Results:
    from bleio.testing.campaigns.campaign import SEEDS, campaign as run

    with ExitStack() as stack:
        executor = None
        if address is not None:
            from bleio.testing.campaigns.cluster import cluster_at

            executor = stack.enter_context(cluster_at(address))
        return run(
            module.scenario,
            module.grid,
            results=path,
            seeds=getattr(module, "seeds", SEEDS) if seeds is None else seeds,
            world=getattr(module, "world", None),
            executor=executor,
            workers=workers,
            fresh=fresh,
            progress=sys.stderr,
        )


def _tell(results: Results, file: str, expected: Any) -> None:
    click.echo(results.table(expected), nl=False)
    kinds: dict[str, list[Row]] = {}
    for row in results.failed:
        kinds.setdefault(row["error"], []).append(row)
    for error, rows in list(kinds.items())[:SHOWN_FAILURES]:
        _tell_failure(results, file, error.partition("\n")[0], rows)
    if len(kinds) > SHOWN_FAILURES:
        click.echo(f"and {len(kinds) - SHOWN_FAILURES} more errors; see {results.path}")


def _tell_object(results: Results, file: str, expected: Any) -> None:
    """Print the summary as an object."""
    from bleio.cli.shared.output import print_json

    groups = []
    for group in results.summary():
        model = expected(**group.parameters) if expected is not None else {}
        found = {name: asdict(each) for name, each in group.estimates().items()}
        for name, each in found.items():
            each["expected"] = model.get(name)
        groups.append(
            {
                "parameters": group.parameters,
                "worlds": group.worlds,
                "failed": group.failed,
                "results": found,
            }
        )
    failures = [
        {
            "error": row["error"].partition("\n")[0],
            "command": ["bleio", "campaign", file, "--again", _label(results, row)],
        }
        for row in results.failed
    ]
    print_json({"file": str(results.path), "groups": groups, "failures": failures})


def _label(results: Results, row: Row) -> str:
    from bleio.testing.campaigns.plan import label_of

    return label_of(row["seed"], {name: row[name] for name in results.choices[0]})


def _tell_failure(results: Results, file: str, error: str, rows: list[Row]) -> None:
    """Tell of worlds with one error, and how to see the first of them."""
    first = rows[0]
    label = _label(results, first)
    click.echo(f"\n{len(rows)} failed by {error}")
    click.echo(f"  to see it:   {shlex.join(['bleio', 'campaign', file, '--again', label])}")
    if first["capture"] is not None:
        click.echo(f"  its packets: {results.path.parent / first['capture']}")


def _run_again(module: ModuleType, label: str) -> int:
    """Run one world here. Returns: the exit code."""
    from bleio.testing.campaigns.plan import Plan
    from bleio.testing.campaigns.scenario import load, scenario_of
    from bleio.testing.campaigns.worlds import run_world

    plan = Plan(module.grid, 1)
    task = plan.find(label)
    if task is None:
        names = ",".join(
            ["seed=0", *(f"{name}={value}" for name, value in plan.choices[0].items())]
        )
        raise click.UsageError(f"--again {label!r} is no world of this campaign, such as {names}")
    choice, seed = task
    loaded = load(scenario_of(module.scenario, getattr(module, "world", None)))
    row = run_world(loaded, plan.choices[choice], seed, echo=sys.stdout).row
    for name, value in row.items():
        click.echo(f"{name}: {value}")
    return int("error" in row)


def _arguments_to_go_on() -> list[str]:
    """Return what this command was given, but for what would begin anew."""
    return [each for each in sys.argv[2:] if each != "--fresh"]
