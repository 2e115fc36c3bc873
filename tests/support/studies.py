"""Campaigns as a user runs them: a file, a command, and what is left when something dies."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from support.patience import PATIENCE_S, as_if_idle

# Each world tells in a file that it runs, and in which process. It takes some milliseconds, and
# what comes of it depends on the air. Those of the last ten seeds wait while a test says so.
STUDY = """\
import os, time
from random import Random

grid = {"loss": [0.0, 0.3], "name": ["a", "b"]}
seeds = 40

def beacon():
    import _bleio, time
    _bleio.adapter.start_advertising(b"\\x02\\x01\\x06", connectable=False, interval=0.02)
    time.sleep(1)

def scanner(heard):
    import _bleio
    for entry in _bleio.adapter.start_scan(timeout=0.2, interval=0.1, window=0.1):
        heard.append(entry.rssi)

def scenario(world, loss, name):
    with open("ran.txt", "a") as file:
        file.write(f"{os.getpid()} {world.seed} {loss} {name}\\n")
    while world.seed >= 30 and os.path.exists("hold"): time.sleep(0.01)
    heard = []
    world.loss = loss
    world.add(beacon, start_s=Random(world.seed).random() / 10)
    world.add(scanner, (heard,))
    world.run_for(0.3)
    return {"heard": len(heard), "any": bool(heard), "now_s": world.now_s}
"""
WORLDS = 160
TALKATIVE = {"PYTHONFAULTHANDLER": "1"}  # says where all threads are when it is aborted


class Study:
    """A file with a scenario, in a folder of its own, and the command that runs it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "study.py"
        self.results = folder / "study.jsonl"
        self.file.write_text(STUDY)
        self.beside: list[subprocess.Popen[bytes]] = []  # those of a cluster
        self._started: list[subprocess.Popen[str]] = []

    def change(self, old: str, new: str) -> None:
        """Change the file."""
        text = self.file.read_text()
        assert old in text
        self.file.write_text(text.replace(old, new))

    def start(
        self,
        *arguments: str,
        file: str = "study.py",
        before: Callable[[], None] | None = None,
        python: tuple[str, ...] = ("-m", "bleio", "campaign"),
    ) -> subprocess.Popen[str]:
        """Start `bleio campaign` with the file and these arguments."""
        process = subprocess.Popen(
            [sys.executable, *python, file, *arguments],
            cwd=self.folder,
            env={**os.environ, **TALKATIVE},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=before,
        )
        self._started.append(process)
        return process

    def run(self, *arguments: str, code: int = 0, **options: Any) -> str:
        """Run the command to its end. Returns: what it said, errors last."""
        return "".join(self.ended(self.start(*arguments, **options), code))

    def ended(self, process: subprocess.Popen[str], code: int) -> tuple[str, str]:
        """Wait for a command's end. Returns: what it said, and its errors, without progress."""
        try:
            said, errors = process.communicate(timeout=PATIENCE_S)
        except subprocess.TimeoutExpired:
            for each in (process, *self.beside):
                each.send_signal(signal.SIGABRT)
            raise AssertionError("\n".join(["it does not end:", *process.communicate()])) from None
        assert process.returncode == code, said + errors
        return said, as_if_idle(errors)

    def hold(self) -> None:
        """Let campaigns stand still when 120 worlds, those of 30 seeds, are over."""
        (self.folder / "hold").touch()

    def go_on(self) -> None:
        """Let campaigns go on that stand still."""
        (self.folder / "hold").unlink()

    def rows(self) -> list[dict[str, Any]]:
        """Return the results, in an order that is always the same."""
        rows = map(json.loads, self.results.read_text().splitlines()[1:])
        return sorted(rows, key=lambda row: (row["seed"], row["loss"], row["name"]))

    def ran(self) -> list[list[str]]:
        """Return process, seed and parameters of each world that was begun."""
        path = self.folder / "ran.txt"
        return [line.split() for line in path.read_text().splitlines()] if path.exists() else []

    def workers(self) -> set[int]:
        """Return the processes that have run worlds."""
        return {int(each[0]) for each in self.ran()}

    def lines(self) -> int:
        """Return how many results there are."""
        return self.results.read_bytes().count(b"\n") - 1 if self.results.exists() else 0

    def wait_until(self, seen: Callable[[], Any]) -> None:
        """Wait until something is so."""
        deadline_s = time.monotonic() + PATIENCE_S
        while not seen():
            assert time.monotonic() < deadline_s
            time.sleep(0.01)

    def wait_for_ends(self) -> None:
        """Wait until no process that has run worlds is there."""
        self.wait_until(lambda: not any(map(is_alive, self.workers())))

    def end(self) -> None:
        """Leave no process behind."""
        for process in self._started:
            if process.poll() is None:
                process.kill()
            process.communicate()


def is_alive(process: int) -> bool:
    """Tell whether a process is there, and is no zombie."""
    try:
        os.kill(process, 0)
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False
