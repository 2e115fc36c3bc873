"""What the documentation shows of Python works as it is typed in."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.interop
@pytest.mark.parametrize("page", ["worlds.md", "radio.md"])
def test_samples_run(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    monkeypatch.chdir(tmp_path)
    text = (ROOT / "docs" / page).read_text("utf-8")
    samples = re.findall(r"^```python\n(.*?)^```$", text, re.M | re.S)
    assert samples
    typed_in: dict[str, object] = {}
    for sample in samples:
        exec(sample, typed_in)
