"""tshark as the judge of captures; tests that need it are skipped where it is missing."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

needs_tshark: pytest.MarkDecorator = pytest.mark.skipif(
    shutil.which("tshark") is None, reason="tshark is not installed (Debian: apt install tshark)"
)
# Other complaints are left out: tshark takes cipher text without its key for clear text.
_BAD = "_ws.malformed || btle.crc.incorrect"
_BAD_BUT_FOR_DATA = "(_ws.malformed && !btcommon.eir_ad.advertising_data) || btle.crc.incorrect"


def fields(path: Path, *names: str, only: str = "") -> list[list[str]]:
    """The values of some fields of all frames, or of those that a display filter lets through."""
    command = ["tshark", "-n", "-r", str(path), "-T", "fields", "-E", "separator=;"]
    for name in names:
        command += ["-e", name]
    if only:
        command += ["-Y", only]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return [line.split(";") for line in done.stdout.splitlines()]


def bad_frames(path: Path, *, any_data: bool = False) -> list[list[str]]:
    """Number and summary of frames that are malformed or have a wrong CRC.

    Args: any_data: what is advertised need not be AD structures.
    """
    only = _BAD_BUT_FOR_DATA if any_data else _BAD
    return fields(path, "frame.number", "_ws.col.Protocol", "_ws.col.Info", only=only)
