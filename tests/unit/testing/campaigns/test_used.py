"""Which lines and files a scenario is made of."""

from __future__ import annotations

import ast
import os
from pathlib import Path

import pytest

from bleio.testing.campaigns import used
from bleio.testing.campaigns.errors import CampaignError

TEXT = """\
import time, helpers
from other import thing as it
grid = {"a": [1]}
LIMIT = 3
TABLE = {}
TABLE["x"] = 5
def unused(): return LIMIT

@it
def scenario(world, a):
    # How long.
    return inner(world) + TABLE["x"]

def inner(world):
    helpers.run(world)

if True:
    def other(): pass
"""


def lines_of(text: str, *names: str) -> str:
    return used.used_lines(text, names)[1]


def test_what_a_function_looks_up_is_used_and_the_rest_is_not() -> None:
    lines = lines_of(TEXT, "scenario")
    for part in ("import time, helpers", "@it", "from other", "def inner", 'TABLE["x"] = 5'):
        assert part in lines
    for part in ("grid", "LIMIT", "unused", "if True"):
        assert part not in lines


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('TABLE["x"] = 5', 'TABLE["x"] = 6'),
        ("helpers.run(world)", "helpers.run(world, 1)"),
        ("@it\n", ""),
        ("thing as it", "something as it"),
    ],
)
def test_a_change_of_what_is_used_is_seen(old: str, new: str) -> None:
    assert lines_of(TEXT.replace(old, new), "scenario") != lines_of(TEXT, "scenario")


@pytest.mark.parametrize(
    ("old", "new"), [("[1]", "[1, 2]"), ("LIMIT = 3", "LIMIT = 4"), ("return LIMIT", "return 0")]
)
def test_a_change_of_anything_else_is_not(old: str, new: str) -> None:
    assert lines_of(TEXT.replace(old, new), "scenario") == lines_of(TEXT, "scenario")


def test_functions_within_a_condition_are_found() -> None:
    assert "def other" in lines_of(TEXT, "other")


def files_of(folder: Path, text: str) -> set[str]:
    return set(used.used_files(folder, ast.parse(text).body))


def test_files_that_are_named_or_imported_are_used_with_what_they_use(tmp_path: Path) -> None:
    folder = tmp_path / "study"
    (folder / "programs").mkdir(parents=True)
    (folder / "pack").mkdir()
    (tmp_path / "beside.py").write_text("")
    (folder / "programs" / "sensor.py").write_text(
        "import driver\nopen('table.csv')\nrun('more.py')\n"
    )
    (folder / "programs" / "driver.py").write_text("")
    (folder / "table.csv").write_text("1")
    (folder / "more.py").write_text("")
    (folder / "pack" / "__init__.py").write_text("")
    (folder / "pack" / "tool.py").write_text("from pack import more")
    (folder / "pack" / "more.py").write_text("import pack.tool")
    (folder / "not.py").write_text("")
    text = "world.add('programs/sensor.py'); from pack.tool import x; import time; '../beside.py'"
    assert files_of(folder, text) == {
        "programs/sensor.py",
        "programs/driver.py",
        "more.py",
        "pack/__init__.py",
        "pack/tool.py",
        "pack/more.py",
        "../beside.py",
    }


def test_programs_that_are_broken_on_purpose_are_used_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_bytes(b"def (\xff\0")
    assert files_of(tmp_path, "add('broken.py')") == {"broken.py"}


@pytest.mark.parametrize(
    "name",
    ["", "..", "a\0b.py", f"{'x' * 300}.py", os.path.abspath(__file__), "folder.py", "log.txt"],
)
def test_strings_that_name_no_program_of_the_folder_are_none(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder.py").mkdir()
    (tmp_path / "log.txt").write_text("written by the scenario")
    assert files_of(tmp_path, f"add({name!r})") == set()


def test_files_too_large_to_be_sent_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(used, "MOST_OCTETS", 10)
    (tmp_path / "large.py").write_bytes(b"#" * 11)
    with pytest.raises(CampaignError, match=r"large\.py"):
        files_of(tmp_path, "add('large.py')")
