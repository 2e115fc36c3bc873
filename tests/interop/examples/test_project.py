"""The small project's tests pass as they stand, and fail where its programs are broken."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support.patience import PATIENCE_S

pytestmark = pytest.mark.interop

PROJECT = Path(__file__).parents[3] / "examples" / "project_with_tests"


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    ignored = shutil.ignore_patterns("__pycache__", ".pytest_cache")
    return Path(shutil.copytree(PROJECT, tmp_path / "project", ignore=ignored))


def run_tests(folder: Path, *arguments: str) -> str:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=PATIENCE_S)
    assert ended.returncode in (0, 1), ended.stdout + ended.stderr
    return ended.stdout


def test_the_projects_tests_pass(copied: Path) -> None:
    last = run_tests(copied).splitlines()[-1]
    assert " passed in " in last
    assert "failed" not in last


@pytest.mark.parametrize(
    ("file", "old", "new", "fails"),
    [
        (
            "greenhouse.py",
            "return min(max(target_c, LOWEST_C), HIGHEST_C)",
            "return target_c",
            "test_a_dangerous_target_is_not_taken",
        ),
        (
            "main.py",
            "if not radio.connected and not radio.advertising:",
            "if not thermostat.celsius:",
            "test_another_remote_control_can_come_after_one_that_vanished",
        ),
        (
            "main.py",
            "heater.value = should_heat(",
            "heating = should_heat(",
            "test_the_remote_control_starts_the_heater",
        ),
        (
            "main.py",
            "heater.value = should_heat(celsius, target_c, heater.value)",
            "heater.value = heater.value or should_heat(celsius, target_c, heater.value)",
            "test_the_heater_is_switched_off_without_the_remote_control",
        ),
    ],
)
def test_the_projects_tests_find_what_is_broken(
    copied: Path, file: str, old: str, new: str, fails: str
) -> None:
    text = (copied / file).read_text("utf-8")
    assert text.count(old) == 1
    (copied / file).write_text(text.replace(old, new), "utf-8")
    assert f"::{fails}" in run_tests(copied, "-rf", "-k", fails)


def test_a_failure_in_its_ci_leaves_a_page(copied: Path) -> None:
    workflow = (copied / ".github" / "workflows" / "tests.yml").read_text("utf-8")
    assert "run: pytest --ble-report reports" in workflow
    text = (copied / "main.py").read_text("utf-8")
    (copied / "main.py").write_text(text.replace("board.D5", "board.D6"), "utf-8")
    said = run_tests(copied, "--ble-report", "reports", "-k", "starts_the_heater")
    assert "1 failed" in said
    assert list((copied / "reports").glob("*.html"))
