"""Debian's Python and what bleio depends on, in a folder that the machine can be given.

Debian's packages of Python are unpacked, nothing of them is installed. pip fetches the wheels for
that Python, whichever runs this. All modules are compiled here, by Debian's Python itself with its
own C library: in the emulated machine that would take a minute.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from support.stacks import CACHE, HOW, CannotFetch, debian

# Beside what bleio depends on; itself it depends on much that is for boards with pins.
_ALONE = ("adafruit-circuitpython-ble>=10.1,<11",)
_PLATFORMS = ("manylinux2014_x86_64", *(f"manylinux_2_{minor}_x86_64" for minor in range(18, 37)))
_NOT_NEEDED = re.compile(
    r"usr/(share|include)/|usr/lib/python3[^/]*/(test|idlelib|lib2to3|pydoc_data|turtledemo)/"
)
_MERGED = ("bin", "sbin", "lib", "lib64")
_KEPT_S = 24 * 3600.0


@dataclass(frozen=True)
class PythonTree:
    """Where it is. In the machine `usr` is to be found as /usr, and `site` as `MOUNTED`/site."""

    folder: Path

    @property
    def site(self) -> Path:
        """What pip has fetched."""
        return self.folder / "site"

    @property
    def standard_modules(self) -> Path:
        """Python's own modules; the folder is named after the version."""
        (found,) = (self.folder / "usr" / "lib").glob("python3.*")
        return found

    def compile(self, folder: Path, seen_as: str) -> None:
        """Compile all modules below a folder whose compiled ones are not up to date.

        Args: seen_as: the folder's name in the machine, which tracebacks show.
        """
        usr = self.folder / "usr"
        (loader,) = usr.glob("lib*/ld-linux-x86-64.so.2")
        start = (str(loader), "--library-path", str(usr / "lib" / "x86_64-linux-gnu"))
        python = (str(usr / "bin" / self.standard_modules.name), "-S", "-m", "compileall", "-q")
        subprocess.run(
            [*start, *python, "-s", str(folder), "-p", seen_as, str(folder)],
            check=True,
            env={"PYTHONHOME": str(usr), "PATH": os.environ["PATH"]},
            timeout=600,
        )


MOUNTED = "/python"  # where the machine has the folder


def tree() -> PythonTree:
    """Return it; its folder is named after what it is made of."""
    recipe = "\n".join([*_requirements(), *_ALONE, *_PLATFORMS, Path(__file__).read_text("utf-8")])
    suite = f"{debian.SUITE}-" if debian.SUITE else ""
    return PythonTree(CACHE / f"python-{suite}{hashlib.sha256(recipe.encode()).hexdigest()[:12]}")


def missing() -> str:
    """Why tests cannot use it; empty if they can."""
    made = tree().folder
    return "" if made.is_dir() else f"Debian's Python is not in {made.parent}; {HOW}"


def fetch() -> Path:
    """Make it, and return its folder. Raises: CannotFetch, CalledProcessError."""
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        raise CannotFetch("Debian's packages need its apt-get and dpkg-deb")
    made = tree()
    if not made.folder.is_dir():
        CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=CACHE) as name:
            unfinished = PythonTree(Path(name) / "python")
            _unpack(unfinished, Path(name) / "packages")
            _install(unfinished)
            unfinished.compile(unfinished.folder / "usr", "/usr")
            unfinished.compile(unfinished.site, f"{MOUNTED}/site")
            for former in CACHE.glob("python-*"):
                if former.stat().st_mtime < time.time() - _KEPT_S:  # else others may still use it
                    shutil.rmtree(former)
            os.rename(unfinished.folder, made.folder)  # so that it is there whole or not at all
    return made.folder


def _unpack(made: PythonTree, packages: Path) -> None:
    debian.refresh_lists()
    try:
        (python,) = (name for name in debian.depends("python3") if name.startswith("python3."))
    except (subprocess.CalledProcessError, ValueError):
        raise CannotFetch("there is no package python3 here") from None
    for archive in debian.download(debian.closure(python, f"{python}-minimal"), packages):
        for member, content in debian.files(archive):
            path = member.name.removeprefix("./").rstrip("/")
            if path.partition("/")[0] in _MERGED:
                path = f"usr/{path}"
            if path.startswith("usr/") and not _NOT_NEEDED.match(path):
                _put(made.folder / path, member, content)


def _put(path: Path, member: tarfile.TarInfo, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if member.issym():
        path.symlink_to(member.linkname)
    elif member.isreg():
        path.write_bytes(content)
        path.chmod(member.mode)


def _install(made: PythonTree) -> None:
    version = made.standard_modules.name.removeprefix("python")
    fits = [f"--python-version={version}", "--implementation=cp", "--only-binary=:all:"]
    fits += [f"--platform={each}" for each in _PLATFORMS]
    into = ["--quiet", "--no-compile", f"--target={made.site}"]
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", *into, *fits]
    subprocess.run([*pip, *_requirements()], check=True, timeout=600)
    subprocess.run([*pip, "--no-deps", *_ALONE], check=True, timeout=600)


def _requirements() -> Iterator[str]:
    """Go through what the tested bleio depends on, extras left out."""
    for each in metadata.requires("bleio") or ():
        if "extra ==" not in each:
            yield each
