"""docs/campaigns.md has each option."""

from __future__ import annotations

import re
from pathlib import Path

from support.studies import Study

TEXT = (Path(__file__).parents[2] / "docs" / "campaigns.md").read_text("utf-8")


def test_each_option_has_a_row(study: Study) -> None:
    options = set(re.findall(r"--[a-z]+", study.run("--help"))) - {"--help"}
    rows = set(re.findall(r"^\| `(--[a-z]+)", TEXT, re.MULTILINE))
    assert rows == options
