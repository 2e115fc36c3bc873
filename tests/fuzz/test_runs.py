"""A long run tells all that its targets have found."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from fuzz import runs
from fuzz.targets import TARGETS


def test_a_target_that_does_not_end_hides_no_findings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hangs, finds = list(TARGETS)[:2]

    def run(command: list[str], *, timeout: float, **_: Any) -> None:
        target = command[4]
        (tmp_path / target / "log").write_text("#1000 inputs\n")
        if target == hangs:
            raise subprocess.TimeoutExpired(command, timeout)
        (tmp_path / target / "finding-1").write_text("it broke")

    monkeypatch.setattr(runs, "FOLDER", tmp_path)
    monkeypatch.setattr(runs.subprocess, "run", run)
    outcomes = {outcome.target: outcome for outcome in runs.run_all(0, [hangs, finds], 1)}
    assert outcomes[finds].findings == ["it broke"]
    log = tmp_path / hangs / "log"
    assert outcomes[hangs].findings == [f"{hangs} did not end within 302 s: see {log}"]
    assert outcomes[hangs].inputs == 1000
