"""Whatever dies in the middle of a campaign: nothing is lost, nothing is there twice."""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

import pytest

from support.studies import WORLDS, Study

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks at processes in /proc")
Rows = list[dict[str, Any]]


def test_a_campaign_that_was_killed_goes_on_where_it_was(study: Study, undisturbed: Rows) -> None:
    study.hold()
    process = study.start("--workers", "2")
    study.wait_until(lambda: study.lines() > 20)
    process.kill()
    process.wait()
    study.go_on()
    study.wait_for_ends()
    done = study.lines()
    assert 20 < done < WORLDS
    with study.results.open("ab") as file:
        file.write(b'{"seed": 3, "lo')
    (study.folder / "ran.txt").unlink()
    table = study.run("--workers", "2")
    assert study.rows() == undisturbed
    assert len(study.ran()) == WORLDS - done
    assert study.run() == table
    assert len(study.ran()) == WORLDS - done


def test_a_worker_that_dies_loses_nothing(study: Study, undisturbed: Rows) -> None:
    study.hold()
    process = study.start("--workers", "2")
    study.wait_until(lambda: study.lines() > 20)
    os.kill(int(study.ran()[-1][0]), signal.SIGKILL)
    study.go_on()
    _, errors = study.ended(process, 0)
    assert errors == ""
    assert study.rows() == undisturbed
    assert len(study.workers()) > 2


def test_worlds_that_kill_their_process_fail_and_stop_nobody(
    study: Study, undisturbed: Rows
) -> None:
    study.change(
        "    heard = []\n", "    if (world.seed, loss) == (3, 0.3): os._exit(3)\n    heard = []\n"
    )
    said = study.run("--workers", "2", code=1)
    rows = study.rows()
    failed = [row for row in rows if "error" in row]
    assert [(row["seed"], row["loss"], row["name"]) for row in failed] == [
        (3, 0.3, "a"),
        (3, 0.3, "b"),
    ]
    assert all(row["error"].startswith("WorkerDied: the process") for row in failed)
    assert [row for row in rows if "error" not in row] == [
        row for row in undisturbed if (row["seed"], row["loss"]) != (3, 0.3)
    ]
    assert "2 failed by WorkerDied" in said


def test_ctrl_c_ends_it_and_says_how_to_go_on(study: Study, undisturbed: Rows) -> None:
    study.hold()
    process = study.start("--workers", "2", "--seeds", "40")
    study.wait_until(lambda: study.lines() > 10)
    process.send_signal(signal.SIGINT)
    said, errors = study.ended(process, 130)
    assert said == ""
    assert errors.splitlines() == [
        "Stopped. What is done is in study.jsonl; to go on:",
        "bleio campaign study.py --workers 2 --seeds 40",
    ]
    study.go_on()
    study.wait_for_ends()
    assert study.lines() < WORLDS
    study.run()
    assert study.rows() == undisturbed


def test_two_at_once_on_one_file_are_refused(study: Study) -> None:
    study.hold()
    process = study.start("--workers", "1")
    study.wait_until(lambda: study.lines() > 0)
    assert f"Another campaign (process {process.pid})" in study.run(code=1)
    assert process.poll() is None


def test_a_full_disk_ends_it_with_a_sentence(study: Study, undisturbed: Rows) -> None:
    import resource

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (6000, 6000))

    said = study.run(code=1, before=limit)
    assert said.startswith(f"Error: Cannot use {str(study.results)!r}: File too large")
    assert study.results.stat().st_size <= 6000
    study.run()
    assert study.rows() == undisturbed
