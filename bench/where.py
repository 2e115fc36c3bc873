"""Where the time of a notification and of a look goes, before and now.

    python bench/where.py              prints tables
    python bench/where.py --page       puts them into docs/performance.md
    python bench/where.py sample notification|look     of this version (or PYTHONPATH's), as JSON

A thread looks at the others' stacks two thousand times a second while a world runs. What is on top
says in which part of the code the time goes; Python's own library counts for the part that calls
it, but for asyncio. Where no thread runs, for all of them wait, the baton is on its way from one
thread to another. The parts' shares are of the time that one takes without being looked at.

A notification is that of bench/data.py, whose receiver asks `readinto` in a loop. A look is one of
two devices that ask `adapter.connected` in turns, so each is a hand-over to the other.
"""

from __future__ import annotations

import ctypes
import json
import linecache
import sys
import threading
import time
from collections import Counter
from types import FrameType

from table import child, put_on_page, source_before

EVERY_S = 0.0005
SAMPLES = 1000
NOTIFICATIONS, LOOKS = 2000, 20_000
WAITING = (".acquire(", ".wait(", "poll(", "select(", "sleep(")  # in a line: it waits there
HANDOVER = "the baton goes to another thread"
PARTS = {
    "bleio/radio": "radio: air, links, controllers",
    "bleio/backends": "host: HCI, L2CAP",
    "bleio/gatt": "host: GATT and ATT",
    "bleio/att": "host: GATT and ATT",
    "bleio/runtime": "session and portal",
    "bleio/api": "classes of `_bleio`",
    "bleio/dropin": "classes of `_bleio`",
    "bleio/testing": "turns of the world, its clock",
    "bleio/": "the rest of bleio",
    "asyncio/": "asyncio",
}
PROGRAM = "programs"
SPINNER = f"import _bleio\nfor _ in range({LOOKS}):\n    _bleio.adapter.connected\n"


class Sampler(threading.Thread):
    """Looks at all other threads, from its start until `stop`."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.seen: Counter[str] = Counter()
        self._stopped = False

    def run(self) -> None:
        if sys.platform == "linux":  # do not wait 50 us longer than asked to
            ctypes.CDLL(None).prctl(29, 1, 0, 0, 0)  # PR_SET_TIMERSLACK
        while not self._stopped:
            time.sleep(EVERY_S)
            frames = sys._current_frames()
            running = [frame for ident, frame in frames.items() if ident != self.ident]
            at_work = [frame for frame in running if not waits(frame)]
            self.seen[part(at_work[0]) if at_work else HANDOVER] += 1

    def stop(self) -> None:
        self._stopped = True
        self.join()


def waits(frame: FrameType) -> bool:
    """Tell whether a thread is at a line that waits for others."""
    line = linecache.getline(frame.f_code.co_filename, frame.f_lineno or 0)  # None between lines
    return any(word in line for word in WAITING)


def part(frame: FrameType | None) -> str:
    """Return the part of the code that a stack is in."""
    while frame is not None:
        name = frame.f_code.co_filename
        for piece, of in PARTS.items():
            if piece in name:
                return of
        if name.startswith("<"):
            return PROGRAM
        frame = frame.f_back
    return PROGRAM


def notification() -> float:
    """Return seconds for one."""
    from data import ours

    return ours("notifications", NOTIFICATIONS) / NOTIFICATIONS


def look() -> float:
    """Return seconds for one."""
    from bleio.testing import World

    with World(seed=1) as world:
        for _ in range(2):
            world.add(source=SPINNER)
        begin = time.perf_counter()
        world.run()
        return (time.perf_counter() - begin) / LOOKS / 2


def sample(what: str) -> dict[str, float]:
    """Return microseconds of each part, and of all."""
    run = {"notification": notification, "look": look}[what]
    took_us = 1e6 * min(run() for _ in range(3))
    sampler = Sampler()
    sys.setswitchinterval(1e-6)  # or it would see threads only where they wait
    sampler.start()
    while sampler.is_alive() and sum(sampler.seen.values()) < SAMPLES:
        run()
    sampler.stop()
    total = sum(sampler.seen.values())
    return {"all": took_us, **{name: took_us * n / total for name, n in sampler.seen.items()}}


def table(what: str) -> str:
    """Return what each part takes, before and now, the largest of before first."""
    before = child("where.py", "sample", what, source=source_before())
    now = child("where.py", "sample", what)
    rows = [f"| a {what}, in a world | before | now |", "|---|---:|---:|"]
    digits = 0 if what == "notification" else 1
    for name in sorted({*before, *now}, key=lambda each: (-before.get(each, 0), each)):
        cells = (f"{of.get(name, 0):.{digits}f} us" for of in (before, now))
        rows.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(rows)


def main() -> None:
    """Print a table for each, or have them on the page."""
    tables = "\n\n".join(map(table, ("notification", "look")))
    if "--page" in sys.argv:
        put_on_page("bench/where.py", tables)
    else:
        print(tables)


if __name__ == "__main__":
    if sys.argv[1:2] == ["sample"]:
        print(json.dumps(sample(sys.argv[2])))
    else:
        main()
