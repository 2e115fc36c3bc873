"""What the documentation shows of Python works as it is typed in."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support.patience import PATIENCE_S

ROOT = Path(__file__).parents[2]


@pytest.mark.interop
@pytest.mark.parametrize("page", ["worlds.md", "radio.md", "asyncio.md"])
def test_samples_run(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    monkeypatch.chdir(tmp_path)
    text = (ROOT / "docs" / page).read_text("utf-8")
    samples = re.findall(r"^```python\n(.*?)^```$", text, re.M | re.S)
    assert samples
    typed_in: dict[str, object] = {"__name__": "typed_in"}
    for sample in samples:
        exec(sample, typed_in)


@pytest.mark.interop
def test_the_readme_prints_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    beacon, finder, test = re.findall(r"^```python\n(.*?)^```$", text, re.M | re.S)
    (tmp_path / "beacon.py").write_text(beacon)
    (tmp_path / "finder.py").write_text(finder)
    (tmp_path / "test_beacon.py").write_text(test)
    monkeypatch.chdir(tmp_path)
    command = [sys.executable, "-m", "bleio", "sim", "beacon.py", "finder.py"]
    printed = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S).stdout
    assert len(printed.splitlines()) == 1
    assert f"    $ bleio sim beacon.py finder.py\n    {printed}" in text
    pytest_ = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    assert (
        "1 passed"
        in subprocess.run(pytest_, capture_output=True, text=True, timeout=PATIENCE_S).stdout
    )
