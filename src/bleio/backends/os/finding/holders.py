"""Which programs have a device's file open, as far as this user may see."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

_MOST_PROCESSES, _MOST_FILES = 4096, 512


def holders(node: str, root: Path = Path("/")) -> list[str]:
    """Return such as `python3 (1234)` for each process that has the file open.

    Processes of other users show their files to root alone. Args: root: where the machine begins.
    """
    return [f"{_name(process)} ({process.name})" for process in _processes(root, node)]


def _processes(root: Path, node: str) -> Iterator[Path]:
    for process in islice(root.glob("proc/[0-9]*"), _MOST_PROCESSES):
        if any(target == node for target in islice(_files(process / "fd"), _MOST_FILES)):
            yield process


def _files(folder: Path) -> Iterator[str]:
    try:
        entries = os.listdir(folder)
    except OSError:
        return
    for each in entries:
        try:
            yield os.readlink(folder / each)
        except OSError:
            continue


def _name(process: Path) -> str:
    try:
        text = (process / "comm").read_text(errors="replace").strip()
    except OSError:
        return "a process"
    return "".join(each if each.isprintable() else "?" for each in text)
