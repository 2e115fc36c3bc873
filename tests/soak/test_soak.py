"""The soak, as short as it can be: one round to warm up, and one after which all is as it was."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from support.patience import PATIENCE_S


# Each of its steps may take that long.
@pytest.mark.timeout(20 * PATIENCE_S)
@pytest.mark.skipif(sys.platform != "linux", reason="the figures are taken from Linux's /proc")
def test_a_round_leaves_nothing_behind() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "soak", "--quick"], cwd=Path(__file__).parents[1],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


SOAK_THAT_IS_KILLED = """
import os, signal
from soak.disk import SmallDisk
disk = SmallDisk()
print(disk.folder.parent, disk.mounted, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="mounts of Linux")
def test_a_soak_that_is_killed_leaves_no_file_system_mounted() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SOAK_THAT_IS_KILLED], cwd=Path(__file__).parents[1],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    folder, mounted = done.stdout.split()
    try:
        if mounted != "True":
            pytest.skip("this user may not mount anything")
        assert folder not in Path("/proc/self/mounts").read_text("utf-8")
    finally:
        subprocess.run(["umount", folder], capture_output=True, check=False)
        Path(folder).rmdir()
