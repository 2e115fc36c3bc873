"""A folder for what programs keep, on a disk that can be full.

A file system of a few hundred kilobytes where this user may mount one; only this process and those
that it starts see it, so that it ends with them, however they end. Elsewhere the operating system
is told to let this process write no file at all while the disk is "full".
"""

from __future__ import annotations

import ctypes
import os
import resource
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_SIZE = "256k"
_CLONE_NEWNS = 0x00020000  # linux/sched.h


class SmallDisk:
    """`folder` is on it; `mounted`: whether it is one of its own."""

    def __init__(self) -> None:
        self._place = Path(tempfile.mkdtemp(prefix="bleio-soak-"))
        self.mounted = _mounts(self._place)
        self.folder = self._place / "state"
        self.folder.mkdir(mode=0o700)

    @contextmanager
    def full(self) -> Iterator[None]:
        """Let there be no room for another octet."""
        if not self.mounted:
            limits = resource.getrlimit(resource.RLIMIT_FSIZE)
            resource.setrlimit(resource.RLIMIT_FSIZE, (0, limits[1]))
            try:
                yield
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, limits)
            return
        filler = self._place / "filler"
        with open(filler, "wb", buffering=0) as file, suppress(OSError):
            while file.write(bytes(4096)):
                pass
        try:
            yield
        finally:
            filler.unlink()

    def files(self) -> list[str]:
        """The files that programs have left."""
        return sorted(path.name for path in self.folder.rglob("*") if path.is_file())

    def close(self) -> None:
        if self.mounted:
            subprocess.run(["umount", self._place], check=False)
        shutil.rmtree(self._place, ignore_errors=True)


def _mounts(place: Path) -> bool:
    if os.geteuid() != 0 or shutil.which("mount") is None:
        return False
    # From now on what is mounted is this process's own. Python has no such call before 3.12.
    if ctypes.CDLL(None).unshare(_CLONE_NEWNS) != 0:
        return False
    private = ["mount", "--make-rprivate", "/"]
    if subprocess.run(private, stderr=subprocess.DEVNULL, check=False).returncode:
        return False
    command = ["mount", "-t", "tmpfs", "-o", f"size={_SIZE},mode=0700", "bleio-soak", place]
    return subprocess.run(command, stderr=subprocess.DEVNULL, check=False).returncode == 0
