"""The benchmarks run on the source as it is, and what they compare is right."""

from __future__ import annotations

import json
import runpy
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from support.patience import PATIENCE_S

BENCH = Path(__file__).resolve().parents[2] / "bench"

needs_unix_sockets = pytest.mark.skipif(
    not hasattr(socket, "AF_UNIX"), reason="the scripted controller is at a socket of Unix"
)


@pytest.mark.parametrize(
    "command",
    [
        pytest.param("host.py ours reports 50", marks=needs_unix_sockets),
        pytest.param("host.py bumble sent 50", marks=needs_unix_sockets),
        "data.py ours writes 20",
        "worlds.py two_spin",
    ],
)
def test_a_benchmark_says_a_figure(command: str) -> None:
    script, *arguments = command.split()
    done = subprocess.run(
        [sys.executable, str(BENCH / script), *arguments],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["value"] > 0


def test_medians_are_compared_with_the_goal() -> None:
    bench = runpy.run_path(str(BENCH))
    row = bench["BENCHMARKS"][0].rows[0]  # at least three times bumble's
    rounds = [{"ours": ours, "reference": 100.0} for ours in (400.0, 310.0, 1.0)]
    line = bench["result"](row, rounds)
    assert (line["ours"], line["reference"], line["ratio"]) == (310.0, 100.0, 3.1)
    assert line["met"] is True
    assert bench["result"](row, rounds[1:])["met"] is False
