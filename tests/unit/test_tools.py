"""The scripts in tools/ run on the source as it is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from support.patience import PATIENCE_S

TOOLS = Path(__file__).resolve().parents[2] / "tools"


def run(tool: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, str(TOOLS / tool), *arguments],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_structure_prints_what_it_is_asked_for() -> None:
    said = run("structure.py", "modules", "lambdas")
    assert [line for line in said.splitlines() if line[0] != " "] == ["modules", "lambdas"]


def test_a_world_is_written_down_the_same_each_time(tmp_path: Path) -> None:
    files = ["air.pcapng", "figures.txt", "hci", "keys.txt", "output.txt", "trace.txt"]
    for folder in ("one", "other"):
        run("world_traces.py", str(tmp_path / folder), "out_of_band")
        assert sorted(path.name for path in (tmp_path / folder / "out_of_band").iterdir()) == files
    one, other = (sorted((tmp_path / each).rglob("*.*")) for each in ("one", "other"))
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in other]
