"""Files and devices that are not what they are taken for. See docs/security.md."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="files of POSIX")

OPEN = """
import _bleio
_bleio.adapter.start_advertising(b"")
"""


def run(program: str, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, **settings}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/null", "a pipe"])
def test_a_device_that_is_no_controller(device: str, tmp_path: Path) -> None:
    if device == "a pipe":
        device = str(tmp_path / "pipe")
        os.mkfifo(device)
    done = run(OPEN, BLEIO_ADAPTER=f"hci:file:{device}")
    assert done.returncode == 1
    *_, last = done.stderr.splitlines()
    assert f"Cannot open the adapter 'hci:file:{device}': " in last
    assert "name a" in last
    assert done.stderr.count("Traceback") == 1  # the program's own
