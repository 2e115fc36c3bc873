"""Hands worlds to workers and takes what comes, until all are done.

A short world takes milliseconds, less than handing it over, so a worker is given several at once:
as many as take it half a second, by the time that worlds have taken so far. Few such parcels are
under way for each worker, so that a million worlds need no more memory than a thousand.

A worker may die, and everything that was under way with it: by a world that ends its process, for
want of memory, by somebody's kill. Nobody says which world it was. Those that were under way are
handed out again, one by one; those that see a second death are suspects, which run alone.
What dies alone is guilty, is told as a world that failed, and stops nobody any more.

What a worker returned was returned once, whatever else was tried, and is written here alone: so
nothing is lost, and nothing is there twice.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, wait
from itertools import islice

from bleio.testing.campaigns.errors import CampaignError
from bleio.testing.campaigns.executors import Crew
from bleio.testing.campaigns.plan import Plan, Task
from bleio.testing.campaigns.progress import Progress
from bleio.testing.campaigns.results import ResultsFile
from bleio.testing.campaigns.scenario import Scenario
from bleio.testing.campaigns.worlds import Done, Outcome, run_worlds

PARCEL_S = 0.5
MOST_IN_PARCEL = 500
PARCELS_PER_WORKER = 3
SUSPECT_AFTER = 2  # deaths
_LOOK_S = 0.2


class Runner:
    """One run of a campaign."""

    def __init__(
        self, scenario: Scenario, plan: Plan, crew: Crew, results: ResultsFile, progress: Progress
    ) -> None:
        self._scenario = scenario
        self._plan = plan
        self._crew = crew
        self._results = results
        self._progress = progress
        self._left: Iterator[Task] = plan.left()
        self._again: deque[Task] = deque()
        self._suspects: deque[Task] = deque()
        self._deaths: Counter[Task] = Counter()
        self._under_way: dict[Future[Done], list[Task]] = {}
        self._submitted = 0
        self._world_s: float | None = None

    def run(self) -> None:
        """Run all worlds that are left. Raises: CampaignError; OSError; KeyboardInterrupt."""
        try:
            while self._hand_out():
                ended, _ = wait(self._under_way, _LOOK_S, FIRST_COMPLETED)
                self._take_all(ended)
                self._progress.show(self._plan.done, self._results.failed)
        finally:
            self._progress.end()
            for future in self._under_way:
                future.cancel()

    # Handing out

    def _hand_out(self) -> bool:
        """Give workers something to do. Returns: whether anything is under way then."""
        while len(self._under_way) < PARCELS_PER_WORKER * self._crew.workers():
            parcel = self._parcel()
            if not parcel:
                break
            self._submit(parcel)
        if not self._under_way and self._suspects:
            self._submit([self._suspects.popleft()])
        return bool(self._under_way)

    def _parcel(self) -> list[Task]:
        if self._suspects:
            return []  # they come next, each alone
        if self._again:
            return [self._again.popleft()]
        return list(islice(self._left, self._parcel_size()))

    def _parcel_size(self) -> int:
        if self._world_s is None:
            return 1
        by_time = int(PARCEL_S / max(self._world_s, PARCEL_S / MOST_IN_PARCEL))
        left = len(self._plan) - self._plan.done
        fair = left // (2 * self._crew.workers())  # so that all end at about the same time
        return max(1, min(by_time, fair))

    def _submit(self, parcel: list[Task]) -> None:
        worlds = [(self._plan.choices[choice], seed) for choice, seed in parcel]
        self._submitted += 1
        try:
            future = self._crew.submit(run_worlds, self._scenario, worlds, self._submitted)
        except self._crew.deaths as error:
            future = Future()
            future.set_exception(error)
        except RuntimeError as error:
            raise CampaignError(f"The executor takes no work: {error}; {self._so_far()}") from error
        self._under_way[future] = parcel

    # Taking back

    def _take_all(self, ended: Iterable[Future[Done]]) -> None:
        death: BaseException | None = None
        for future in list(ended):
            death = self._take(future, self._under_way.pop(future)) or death
        if isinstance(death, BrokenExecutor):  # so all others have died as well
            wait(self._under_way)
            for future in list(self._under_way):
                self._take(future, self._under_way.pop(future))
        if death is not None:
            self._crew.renew(death)

    def _take(self, future: Future[Done], parcel: list[Task]) -> BaseException | None:
        """Note what came of a parcel. Returns: the death that it came to, if it did."""
        if future.cancelled():
            raise CampaignError(f"The executor has given up some worlds; {self._so_far()}")
        error = future.exception()
        if error is None:
            self._note(future.result())
            return None
        if not isinstance(error, self._crew.deaths):
            raise CampaignError(
                f"Workers cannot run worlds: {type(error).__name__}: {error}; {self._so_far()}"
            ) from error
        if self._deaths[parcel[0]] >= SUSPECT_AFTER:
            self._results.add([self._killed(parcel[0])])
            return error
        for task in parcel:
            self._deaths[task] += 1
            suspect = self._deaths[task] >= SUSPECT_AFTER
            (self._suspects if suspect else self._again).append(task)
        return error

    def _note(self, done: Done) -> None:
        self._results.add(done.outcomes)
        latest_s = done.seconds / len(done.outcomes)
        before_s = latest_s if self._world_s is None else self._world_s
        self._world_s = (before_s + latest_s) / 2

    def _killed(self, task: Task) -> Outcome:
        choice, seed = task
        error = "WorkerDied: the process that ran this world died, each time that it was tried"
        return Outcome({"seed": seed, **self._plan.choices[choice], "error": error})

    def _so_far(self) -> str:
        return (
            f"{self._plan.done} of {len(self._plan)} worlds are in {self._results.path}, and the"
            " same campaign goes on from there"
        )
