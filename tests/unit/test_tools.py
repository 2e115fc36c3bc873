"""The scripts in tools/ run on the source as it is."""

from __future__ import annotations

import runpy
import subprocess
import sys
from pathlib import Path

import bleio.api
from bleio.backends.capabilities import Capability
from support.patience import PATIENCE_S

TOOLS = Path(__file__).resolve().parents[2] / "tools"
BENCH = TOOLS.with_name("bench")


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


def test_the_table_of_platforms_is_on_its_page() -> None:
    page = (TOOLS.parent / "docs" / "os.md").read_text("utf-8")
    assert run("capability_table.py").strip() in page, "run tools/capability_table.py --write"


def test_the_table_of_platforms_has_a_row_for_every_capability() -> None:
    tool = runpy.run_path(str(TOOLS / "capability_table.py"))
    rows = [capability for capability, _, _ in tool["ROWS"]]
    assert sorted(rows + list(tool["UNSEEN"]), key=str) == sorted(Capability, key=str)
    for _, member, _ in tool["ROWS"]:
        name, _, attribute = member.partition(".")
        assert hasattr(getattr(bleio.api, name), attribute or "__init__"), member


def test_a_world_is_written_down_the_same_each_time(tmp_path: Path) -> None:
    files = ["air.pcapng", "figures.txt", "hci", "keys.txt", "output.txt", "trace.txt"]
    for folder in ("one", "other"):
        run("world_traces.py", str(tmp_path / folder), "out_of_band")
        assert sorted(path.name for path in (tmp_path / folder / "out_of_band").iterdir()) == files
    one, other = (sorted((tmp_path / each).rglob("*.*")) for each in ("one", "other"))
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in other]


def test_the_figures_of_the_benchmarks_are_on_their_page() -> None:
    bench = runpy.run_path(str(BENCH))
    said = bench["recorded"]()
    page = (TOOLS.parent / "docs" / "performance.md").read_text("utf-8")
    assert said in page, "run python bench --page"
