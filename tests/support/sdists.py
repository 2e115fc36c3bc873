"""The examples of installed libraries, which their source distributions have and wheels do not."""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import pytest

_DEADLINE_S = 300


def examples_of(distribution: str, cache: Path) -> Path:
    """Return the folder of the examples of the installed version, unchanged as published.

    Skips the test if they cannot be had, except in CI, where they must be.
    """
    version = importlib.metadata.version(distribution)
    unpacked = cache / f"{distribution}-{version}"
    if not unpacked.exists():
        # Several workers may come here at once; each unpacks for itself, the first to finish wins.
        with tempfile.TemporaryDirectory(dir=cache) as folder:
            archive = _download(f"{distribution}=={version}", Path(folder))
            with tarfile.open(archive) as tar:
                tar.extractall(Path(folder) / "unpacked", filter="data")
            (top,) = (Path(folder) / "unpacked").iterdir()
            try:
                top.rename(unpacked)
            except OSError:
                if not unpacked.exists():
                    raise
    return unpacked / "examples"


def _download(requirement: str, folder: Path) -> Path:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "download"]
    # Without isolation: what their metadata needs to be built is in our extra already.
    options = ["--no-deps", "--no-binary", ":all:", "--no-build-isolation", "--dest", str(folder)]
    result = subprocess.run(
        [*command, *options, requirement], capture_output=True, text=True, timeout=_DEADLINE_S
    )
    if result.returncode != 0:
        why = f"pip cannot get the examples of {requirement}: {result.stderr.strip()[-300:]}"
        if os.environ.get("CI"):
            pytest.fail(why)
        pytest.skip(why)
    (archive,) = folder.glob("*.tar.gz")
    return archive
