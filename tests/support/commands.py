"""bleio's commands, run to their end.

Those that take long say from time to time how far they are. Whether it takes long depends on how
busy the machine is, so what a test expects is without that.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from support.patience import PATIENCE_S

_PROGRESS = re.compile(
    r"^(\d+ of \d+ worlds"  # bleio campaign
    r"|\d+ worlds?, (seeds|\d+ faults?|any faults|simpler faults)"  # bleio hunt
    r"|simulated \d+\.\d s"  # bleio sim
    r").*\n",
    re.MULTILINE,
)


def without_progress(said: str) -> str:
    """Return what a command has said, without the lines that say how far it was."""
    return _PROGRESS.sub("", said)


def bleio(*arguments: str | Path, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run `bleio` with these arguments to its end."""
    done = subprocess.run(
        [sys.executable, "-m", "bleio", *map(str, arguments)],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    done.stderr = without_progress(done.stderr)
    return done
