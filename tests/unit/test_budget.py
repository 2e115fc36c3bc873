"""What a notification, a read and others cost is within bench/budget.json, which has no clock."""

from __future__ import annotations

import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from support.patience import PATIENCE_S

SCRIPT = Path(__file__).resolve().parents[2] / "bench" / "budget.py"


def test_nothing_costs_more_than_was_recorded() -> None:
    done = subprocess.run(
        [sys.executable, str(SCRIPT)], capture_output=True, text=True, timeout=PATIENCE_S
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_costs_more_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(SCRIPT.parent))
    budget = runpy.run_path(str(SCRIPT))
    before = budget["Cost"](40.0, 2.0, 0.0, {"att/codec.py parse": 1.0, "api/uuid.py size": 39.0})
    now = budget["Cost"](44.0, 2.0, 1.0, {"att/codec.py parse": 5.0, "api/uuid.py size": 39.0})
    assert [line.split() for line in budget["complaints"](now, before)] == [
        ["44", "calls,", "40", "were", "recorded"],
        ["+4.00", "att/codec.py", "parse"],
        ["1", "objects,", "0", "were", "recorded"],
    ]
    assert not list(budget["complaints"](before._replace(calls=42.0, objects=0.2), before))
