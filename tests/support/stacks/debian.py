"""Debian's packages: installing them, and looking into them without installing them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from support.stacks import CACHE, CannotFetch

# Which of Debian's suites packages are from, such as trixie; empty: those of this system.
SUITE = os.environ.get("BLEIO_TEST_DEBIAN", "")
_SOURCE = "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] {} {} main\n"


def install(*packages: str) -> None:
    """Install packages on this system. Raises: CannotFetch, CalledProcessError."""
    names = " ".join(packages)
    if not shutil.which("apt-get"):
        raise CannotFetch(f"{names} must be installed, and there is no apt-get")
    if os.geteuid() != 0:
        raise CannotFetch(f"{names} must be installed, which root may: apt-get install {names}")
    refresh_lists()
    command = ["apt-get", "install", "-qq", "-y", "--no-install-recommends", *packages]
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(command, check=True, env=quiet, timeout=600)


@cache
def refresh_lists() -> None:
    """Learn what packages there are, if root runs this; else what was learnt before must do."""
    if os.geteuid() == 0 or SUITE:
        subprocess.run(["apt-get", "update", "-qq", *_options()], check=True, timeout=300)


@cache
def _options() -> tuple[str, ...]:
    """Return what has apt look for another suite's packages, in lists of their own."""
    if not SUITE:
        return ()
    folder = CACHE / f"apt-{SUITE}"
    for name in ("lists/partial", "cache/archives/partial"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "sources.list").write_text(_SOURCE.format(_archive(), SUITE))
    places = {
        "Dir::Etc::SourceList": folder / "sources.list",
        "Dir::Etc::SourceParts": "/dev/null",
        "Dir::State::Lists": folder / "lists",
        "Dir::Cache": folder / "cache",
        "APT::Sandbox::User": "root",
    }
    return tuple(part for name, place in places.items() for part in ("-o", f"{name}={place}"))


def _archive() -> str:
    """Return where this system gets its Debian packages from."""
    shown = subprocess.run(["apt-cache", "policy"], check=True, capture_output=True, text=True)
    found = re.search(r"(https?://\S+/debian) \S+/main", shown.stdout)
    if found is None:
        raise CannotFetch("this system's packages are not Debian's")
    return found[1]


def closure(*roots: str) -> list[str]:
    """Return these packages and the libraries that they need, directly or not."""
    found: list[str] = []
    waiting = list(roots)
    while waiting:
        package = waiting.pop(0)
        if package not in found:
            found.append(package)
            waiting += [name for name in depends(package) if name.startswith(("lib", "zlib"))]
    return found


def depends(package: str) -> list[str]:
    """Return the packages that one depends on."""
    command = ["apt-cache", *_options(), "depends", "--important", "--no-recommends", package]
    shown = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout
    return re.findall(r"^ [ |](?:Pre)?Depends: ([^<\s]+)$", shown, re.MULTILINE)


def download(packages: list[str], folder: Path) -> list[Path]:
    """Fetch packages' archives into a folder; give their paths. Raises: CalledProcessError."""
    folder.mkdir(parents=True, exist_ok=True)
    # apt fetches as a user of its own where it can, who may not write here, and then complains.
    own_user = ("-o", "APT::Sandbox::User=root")
    command = ["apt-get", "download", "-qq", *own_user, *_options(), *packages]
    subprocess.run(command, check=True, cwd=folder, timeout=600)
    return sorted(folder.glob("*.deb"))


def files(archive: Path) -> Iterator[tuple[tarfile.TarInfo, bytes]]:
    """Go through what a package's archive holds."""
    command = ["dpkg-deb", "--fsys-tarfile", str(archive)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        with tarfile.open(fileobj=process.stdout, mode="r|") as tar:
            for member in tar:
                content = tar.extractfile(member) if member.isreg() else None
                yield member, content.read() if content else b""
        assert process.stdout is not None
        process.stdout.read()
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
