"""What a broken installation does to programs that do not use it. See docs/security.md."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import bleio
from support.patience import PATIENCE_S

SOURCES = Path(bleio.__file__).parents[1]

BROKEN = {
    "moved away": {},
    "empty folder": {"bleio/note.txt": b""},
    "not Python": {"bleio/__init__.py": b"half a li(ne"},
    "not text": {"bleio/__init__.py": b"\0\xff"},
    "another one": {"bleio.py": b"import nothing_of_that_name"},
    "raises": {"bleio/__init__.py": b"raise OSError('disk')"},
    "leaves": {"bleio/__init__.py": b"import sys\nsys.exit('go away')"},
    "part of it": {"bleio/__init__.py": Path(bleio.__file__).read_bytes()},
}


@pytest.mark.parametrize("way", ["in the environment", "in the current folder"])
@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_installation_is_silent_at_the_start_of_python(
    case: str, way: str, tmp_path: Path
) -> None:
    """Also where an empty entry of PYTHONPATH stands for the current folder."""
    environment, current = tmp_path / "environment", tmp_path / "current"
    environment.mkdir()
    current.mkdir()
    start_up = environment / "bleio-precedence.pth"
    start_up.write_bytes((SOURCES / "bleio-precedence.pth").read_bytes())
    for name, content in BROKEN[case].items():
        path = (environment if way == "in the environment" else current) / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    program = f"import site; site.addsitedir({str(environment)!r}); print('goes on')"
    ended = subprocess.run(
        [sys.executable, "-S", "-c", program],
        env={**os.environ, "PYTHONPATH": os.pathsep},
        cwd=current,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "goes on\n", "")
