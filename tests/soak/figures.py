"""How a process stands: memory, objects, threads, descriptors, files, and what was counted."""

from __future__ import annotations

import gc
import os
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from support.patience import PATIENCE_S

# What may be more at the end than after the warm-up. Memory is never given back to the last octet,
# and caches of Python's and of the libraries' fill for a while.
SPARE_MEMORY = 0.10
SPARE_MEMORY_MIB = 6.0
SPARE_OBJECTS = 0.02
SETTLES_S = PATIENCE_S

# What kills, cuts and late events have counted; everything else must stay as it is.
MAY_GROW = frozenset({"hci.ignored", "hci.early_data", "hci.unknown_handles"})


class Figures(NamedTuple):
    """One look. `counters`: of all adapters together; `radio_*`: of the radio in the foreground."""

    memory_mib: float
    objects: int
    threads: int
    descriptors: int
    children: int
    files: tuple[str, ...]
    radio_memory_mib: float
    radio_descriptors: int
    counters: dict[str, int]

    def __str__(self) -> str:
        grown = {name: count for name, count in self.counters.items() if count}
        return (
            f"{self.memory_mib:6.1f} MiB  {self.objects:7} objects  {self.threads:2} threads"
            f"  {self.descriptors:3} descriptors  {self.children} children"
            f"  {len(self.files):2} files  radio {self.radio_memory_mib:.1f} MiB"
            f" {self.radio_descriptors} descriptors  {grown}"
        )


def look(
    files: Callable[[], list[str]], counters: Callable[[], Counter[str]], radio: int
) -> Figures:
    """Take the figures. `radio`: the process of the radio in the foreground."""
    gc.collect()
    return Figures(
        memory_mib=_memory_mib("self"),
        objects=len(gc.get_objects()),
        threads=threading.active_count(),
        descriptors=_descriptors("self"),
        children=_children(),
        files=tuple(files()),
        radio_memory_mib=_memory_mib(radio),
        radio_descriptors=_descriptors(radio),
        counters=dict(counters()),
    )


def settled(take: Callable[[], Figures], before: Figures | None) -> Figures:
    """Take the figures once threads, descriptors and files are as before, or will not be."""
    end_s = time.monotonic() + SETTLES_S
    while True:
        now = take()
        if before is None or not exact_differences(before, now) or time.monotonic() > end_s:
            return now
        time.sleep(0.2)


def exact_differences(before: Figures, now: Figures) -> list[str]:
    """Return what is not as it was, of that which must be."""
    found = [
        f"{name}: {getattr(before, name)} before, {getattr(now, name)} now"
        for name in ("threads", "descriptors", "children", "files", "radio_descriptors")
        if getattr(before, name) != getattr(now, name)
    ]
    for name, count in now.counters.items():
        if count != before.counters.get(name, 0) and name not in MAY_GROW:
            found.append(f"counter {name}: {before.counters.get(name, 0)} before, {count} now")
    return found


def complaints(before: Figures, now: Figures) -> list[str]:
    """Return what is wrong at the end, compared with the figures after the warm-up."""
    found = exact_differences(before, now)
    for name in ("memory_mib", "radio_memory_mib"):
        was, is_now = getattr(before, name), getattr(now, name)
        if is_now > was * (1 + SPARE_MEMORY) + SPARE_MEMORY_MIB:
            found.append(f"{name}: {was:.1f} before, {is_now:.1f} now")
    if now.objects > before.objects * (1 + SPARE_OBJECTS):
        found.append(f"objects: {before.objects} before, {now.objects} now")
    return found


def _memory_mib(process: int | str) -> float:
    for line in Path(f"/proc/{process}/status").read_text("ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise AssertionError(f"no VmRSS in /proc/{process}/status")


def _descriptors(process: int | str) -> int:
    return len(os.listdir(f"/proc/{process}/fd"))


def _children() -> int:
    tasks = Path("/proc/self/task").glob("*/children")
    return sum(len(task.read_text("ascii").split()) for task in tasks)
