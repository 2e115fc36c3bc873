"""The soak, as short as it can be: one round to warm up, and one after which all is as it was."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from support.patience import PATIENCE_S


# Each of its steps may take that long.
@pytest.mark.timeout(20 * PATIENCE_S)
@pytest.mark.skipif(sys.platform != "linux", reason="the figures are taken from Linux's /proc")
def test_a_round_leaves_nothing_behind() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "soak", "--quick"], cwd=Path(__file__).parents[1],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
