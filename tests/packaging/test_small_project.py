"""The small project of the examples, in an environment of its own, as a reader who copied it."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from support.environment import Environment

pytestmark = [pytest.mark.packaging, pytest.mark.slow, pytest.mark.timeout(400)]

PROJECT = Path(__file__).parents[2] / "examples" / "project_with_tests"


def test_it_installs_and_its_tests_pass(bare: Environment, wheel: Path, tmp_path: Path) -> None:
    project = Path(shutil.copytree(PROJECT, tmp_path / "project"))
    page = (PROJECT / "README.md").read_text("utf-8")
    (packages,) = re.findall(r"^\$ pip install --editable \. (.*)$", page, re.MULTILINE)
    others = [wheel if name == "bleio" else name for name in packages.split()]
    assert wheel in others
    bare.pip("install", "--editable", project, *others)
    ended = subprocess.run(
        [bare.scripts / "pytest", "-q"], cwd=project, capture_output=True, text=True, timeout=110
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert re.search(r"^\d+ passed in ", ended.stdout, re.MULTILINE)
