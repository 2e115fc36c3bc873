"""Pages in headless Chromium, for tests of what they show."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from support.patience import PATIENCE_S

_NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
# A profile of its own, so that several may run at once; no sandbox, since root has none.
_OPTIONS = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars")


def chromium() -> str:
    """Return the browser's path. Skips the test where there is none, except in CI."""
    for name in _NAMES:
        if path := shutil.which(name):
            return path
    why = "no Chromium is installed"
    if os.environ.get("CI"):
        pytest.fail(why)
    pytest.skip(why)


def dom_after(page: Path, script: str = "", *, size: str = "1300,850") -> str:
    """Return the page's elements as text, after its scripts and `script` have run."""
    looked_at = page.with_name(f"{page.stem}-looked-at.html")
    text = page.read_text(encoding="utf-8")
    looked_at.write_text(f"{text}\n<script>{script}</script>", encoding="utf-8")
    return _run(looked_at, "--dump-dom", f"--window-size={size}")


def screenshot(page: Path, file: Path, *, size: str = "1300,850") -> None:
    """Write a picture of the page to a PNG file."""
    _run(page, f"--screenshot={file}", f"--window-size={size}")


def _run(page: Path, *what: str) -> str:
    profile = page.parent / "profile"
    command = [chromium(), *_OPTIONS, f"--user-data-dir={profile}", *what]
    return subprocess.run(
        [*command, "--virtual-time-budget=5000", page.as_uri()],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=True,
    ).stdout
