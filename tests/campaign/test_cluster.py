"""A cluster of Dask on loopback, one of whose workers is killed in the middle of a campaign."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.patience import PATIENCE_S
from support.studies import TALKATIVE, WORLDS, Study

pytest.importorskip("distributed", reason="is the cluster")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="looks at processes in /proc"),
]


class Cluster:
    """A scheduler and two workers of one thread each, processes of their own without nannies."""

    def __init__(self, folder: Path, study: Study) -> None:
        self._folder = folder
        self._study = study
        self._processes: list[subprocess.Popen[bytes]] = []
        file = folder / "scheduler.json"
        self._start(
            "scheduler", "--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(file)
        )
        study.wait_until(lambda: file.exists() and file.read_text().endswith("}"))
        self.address: str = json.loads(file.read_text())["address"]

    def start_worker(self) -> None:
        self._start(
            *("worker", self.address, "--no-nanny", "--nthreads", "1"),
            *("--local-directory", str(self._folder)),
        )

    def _start(self, *arguments: str) -> None:
        process = subprocess.Popen(
            [sys.executable, "-m", "dask", *arguments, "--no-dashboard"],
            cwd=self._folder,
            env={**os.environ, **TALKATIVE},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        self._processes.append(process)
        self._study.beside.append(process)

    def end(self) -> None:
        for process in self._processes:
            process.kill()
            process.wait(PATIENCE_S)


@pytest.fixture
def cluster(tmp_path_factory: pytest.TempPathFactory, study: Study) -> Iterator[Cluster]:
    made = Cluster(tmp_path_factory.mktemp("cluster"), study)
    try:
        made.start_worker()
        made.start_worker()
        yield made
    finally:
        made.end()


def test_a_worker_that_is_killed_loses_nothing_and_doubles_nothing(
    study: Study, cluster: Cluster, undisturbed: list[dict[str, Any]]
) -> None:
    for file in ("ran.txt", "hold"):  # workers are in another folder
        study.change(f'"{file}"', repr(str(study.folder / file)))
    study.hold()
    process = study.start("--on", f"dask:{cluster.address}")
    study.wait_until(lambda: study.lines() > 20 and len(study.workers()) == 2)
    os.kill(int(study.ran()[-1][0]), signal.SIGKILL)
    assert study.lines() < WORLDS
    study.go_on()
    study.ended(process, 0)
    assert study.rows() == undisturbed
    assert study.lines() == WORLDS


def test_files_travel_to_workers_that_do_not_have_them(study: Study, cluster: Cluster) -> None:
    (study.folder / "programs").mkdir()
    (study.folder / "programs" / "hello.py").write_text("import words\nprint(words.WORD)")
    (study.folder / "programs" / "words.py").write_text("WORD = __file__")
    study.file.write_text(
        "import os, tools\n"
        "grid = {'a': [1]}\n"
        "def scenario(world, a):\n"
        "    device = world.add('programs/hello.py')\n"
        "    world.run()\n"
        "    return tools.judge(device.text)\n"
    )
    (study.folder / "tools.py").write_text(
        f"def judge(text): return {str(study.folder)!r} not in text and 'words.py' in text\n"
    )
    moved = study.folder.with_name("moved")
    # It is moved away once it was read, and before any worker looks for it.
    (study.folder / "go.py").write_text(
        "import os\n"
        "from distributed import Client\n"
        "from bleio.testing.campaigns import campaign as module\n"
        "from study import scenario\n"
        f"here, moved = {str(study.folder)!r}, {str(moved)!r}\n"
        "module.load = lambda sent: os.rename(here, moved)\n"
        f"with Client({cluster.address!r}) as client:\n"
        "    results = module.campaign(scenario, {'a': [1]}, seeds=4, results=moved + '.jsonl',\n"
        "        executor=client.get_executor())\n"
        "    print(sorted((row['seed'], row.get('result'), row.get('error')) for row in results))\n"
    )
    said = study.run(file="go.py", python=())
    assert said.strip() == str([(seed, True, None) for seed in range(4)])


def test_a_cluster_may_get_its_workers_later(
    study: Study, tmp_path_factory: pytest.TempPathFactory, undisturbed: list[dict[str, Any]]
) -> None:
    empty = Cluster(tmp_path_factory.mktemp("cluster"), study)
    try:
        process = study.start("--on", f"dask:{empty.address}")
        assert process.stderr is not None
        first = process.stderr.readline()
        assert (
            first == f"The cluster has no workers yet: dask worker {empty.address} --nthreads 1\n"
        )
        empty.start_worker()
        study.ended(process, 0)
    finally:
        empty.end()
    assert study.rows() == undisturbed


def test_a_scheduler_that_is_not_there_is_told(study: Study) -> None:
    said = study.run("--on", "dask:tcp://127.0.0.1:1", code=1)
    assert said.startswith("Error: No scheduler of Dask answers at tcp://127.0.0.1:1")
    assert 'start one with "dask scheduler"' in said


def test_a_cluster_that_goes_away_is_told_and_the_campaign_goes_on_elsewhere(
    study: Study, cluster: Cluster, undisturbed: list[dict[str, Any]]
) -> None:
    study.change('"hold"', repr(str(study.folder / "hold")))
    study.hold()
    process = study.start("--on", f"dask:{cluster.address}")
    study.wait_until(lambda: study.lines() > 20)
    cluster.end()
    study.go_on()
    _, errors = study.ended(process, 1)
    assert f"worlds are in {study.results}, and the same campaign goes on from there" in errors
    study.run()
    assert study.rows() == undisturbed
