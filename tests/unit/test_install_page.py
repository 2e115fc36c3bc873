"""docs/install.md tells of every extra that there is."""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
from pathlib import Path

from support.patience import PATIENCE_S

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "install.md").read_text("utf-8")
FOR_MAINTAINERS = {"dev", "docs", "fuzz", "interop", "release"}


def extras() -> set[str]:
    """Return the extras of pyproject.toml, which Python 3.10 has nothing to read with."""
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    table = re.search(r"^\[project\.optional-dependencies\]\n(.*?)^\[", text, re.M | re.S)
    assert table
    return set(re.findall(r"^([\w-]+) = \[", table[1], re.M))


def test_every_extra_for_users_has_a_row_with_its_size() -> None:
    rows = runpy.run_path(str(ROOT / "tools" / "extra_sizes.py"))["rows"](PAGE)
    assert rows[0] == "(none)"
    assert sorted(rows[1:]) == sorted(extras() - FOR_MAINTAINERS), "see tools/extra_sizes.py"


def test_extras_for_maintainers_are_named() -> None:
    tail = PAGE.partition("for those who change bleio itself:")[2].partition("\n\n")[0]
    assert set(re.findall(r"`(\w+)` \(", tail)) == extras() & FOR_MAINTAINERS


def test_dev_has_all_that_users_can_have() -> None:
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    within = re.search(r'^dev = \[\n  "bleio\[([\w,]+)\]",$', text, re.M)
    assert within
    assert extras() - set(within[1].split(",")) == {"dev", "fuzz"}


def test_bleio_alone_is_imported_without_the_extras() -> None:
    program = (
        "import sys, _bleio, bleio.testing; "
        "print(*sorted({m.partition('.')[0] for m in sys.modules} & set(sys.argv[1:])))"
    )
    brought = ("matplotlib", "hypothesis", "distributed", "aioesphomeapi", "adafruit_ble")
    command = [sys.executable, "-c", program, *brought]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "\n", "")
