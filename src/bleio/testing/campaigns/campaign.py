"""What users call: `campaign`, and the `Results` that it returns."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from bleio.testing.campaigns.executors import Crew, Given, Processes
from bleio.testing.campaigns.plan import Grid, Parameters, Plan
from bleio.testing.campaigns.progress import Progress
from bleio.testing.campaigns.results import ResultsFile, Row, captures_folder, rows_of
from bleio.testing.campaigns.running import Runner
from bleio.testing.campaigns.scenario import (
    Scenario,
    WorldSettings,
    check_is_not_loading,
    check_takes,
    load,
    scenario_of,
)
from bleio.testing.campaigns.summary import Group, summarise
from bleio.testing.campaigns.table import Expected, table_of

if TYPE_CHECKING:
    import pandas

SEEDS = 100


def campaign(
    scenario: Callable[..., Any],
    grid: Grid,
    *,
    results: str | os.PathLike[str],
    seeds: int | Iterable[int] = SEEDS,
    world: WorldSettings = None,
    executor: Executor | None = None,
    workers: int | None = None,
    fresh: bool = False,
    progress: TextIO | None = None,
) -> Results:
    """Run a scenario in a world of its own for each choice of parameters and each seed.

    What a file of the same campaign has already is not run again. A world that fails is a result,
    with the error and a capture of its last packets.

    Args:
        scenario: is called with an empty world, and parameters by name; returns numbers by name,
            or one. It is written at the top level of a file, since workers load it from there.
        grid: values for each parameter, all of which are combined; or a list of choices.
        results: a file, of JSON lines; it is made, or gone on with.
        seeds: how many, from 0 on, or which.
        world: arguments of `World`, or a function of the parameters that returns them.
        executor: by default processes of this machine. One that is given is not shut down.
        workers: how many worlds run at a time; by default as many as there are cores, or as the
            executor has workers.
        fresh: forget what the file has.
        progress: where to show how far it is.
    Raises: CampaignError; ValueError and TypeError for arguments; OSError; KeyboardInterrupt, after
        which the same call goes on.
    """
    if workers is not None and workers < 1:
        raise ValueError("workers must be at least 1")
    check_is_not_loading()
    plan = Plan(grid, seeds)
    sent = scenario_of(scenario, world)
    check_takes(scenario, plan.choices[0], "world")
    if callable(world):
        check_takes(world, plan.choices[0])
    path = Path(os.path.abspath(results))
    with ExitStack() as stack:
        file = ResultsFile(path, sent, plan, fresh=fresh)
        stack.callback(file.close)
        if plan.done < len(plan):
            load(sent)  # what is wrong with it is better told here than by workers
            crew: Crew
            if executor is None:
                most = min(workers or os.cpu_count() or 1, len(plan) - plan.done)
                crew = stack.enter_context(Processes(most))
            else:
                crew = _crew_of(executor, workers)
            Runner(sent, plan, crew, file, Progress(progress, len(plan), plan.done)).run()
    return Results(path)


def _crew_of(executor: Executor, workers: int | None) -> Crew:
    """Return what is known of an executor. Args: workers: how many it has, if the user says so."""
    if type(executor).__module__.partition(".")[0] == "distributed":
        from bleio.testing.campaigns.cluster import crew_of_cluster

        return crew_of_cluster(executor, workers)
    known = workers or getattr(executor, "_max_workers", None) or os.cpu_count() or 1
    return Given(executor, known)


class Results:
    """What is in a file of results. It is read each time that it is asked for.

    Attributes: path: of the file. choices: of parameters, in the order of the grid. captures:
        the folder of captures of worlds that failed, which may not be there.
    Raises: CampaignError for another file; OSError.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(os.path.abspath(path))
        self.captures = captures_folder(self.path)
        self.choices: list[Parameters] = next(rows_of(self.path))["parameters"]

    def __iter__(self) -> Iterator[Row]:
        """Yield a dict for each world, in the order in which they ended."""
        rows = rows_of(self.path)
        next(rows)
        return rows

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __str__(self) -> str:
        return self.table()

    @property
    def failed(self) -> list[Row]:
        """The rows of worlds that failed, by seed."""
        return sorted((row for row in self if "error" in row), key=lambda row: int(row["seed"]))

    def summary(self) -> list[Group]:
        """Return means and 95 % intervals, for each choice of parameters."""
        return summarise(self.choices, self)

    def table(self, expected: Expected | None = None) -> str:
        """Return the summary as text. Args: expected: a function of the parameters that returns
        what a model says, by name, to be shown beside it."""
        return table_of(self.summary(), expected)

    def frame(self) -> pandas.DataFrame:
        """Return all rows as a pandas frame, by seed and parameters. Raises: CampaignError without
        pandas."""
        from bleio.testing.campaigns.frame import frame_of

        return frame_of(self.choices, self)

    def plot(self, path: str | os.PathLike[str], expected: Expected | None = None) -> None:
        """Draw the summary to a file, such as .png or .svg: a panel for each result, over the first
        parameter, with a line for each choice of the others.

        Args: expected: as for `table`; drawn dashed. Raises: CampaignError without matplotlib;
            ValueError for an unknown kind of file; OSError.
        """
        from bleio.testing.campaigns.plot import plot_to

        plot_to(path, self.summary(), expected)


__all__ = ["Results", "Scenario", "campaign"]
