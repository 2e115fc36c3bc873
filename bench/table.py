"""What is measured, what it is compared with, and the goals.

A benchmark is a script of this folder, run in a process of its own for each round; a round gives
figures by names, and rows of the table say which of them are ours and which the reference.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

BENCH = Path(__file__).resolve().parent
ROOT = BENCH.parent
PAGE = ROOT / "docs" / "performance.md"
BEFORE = "e9ab351"  # the version that worlds are compared with
PATIENCE_S = 120.0
Figures = dict[str, float]


class Goal(NamedTuple):
    """What ours must be: `words` for the table, `met` of ours and the reference."""

    words: str
    met: Callable[[float, float], bool]


def at_least(ratio: float) -> Goal:
    return Goal(f"at least {ratio:g} x", lambda ours, reference: ours >= ratio * reference)


def at_most(ratio: float) -> Goal:
    return Goal(f"at most {ratio:g} x", lambda ours, reference: ours <= ratio * reference)


def at_most_more(amount: float, unit: str) -> Goal:
    words = f"at most {amount:g} {unit} more"
    return Goal(words, lambda ours, reference: ours <= reference + amount)


def below(amount: float, unit: str) -> Goal:
    return Goal(f"below {amount:g} {unit}", lambda ours, _: ours < amount)


class Row(NamedTuple):
    """A line of the table, of two figures of a measurement; a reference of "" is none.

    beside: what the reference is of.
    """

    name: str
    beside: str
    unit: str
    ours: str
    reference: str
    goal: Goal | None


class Benchmark(NamedTuple):
    """`measure` is one round; each row takes its figures from it."""

    measure: Callable[[], Figures]
    rows: tuple[Row, ...]


class NotMeasured(Exception):
    """Says why."""


def child(script: str, *arguments: object, source: Path | None = None) -> Figures:
    """Run a script of the bench, with our source or with another. Returns: its last line."""
    environment = dict(os.environ)
    if source is not None:
        environment["PYTHONPATH"] = str(source)
    command = [sys.executable, str(BENCH / script), *map(str, arguments)]
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        output, errors = process.communicate(timeout=None if script == "long.py" else PATIENCE_S)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGINT)  # so that it ends what it has started
        process.communicate()
        raise NotMeasured(f"{script} took more than {PATIENCE_S:g} s") from None
    if process.returncode:
        raise NotMeasured(f"{script} failed: {errors.strip().splitlines()[-1]}")
    figures: Figures = json.loads(output.splitlines()[-1])
    return figures


def source_before() -> Path:
    """Return the source of the older version, taken from the history."""
    folder = ROOT / "build" / BEFORE
    if not folder.exists():
        unpacked = folder.with_suffix(".new")
        unpacked.mkdir(parents=True, exist_ok=True)
        try:
            command = ["git", "archive", BEFORE, "src"]
            packed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
            subprocess.run(["tar", "-x", "-C", unpacked], input=packed.stdout, check=True)
        except (OSError, subprocess.CalledProcessError):
            why = f"there is no {BEFORE} to compare with; it takes git and a clone with its history"
            raise NotMeasured(why) from None
        unpacked.rename(folder)
    return folder / "src"


def with_tables(script: str, tables: str) -> str:
    """Return docs/performance.md with other tables between the two lines that name the script."""
    begin, end = f"<!-- {script} -->\n", f"<!-- end of {script} -->\n"
    before, _, rest = PAGE.read_text("utf-8").partition(begin)
    assert end in rest, f"{PAGE} has no place for what {script} prints"
    return f"{before}{begin}\n{tables}\n\n{end}{rest.partition(end)[2]}"


def put_on_page(script: str, tables: str) -> None:
    """Put tables into docs/performance.md."""
    PAGE.write_text(with_tables(script, tables), "utf-8")


def beside_bumble(script: str, what: str) -> Callable[[], Figures]:
    """Compare the same of ours and of bumble."""

    def measure() -> Figures:
        ours, bumble = (child(script, whose, what)["value"] for whose in ("ours", "bumble"))
        return {"ours": ours, "reference": bumble}

    return measure


def beside_before(world: str) -> Callable[[], Figures]:
    """Compare a world of ours with the same world of the older version."""

    def measure() -> Figures:
        before = child("worlds.py", world, source=source_before())["value"]
        return {"ours": child("worlds.py", world)["value"], "reference": before}

    return measure


def in_one(script: str, *arguments: object) -> Callable[[], Figures]:
    """Let one script measure all."""
    return lambda: child(script, *arguments)


def of_bumble(name: str, script: str, what: str, ratio: float) -> Benchmark:
    row = Row(name, "bumble", "/s", "ours", "reference", at_least(ratio))
    return Benchmark(beside_bumble(script, what), (row,))


def of_before(name: str, world: str, ratio: float) -> Benchmark:
    row = Row(name, BEFORE, "s", "ours", "reference", at_most(ratio))
    return Benchmark(beside_before(world), (row,))


MOST = at_least(0.97)
IDLE = below(0.01, "cores")
HALF_A_CORE = below(0.5, "cores")
FEW = below(2, "intervals")
FIVE_S = below(5, "s")
ALL = Goal("all", lambda ours, _: ours == 1)

BENCHMARKS = (
    of_bumble("world: notifications of 244 octets", "data.py", "notifications", 3),
    of_bumble("world: reads of 100 octets", "data.py", "reads", 3),
    of_bumble("world: writes with response, 100 octets", "data.py", "writes", 3),
    of_before("world: two devices spin for a minute", "two_spin", 0.1),
    of_before("world: ten devices spin for a minute", "ten_spin", 0.1),
    of_before("world: a spinning UART pair, a minute", "spinning_uart_pair", 0.1),
    of_before("world: a UART pair, 20 lines a second, a minute", "uart_pair", 0.25),
    of_before("world: a beacon and a scanner, an hour", "beacon", 0.25),
    Benchmark(
        in_one("hour.py"),
        (Row("world: strap, echo and app, an hour", "awaiting", "s", "polls", "awaits", FIVE_S),),
    ),
    of_before("world: a pairing", "pairing", 0.25),
    of_before("world: 100 advertise at 100 ms, one scans, a minute", "hundred_advertise", 0.25),
    of_bumble("host: advertising reports to ScanEntry", "host.py", "reports", 15),
    of_bumble("host: notifications received to PacketBuffer", "host.py", "received", 5),
    of_bumble("host: notifications sent from PacketBuffer.write", "host.py", "sent", 5),
    of_bumble("host: discovery of 10 services of 10", "host.py", "discovery", 3),
    Benchmark(
        in_one("startup.py", "processes"),
        (
            Row("bleio sim of two programs", "asyncio", "ms", "sim", "asyncio", at_most(3)),
            Row("import _bleio", "json", "ms", "import", "json", at_most_more(40, "ms")),
            Row("a start of Python, for the finder", "all of it", "ms", "finder", "start", None),
        ),
    ),
    Benchmark(
        in_one("startup.py", "tests"),
        (Row("a ble_world test", "no fixture", "ms", "world", "empty", at_most_more(5, "ms")),),
    ),
    Benchmark(
        in_one("shared.py", "limit"),
        (
            Row("shared radio: notifications, 2M, 15 ms", "the air", "/s", "value", "limit", MOST),
            Row("shared radio: radio and both engines", "", "core", "all", "", HALF_A_CORE),
        ),
    ),
    *(
        Benchmark(
            in_one("shared.py", f"many{octets}"),
            (
                Row(f"20 links, 50/s of {octets}: delivered", "", "of all", "delivered", "", ALL),
                Row(f"20 links, 50/s of {octets}: p99", "", "intervals", "intervals", "", FEW),
            ),
        )
        for octets in (12, 20)
    ),
    Benchmark(
        in_one("shared.py", "idle"),
        (
            Row("idle link, hci", "bumble", "core", "hci_cpu", "bumble_hci_cpu", IDLE),
            Row("idle link, shared", "bumble", "core", "shared_cpu", "bumble_shared_cpu", IDLE),
            Row("idle link, shared: of the radio", "", "core", "radio_cpu", "", IDLE),
            Row("memory, hci", "bumble", "MiB", "hci_mib", "bumble_hci_mib", at_most(1)),
            Row("memory, shared", "bumble", "MiB", "shared_mib", "bumble_shared_mib", at_most(1)),
        ),
    ),
)


def long(part: float) -> Benchmark:
    """Ten million packets, or a part of these."""
    same = Goal("as after the first 1 %", lambda ours, early: ours <= early)
    memory = at_most(1.05)  # how far packets pile up while the program has no turn is chance
    words = f"{10_000_000 * part:,.0f} packets, {1000 * part:,.0f} connections"
    return Benchmark(
        in_one("long.py", part),
        (
            Row(f"{words}: memory", "early", "MiB", "mib", "early_mib", memory),
            Row(f"{words}: blocks", "early", "", "blocks", "early_blocks", at_most(1.01)),
            Row(f"{words}: a second", "", "/s", "per_s", "", None),
            Row(f"{words}: threads", "early", "", "threads", "early_threads", same),
            Row(f"{words}: files", "early", "", "files", "early_files", same),
        ),
    )
