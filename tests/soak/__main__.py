"""`python -m soak`: see `--help`."""

from __future__ import annotations

import argparse
import logging
import os
import shutil
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from soak.disk import SmallDisk
from soak.figures import Figures, complaints, look, settled

if TYPE_CHECKING:
    from soak.crew import Crew

LINKS, QUICK_LINKS = 20, 3
_WARM_UP = 0.2  # of the time, and two rounds at least


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m soak", description="Soak the product.")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--links", type=int, default=LINKS)
    parser.add_argument("--quick", action="store_true", help="a few links, two rounds, no guests")
    arguments = parser.parse_args()
    if sys.platform != "linux":
        parser.error("the figures are taken from Linux's /proc")
    disk, runtime = SmallDisk(), Path(tempfile.mkdtemp(prefix="bleio-"))
    os.environ |= {"BLEIO_STATE_DIR": str(disk.folder), "XDG_RUNTIME_DIR": str(runtime)}
    os.environ["BLEIO_ADAPTER"] = "virtual:soak"
    # What is told of a full disk and of a dead radio is meant to be told; it is not news here.
    logging.getLogger("bleio").addHandler(logging.NullHandler())
    from soak.crew import Crew  # only now, with that environment

    links = QUICK_LINKS if arguments.quick else arguments.links
    kind = "a small file system" if disk.mounted else "a limit on this process's files"
    print(f"{links} links; the full disk is {kind}", flush=True)
    try:
        crew = Crew(links, disk, runtime)
        try:
            soak = _two_rounds if arguments.quick else partial(_many_rounds, arguments.minutes)
            before, now = soak(crew)
        finally:
            crew.close()
    finally:
        disk.close()
        shutil.rmtree(runtime, ignore_errors=True)
    found = complaints(before, now)
    for complaint in found:
        print(f"NOT AS BEFORE: {complaint}")
    if not found:
        print("All is as it was after the warm-up.")
    return bool(found)


def _take(crew: Crew, before: Figures | None = None) -> Figures:
    return settled(lambda: look(crew.files, crew.counters, crew.radio.pid), before)


def _two_rounds(crew: Crew) -> tuple[Figures, Figures]:
    """One to warm up, and one more. Returns: the figures after each."""
    from soak import rounds

    rounds.soak(crew, with_guests=False)
    before = _take(crew)
    rounds.soak(crew, with_guests=False)
    return before, _take(crew, before)


def _many_rounds(minutes: float, crew: Crew) -> tuple[Figures, Figures]:
    """Rounds for a time. Returns: the figures after the warm-up and at the end."""
    from soak import rounds

    begin_s = shown_s = time.monotonic()
    before: Figures | None = None
    number = 0
    while True:
        rounds.soak(crew, with_guests=True)
        number += 1
        now, passed_s = _take(crew, before), time.monotonic() - begin_s
        is_over = before is not None and passed_s >= 60 * minutes
        is_warm = before is None and number >= 2 and passed_s >= _WARM_UP * 60 * minutes
        if is_over or is_warm or number == 1 or time.monotonic() - shown_s >= 60:
            shown_s = time.monotonic()
            note = "  (warm)" if is_warm else ""
            print(f"{passed_s / 60:5.1f} min  round {number:3}  {now}{note}", flush=True)
        if is_warm:
            before = now
        elif before is not None and is_over:
            return before, now


if __name__ == "__main__":
    sys.exit(main())
