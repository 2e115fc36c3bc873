"""bleio's commands, run to their end."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from support.patience import PATIENCE_S, as_if_idle


def bleio(
    *arguments: str | Path, folder: Path | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run `bleio` with these arguments, and with more in its environment, to its end.

    Returns: what came of it on an idle machine.
    """
    done = subprocess.run(
        [sys.executable, "-m", "bleio", *map(str, arguments)],
        cwd=folder,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    done.stderr = as_if_idle(done.stderr)
    return done
