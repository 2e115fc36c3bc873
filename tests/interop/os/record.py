"""Record what BlueZ says while programs use it: `python -m interop.os.record`, in `tests`.

The version recorded is the machine's; BLEIO_TEST_DEBIAN names another of Debian's suites.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable

from interop.os.conftest import Bench
from support.stacks import PROGRAMS
from support.stacks.kept import kept
from support.stacks.traces import FOLDER, Recording


def as_central(bench: Bench) -> None:
    """Scan, connect, use every operation."""
    bench.on_radio("peripheral", "Offers").says("^advertising")
    bench.on_system("central", "all", "Offers").says("^done")


def as_peripheral(bench: Bench) -> None:
    """Serve a central that uses every operation."""
    bench.on_system("peripheral", "Offers").says("^advertising")
    bench.on_radio("central", "all", "Offers").says("^done")


def paired(bench: Bench) -> None:
    """Pair, and meet again."""
    programs = PROGRAMS / "programs"
    bench.on_radio(programs / "peripheral.py", "NO_INPUT_NO_OUTPUT", "ENCRYPT_NO_MITM").says(
        "^advertising"
    )
    bench.on_system(programs / "central.py", "NO_INPUT_NO_OUTPUT").says("^second", "^disconnected")


async def record(name: str, scenario: Callable[[Bench], None]) -> None:
    of = kept()
    version = re.search(r"\d+\.\d+", of.machine.run("bluetoothctl --version"))
    assert version is not None
    recording = Recording(of.machine.bus_address)
    await recording.begin()
    bench = Bench(of)
    try:
        await asyncio.to_thread(scenario, bench)
    finally:
        await recording.end(FOLDER / f"{name}-{version[0]}.jsonl")
        await asyncio.to_thread(bench.close)


if __name__ == "__main__":
    kept().restart_bluetoothd()
    for scenario in (as_central, as_peripheral, paired):
        asyncio.run(record(scenario.__name__.removeprefix("as_"), scenario))
