"""Wherever the project's address is said, it is the one of pyproject.toml, and it can be moved."""

from __future__ import annotations

import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

from support.patience import PATIENCE_S

ROOT = Path(__file__).parents[2]
TOOL = ROOT / "tools" / "home.py"
home, texts = (runpy.run_path(str(TOOL))[name] for name in ("home", "texts"))
# Any forge's page of a project of this name.
ADDRESS = re.compile(r"https://[a-z.]+/[\w.-]+/bleio(?![\w.-]*\w)")
ON_THE_INDEX = "https://pypi.org/project/bleio"


def addresses(text: str) -> set[str]:
    return {found for found in ADDRESS.findall(text) if found != ON_THE_INDEX}


def test_all_files_say_the_same_address() -> None:
    said = {path: addresses(path.read_text("utf-8", errors="replace")) for path in texts()}
    assert {path: found for path, found in said.items() if found - {home()}} == {}
    saying = {path.relative_to(ROOT).as_posix() for path, found in said.items() if found}
    assert {"pyproject.toml", "CONTRIBUTING.md", "SECURITY.md"} <= saying
    assert {".github/ISSUE_TEMPLATE/bug.yml", "tests/packaging/test_distributions.py"} <= saying


def test_every_address_of_the_package_index_begins_with_it() -> None:
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    urls = re.search(r"^\[project\.urls\]\n(.*?)\n\n", text, re.MULTILINE | re.DOTALL)
    assert urls
    found = re.findall(r'= "(.*)"$', urls[1], re.MULTILINE)
    assert len(found) >= 5
    assert all(each.startswith(home()) for each in found)


def test_moving_changes_every_file(tmp_path: Path) -> None:
    for name in ("pyproject.toml", "CONTRIBUTING.md", ".github/ISSUE_TEMPLATE/bug.yml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "tools").mkdir()
    command = [sys.executable, str(shutil.copy(TOOL, tmp_path / "tools"))]
    new = "https://forge.example/people/blue"
    moved = subprocess.run(
        [*command, new + "/"], capture_output=True, text=True, timeout=PATIENCE_S, check=True
    ).stdout
    assert moved.splitlines() == [
        "changed .github/ISSUE_TEMPLATE/bug.yml",
        "changed CONTRIBUTING.md",
        "changed pyproject.toml",
    ]
    assert home(tmp_path) == new
    for path in texts(tmp_path):
        assert home() not in path.read_text("utf-8")
    refused = subprocess.run(
        [*command, "forge.example/bleio"], capture_output=True, text=True, timeout=PATIENCE_S
    )
    assert refused.returncode == 1
    assert "must begin with https://" in refused.stderr
