"""What the documentation says it has all of."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
VARIABLE = re.compile(r"\b(?:BLEIO|CIRCUITPY)_[A-Z_]+\b")


def test_every_environment_variable_has_a_row() -> None:
    sources = [path.read_text("utf-8") for path in (ROOT / "src").rglob("*.py")]
    used = {name for source in sources for name in VARIABLE.findall(source)}
    rows = re.findall(r"^\| `(\w+)` \|", (ROOT / "docs" / "adapters.md").read_text("utf-8"), re.M)
    documented = {row for row in rows if VARIABLE.fullmatch(row)}
    assert documented == used


def test_the_map_of_what_tests_share_has_every_file() -> None:
    folder = ROOT / "tests" / "support"
    files = {path.relative_to(folder).with_suffix("").as_posix() for path in folder.rglob("*.py")}
    text = (folder / "__init__.py").read_text("utf-8")
    mapped = re.findall(r"^    (\S+)  +\S", text, re.M)
    assert sorted(mapped) == sorted(each for each in files if not each.endswith("__init__"))
