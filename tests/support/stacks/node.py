"""Node's ble-host, from npm."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

from support.stacks import CACHE, HOW, CannotFetch, debian

PACKAGE, VERSION = "ble-host", "1.0.3"
_FOLDER = CACHE / "node"


def missing() -> str:
    """Why tests cannot use it; empty if they can."""
    if not shutil.which("node"):
        return f"there is no node; {HOW} where it may"
    if _installed_version() != VERSION:
        return f"npm's {PACKAGE} {VERSION} is not in {_FOLDER}; {HOW}"
    return ""


def fetch() -> Path:
    """Install Node if it is missing, and the package in a folder of the cache; give the folder.

    Raises: CannotFetch, CalledProcessError.
    """
    if not (shutil.which("node") and shutil.which("npm")):
        debian.install("nodejs", "npm")
    if _installed_version() != VERSION:
        _FOLDER.mkdir(parents=True, exist_ok=True)
        # Its optional part is a driver for real controllers, which would have to be compiled.
        options = ["--omit=optional", "--ignore-scripts", "--no-audit", "--no-fund"]
        command = ["npm", "install", *options, "--prefix", str(_FOLDER), f"{PACKAGE}@{VERSION}"]
        subprocess.run(command, check=True, timeout=300)
    if reason := missing():
        raise CannotFetch(reason)
    return _FOLDER


def environment() -> dict[str, str]:
    """Return the environment in which a script finds the package."""
    return {**os.environ, "NODE_PATH": str(_FOLDER / "node_modules")}


def _installed_version() -> str:
    try:
        description = (_FOLDER / "node_modules" / PACKAGE / "package.json").read_text("utf-8")
    except FileNotFoundError:
        return ""
    return str(json.loads(description)["version"])
