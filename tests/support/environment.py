"""Virtual environments of their own, to install distributions in."""

from __future__ import annotations

import os
import subprocess
import venv
from pathlib import Path


class Environment:
    """A virtual environment, empty but for pip."""

    def __init__(self, folder: Path) -> None:
        venv.create(folder, with_pip=True)
        self.folder = folder
        self.scripts = folder / ("Scripts" if os.name == "nt" else "bin")
        self.executable = self.scripts / "python"
        self.packages = Path(
            self.python("-c", "import sysconfig; print(sysconfig.get_path('purelib'))")
        )

    def python(self, *arguments: str | Path, **variables: str) -> str:
        """Run this environment's Python and give what it prints; a word on stderr is a failure."""
        ended = self.run(self.executable, *arguments, **variables)
        assert (ended.returncode, ended.stderr) == (0, ""), ended.stdout + ended.stderr
        return ended.stdout.strip()

    def run(self, *command: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a command with `variables` and what an interpreter needs to start, and no others."""
        kept = {
            name: os.environ[name] for name in ("PATH", "HOME", "SYSTEMROOT") if name in os.environ
        }
        return subprocess.run(
            command,
            env={**kept, **variables},
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=110,
        )

    def pip(self, *arguments: str | Path) -> None:
        command = [self.executable, "-m", "pip", "--quiet", *arguments]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=300)
        assert ended.returncode == 0, ended.stdout + ended.stderr
