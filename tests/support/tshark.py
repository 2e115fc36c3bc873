"""tshark as the judge of captures; tests that need it are skipped where it is missing."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from support.patience import PATIENCE_S

needs_tshark: pytest.MarkDecorator = pytest.mark.skipif(
    shutil.which("tshark") is None, reason="tshark is not installed (Debian: apt install tshark)"
)
_WARNING = 0x600000  # of tshark's severities; an error is above it
_BAD = f"_ws.malformed || _ws.expert.severity >= {_WARNING}"
_BAD_BUT_FOR_DATA = "(_ws.malformed && !btcommon.eir_ad.advertising_data) || btle.crc.incorrect"


def fields(path: Path, *names: str, only: str = "") -> list[list[str]]:
    """The values of some fields of all frames, or of those that a display filter lets through."""
    command = ["tshark", "-n", "-r", str(path), "-T", "fields", "-E", "separator=;"]
    for name in names:
        command += ["-e", name]
    if only:
        command += ["-Y", only]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert done.returncode == 0, done.stderr
    return [line.split(";") for line in done.stdout.splitlines()]


def bad_frames(path: Path, *, any_data: bool = False) -> list[list[str]]:
    """Number, summary and complaint of frames with a warning or an error of tshark's expert info.

    Args: any_data: what is advertised and sent need not make sense, nor need procedures be whole;
        only what is malformed otherwise, or has a wrong CRC, is bad.
    """
    names = ("frame.number", "_ws.col.Protocol", "_ws.col.Info", "_ws.expert.message")
    return fields(path, *names, only=_BAD_BUT_FOR_DATA if any_data else _BAD)
