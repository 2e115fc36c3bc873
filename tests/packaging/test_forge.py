"""What a forge reads of this project is what it understands, and does no more than it must."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.packaging

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".github"
FORMS = sorted(
    set((FOLDER / "ISSUE_TEMPLATE").glob("*.yml")) - {FOLDER / "ISSUE_TEMPLATE/config.yml"}
)
SAMPLE = ROOT / "examples" / "project_with_tests" / ".github" / "workflows"


def fits(schema: str, *files: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, *files]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def findings(*files: Path) -> subprocess.CompletedProcess[str]:
    """Ask zizmor what an attacker could make of the workflows."""
    zizmor = shutil.which("zizmor", path=Path(sys.executable).parent)
    if zizmor is None:
        pytest.skip("there is no wheel of zizmor for this machine")
    command = [
        zizmor,
        "--offline",
        "--no-config",
        "--persona",
        "pedantic",
        "--color",
        "never",
        *files,
    ]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize(
    ("schema", "files"),
    [
        ("vendor.github-workflows", sorted((FOLDER / "workflows").glob("*.yml"))),
        ("custom.github-workflows-require-timeout", sorted((FOLDER / "workflows").glob("*.yml"))),
        ("vendor.github-workflows", sorted(SAMPLE.glob("*.yml"))),
        ("vendor.github-issue-forms", FORMS),
        ("vendor.github-issue-config", [FOLDER / "ISSUE_TEMPLATE" / "config.yml"]),
        ("vendor.dependabot", [FOLDER / "dependabot.yml"]),
    ],
)
def test_files_have_the_form_that_a_forge_expects(schema: str, files: list[Path]) -> None:
    assert files
    checked = fits(schema, *files)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_a_form_with_an_unknown_kind_of_field_is_found(tmp_path: Path) -> None:
    wrong = tmp_path / "bug.yml"
    text = (FOLDER / "ISSUE_TEMPLATE" / "bug.yml").read_text("utf-8")
    wrong.write_text(text.replace("type: dropdown", "type: menu"), "utf-8")
    assert fits("vendor.github-issue-forms", wrong).returncode == 1


def test_workflows_give_nothing_away() -> None:
    found = findings(FOLDER, SAMPLE / "tests.yml")
    assert found.returncode == 0, found.stdout


@pytest.mark.parametrize(
    ("right", "wrong", "finding"),
    [
        ("@08c6903cd8c0fde910a37f88322edcfb5dd907a8 # v5.0.0", "@v5", "unpinned-uses"),
        ("contents: read", "write-all", "excessive-permissions"),
        (
            "bash .ci/run",
            "bash .ci/run ${{ github.event.pull_request.title }}",
            "template-injection",
        ),
    ],
)
def test_a_workflow_that_gives_something_away_is_found(
    right: str, wrong: str, finding: str, tmp_path: Path
) -> None:
    text = (FOLDER / "workflows" / "ci.yml").read_text("utf-8")
    assert right in text
    if wrong == "write-all":
        text = text.replace("permissions:\n  contents: read", "permissions: write-all")
    file = tmp_path / ".github" / "workflows" / "ci.yml"
    file.parent.mkdir(parents=True)
    file.write_text(text.replace(right, wrong), "utf-8")
    found = findings(file)
    assert found.returncode != 0
    assert finding in found.stdout


def test_ci_is_the_check_that_anyone_can_run() -> None:
    assert "- run: bash .ci/run\n" in (FOLDER / "workflows" / "ci.yml").read_text("utf-8")
