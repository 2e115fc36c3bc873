"""A long run: all targets in processes of their own, side by side, and what came of each."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from typing import NamedTuple

from fuzz import corpus
from fuzz.driver import again
from fuzz.targets import TARGETS

FOLDER = Path(__file__).parents[2] / ".fuzz"
_TRIED = 60  # inputs that may come to be kept
_CRASHES = ("crash-*", "timeout-*", "oom-*", "slow-unit-*")


class Outcome(NamedTuple):
    """What one target's run came to; `reached` is atheris's count of branches."""

    target: str
    inputs: int
    reached: int
    peak_mib: int
    findings: list[str]

    def __str__(self) -> str:
        return (
            f"{self.target:20} {self.inputs:9} inputs  {self.reached or '-':>6} branches"
            f"  {self.peak_mib or '-':>5} MiB  {len(self.findings)} findings"
        )


def run_all(minutes: float, names: list[str], jobs: int) -> list[Outcome]:
    """Run targets; the time is shared by them as the table has it. Prints each one's outcome."""
    shares = sum(TARGETS[name].share for name in names)
    total_s = minutes * 60 * min(jobs, len(names))
    if not _has_atheris():
        print("atheris is not installed (pip install '.[fuzz]'): inputs are made by chance")

    def run(name: str) -> Outcome:
        outcome = run_one(name, max(1, round(total_s * TARGETS[name].share / shares)))
        print(outcome, flush=True)
        return outcome

    # The longest first, or the last one would run alone.
    by_length = sorted(names, key=lambda name: -TARGETS[name].share)
    with ThreadPoolExecutor(jobs) as pool:
        return list(pool.map(run, by_length))


def run_one(target: str, seconds: int) -> Outcome:
    """Run one target in a process of its own."""
    folder = FOLDER / target
    inputs = folder / "corpus"
    inputs.mkdir(parents=True, exist_ok=True)
    for old in [path for pattern in ("finding-*", *_CRASHES) for path in folder.glob(pattern)]:
        old.unlink()
    random = Random(target)
    seeds = [*corpus.read(target), *(random.randbytes(TARGETS[target].most) for _ in range(20))]
    for number, octets in enumerate(seeds):
        (inputs / f"kept-{number}").write_bytes(octets)
    mode = "--guided" if _has_atheris() else "--unguided"
    limit_s, late = 2 * seconds + 300, []
    with open(folder / "log", "wb") as log:
        try:
            subprocess.run(
                [sys.executable, "-m", "fuzz", mode, target, str(seconds)],
                cwd=Path(__file__).parents[1],
                env={**os.environ, "PYTHONHASHSEED": "0", "BLEIO_ADAPTER": "", "BLEIO_CAPTURE": ""},
                stdout=log,
                stderr=subprocess.STDOUT,
                timeout=limit_s,
                check=False,
            )
        except subprocess.TimeoutExpired:  # what the others find is to be told all the same
            late = [f"{target} did not end within {limit_s} s: see {log.name}"]
    outcome = _outcome(target, folder)
    outcome.findings.extend(late)
    return outcome


def _outcome(target: str, folder: Path) -> Outcome:
    text = (folder / "log").read_text("utf-8", "replace")
    findings = [path.read_text("utf-8") for path in sorted(folder.glob("finding-*"))]
    for path in (path for pattern in _CRASHES for path in folder.glob(pattern)):
        findings.append(f"{again(target, path.read_bytes())}\n\n{path.name}: see {folder / 'log'}")
    inputs = _last(r"stat::number_of_executed_units: *(\d+)", text) or _last(r"^#(\d+)", text)
    if not inputs:
        findings.append(f"{target} did not run:\n{text[-2000:]}")
    peak_mib = _last(r"stat::peak_rss_mb: *(\d+)", text)
    return Outcome(target, inputs, _last(r" cov: (\d+)", text), peak_mib, findings)


def _last(pattern: str, text: str) -> int:
    found = re.findall(pattern, text, re.MULTILINE)
    return int(found[-1]) if found else 0


def _has_atheris() -> bool:
    return importlib.util.find_spec("atheris") is not None


def keep(names: list[str]) -> None:
    """Choose anew what is kept for each target, from what was found."""
    for name in names:
        found = [path.read_bytes() for path in (FOLDER / name / "corpus").glob("*")]
        most = TARGETS[name].most
        # Each is run with its lines traced, which is slow; the short ones are wanted anyway.
        short = sorted((each for each in found if 0 < len(each) <= most), key=len)[:_TRIED]
        count, lines = corpus.choose(name, TARGETS[name].run, short)
        print(f"{name:20} {count:4} inputs reach {lines} lines", flush=True)
