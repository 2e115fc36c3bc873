"""`bleio.testing.campaign` on executors of all kinds, and where scenarios are found."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from bleio.testing import CampaignError, Results, World, campaign
from support.studies import Study

GRID = {"a": [1, 2], "b": [0.5]}
SEEDS = 10


def scenario(world: World, a: int, b: float) -> dict[str, Any]:
    """Depend on seed, parameters and the air."""
    heard: list[int] = []
    world.add(_beacon, (0.05 * a,))
    world.add(_scanner, (heard,))
    world.run_for(b)
    return {"heard": len(heard), "many": len(heard) > 4}


def _beacon(interval_s: float) -> None:
    import _bleio

    _bleio.adapter.start_advertising(b"\x02\x01\x06", connectable=False, interval=interval_s)
    import time

    time.sleep(10)


def _scanner(heard: list[int]) -> None:
    import _bleio

    heard.extend(entry.rssi for entry in _bleio.adapter.start_scan(timeout=0.4))


def deadly(world: World, a: int) -> int:
    """End the process, the first time that it is asked to."""
    if world.seed == 5 and not os.path.exists(os.environ["DEADLY"]):
        Path(os.environ["DEADLY"]).write_text("")
        os.kill(os.getpid(), signal.SIGKILL)
    return a


def rows_of(results: Results) -> list[dict[str, Any]]:
    return sorted(results, key=lambda row: (row["seed"], row["a"]))


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    folder = tmp_path_factory.mktemp("expected")
    return rows_of(campaign(scenario, GRID, seeds=SEEDS, results=folder / "x.jsonl"))


class AtOnce(Executor):
    """The smallest executor that there can be."""

    def submit(  # type: ignore[override]
        self, function: Callable[..., Any], /, *args: Any, **keywords: Any
    ) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(function(*args, **keywords))
        return future


@pytest.mark.parametrize(
    "make",
    [
        AtOnce,
        lambda: ThreadPoolExecutor(3),
        lambda: ProcessPoolExecutor(2, get_context("spawn")),
        lambda: ProcessPoolExecutor(2, get_context("forkserver")),
    ],
    ids=["at once", "threads", "spawned", "forkserver"],
)
def test_results_are_the_same_wherever_worlds_run(
    make: Callable[[], Executor], tmp_path: Path, expected: list[dict[str, Any]]
) -> None:
    assert len(expected) == 2 * SEEDS
    with make() as executor:
        results = campaign(
            scenario, GRID, seeds=SEEDS, results=tmp_path / "x.jsonl", executor=executor
        )
        assert executor.submit(abs, -3).result() == 3  # it is the user's to shut down
    assert rows_of(results) == expected


def test_the_summary_is_of_all_worlds(expected: list[dict[str, Any]], tmp_path: Path) -> None:
    results = campaign(scenario, GRID, seeds=SEEDS, results=tmp_path / "x.jsonl", executor=AtOnce())
    (one, two) = results.summary()
    heard = [row["heard"] for row in expected if row["a"] == 1]
    estimate = one.estimates()["heard"]
    assert estimate.mean == pytest.approx(sum(heard) / SEEDS)
    assert estimate.low is not None
    assert estimate.high is not None
    assert estimate.low <= estimate.mean <= estimate.high
    assert two.parameters == {"a": 2, "b": 0.5}
    assert str(results) == results.table()
    assert str(Results(tmp_path / "x.jsonl")) == results.table()


def test_a_frame_is_the_same_whoever_was_first(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas", reason="has frames")
    frames = []
    for name, seeds in (("x", [0, 1, 2]), ("y", [2, 0, 1])):
        file = tmp_path / f"{name}.jsonl"
        frames.append(
            campaign(scenario, GRID, seeds=seeds, results=file, executor=AtOnce()).frame()
        )
    pandas.testing.assert_frame_equal(*frames)
    assert list(frames[0].columns) == ["a", "b", "seed", "heard", "many"]
    assert list(frames[0]["seed"]) == [0, 1, 2, 0, 1, 2]


def test_an_executor_that_breaks_is_told_and_a_new_one_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEADLY", str(tmp_path / "died"))
    file = tmp_path / "x.jsonl"

    def run() -> Results:
        with ProcessPoolExecutor(1, get_context("spawn")) as executor:
            return campaign(deadly, {"a": [3]}, seeds=10, results=file, executor=executor)

    with pytest.raises(CampaignError, match="with a new one, and it goes on"):
        run()
    assert [row["result"] for row in rows_of(run())] == [3] * 10


def test_an_executor_that_was_shut_down_is_told(tmp_path: Path) -> None:
    executor = ThreadPoolExecutor(1)
    executor.shutdown()
    with pytest.raises(CampaignError, match=r"takes no work: .* 0 of 10 worlds are in"):
        campaign(scenario, GRID, seeds=5, results=tmp_path / "x", executor=executor)


def test_nothing_is_run_where_nothing_is_left(tmp_path: Path) -> None:
    file = tmp_path / "x.jsonl"
    campaign(scenario, GRID, seeds=1, results=file, executor=AtOnce())
    executor = ThreadPoolExecutor(1)
    executor.shutdown()
    assert len(campaign(scenario, GRID, seeds=1, results=file, executor=executor)) == 2


@pytest.mark.parametrize(
    ("function", "world"), [(lambda world, a: 1, None), (scenario, lambda a: {}), (abs, None)]
)
def test_functions_that_workers_cannot_find_are_refused(
    function: Any, world: Any, tmp_path: Path
) -> None:
    with pytest.raises(TypeError, match="at the top level of a file"):
        campaign(function, GRID, seeds=1, results=tmp_path / "x.jsonl", world=world)
    assert not (tmp_path / "x.jsonl").exists()


SCRIPT = """\
from bleio.testing import campaign
def scenario(world, a): return world.seed * a
def run(): print(campaign(scenario, {"a": [1, 2]}, seeds=3, results="study.jsonl", workers=1))
"""


def test_a_script_runs_its_own_campaign(study: Study) -> None:
    study.file.write_text(f"{SCRIPT}if __name__ == '__main__': run()\n")
    assert " ".join(study.run(python=()).splitlines()[2].split()) == "2 3 0 2 -2.968 to 6.968"


def test_a_script_that_each_process_would_run_again_is_told_what_to_do(study: Study) -> None:
    study.file.write_text(f"{SCRIPT}run()\n")
    said = study.run(python=(), code=1)
    assert said.count("CampaignError: ") == 1
    assert said.rstrip().endswith(
        "Each worker loads the file of the scenario, and this one begins a campaign whenever it is"
        " loaded: call campaign below 'if __name__ == \"__main__\":'"
    )


def test_a_scenario_of_a_package_may_import_relatively(study: Study) -> None:
    package = study.folder / "pack"
    (package / "sub").mkdir(parents=True)
    for folder in (package, package / "sub"):
        (folder / "__init__.py").write_text("")
    (package / "sub" / "words.py").write_text("WORD = 'four'\n")
    (package / "sub" / "it.py").write_text(
        "from .words import WORD\ndef scenario(world, a): return len(WORD) * a\n"
    )
    study.file.write_text(
        SCRIPT.replace("def scenario(world, a): return world.seed * a", "from pack.sub.it import *")
        + "if __name__ == '__main__': run()\n"
    )
    assert study.run(python=()).splitlines()[1].split()[:4] == ["1", "3", "0", "4"]
    (package / "sub" / "words.py").write_text("WORD = 'three'\n")
    assert "was changed" in study.run(python=(), code=1)
