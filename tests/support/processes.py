"""Programs in processes of their own that share one simulated radio.

A test starts programs, waits for what they print, and judges it. What they print is shown as it
happens, with the program's tag, so that pytest's captured output tells the whole story of a
failure. Nothing waits for time to pass: every wait is for a line or an end, and has a deadline.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from support.patience import PATIENCE_S, as_if_idle

DEADLINE_S = PATIENCE_S  # for one step of a program on a busy machine


def _with_whole_lines(environment: dict[str, str]) -> str:
    """Return a search path for modules by which a program's lines come whole.

    It is the last one: a program may be given another `sitecustomize`, and does without then.
    """
    ours = str(Path(__file__).with_name("whole_lines"))
    return os.pathsep.join(filter(None, (environment.get("PYTHONPATH"), ours)))


class Program:
    """One program in a process of its own, Python's if not `run_by` another one, and its lines."""

    def __init__(
        self,
        tag: str,
        arguments: list[str],
        environment: dict[str, str],
        folder: Path,
        run_by: tuple[str, ...] = (sys.executable, "-u"),
    ):
        self.tag = tag
        self.lines: list[str] = []
        self._read_to = 0
        self._ended = False
        self._news = threading.Condition()
        self._settled = False  # the test has seen or caused its end
        self._to_end = False
        self.process = subprocess.Popen(
            [*run_by, *arguments],
            # Programs of tests wait for each other, and for long on a machine that is busy.
            env={"BLEIO_HINTS": "0", **environment, "PYTHONPATH": _with_whole_lines(environment)},
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="backslashreplace",
        )
        self._reader = threading.Thread(target=self._read, name=f"reads {tag}", daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if as_if_idle(line):
                with self._news:
                    self.lines.append(line.rstrip("\n"))
                    self._news.notify_all()
            print(f"{time.monotonic() % 1000:7.2f} {self.tag:>12} | {line.rstrip()}")
        with self._news:
            self._ended = True
            self._news.notify_all()

    def wait_for(self, pattern: str, timeout_s: float = DEADLINE_S) -> re.Match[str]:
        """Wait for a line in which `pattern` is found, after the line that the last wait found.

        Raises: AssertionError if the program ends or the deadline passes without it.
        """
        deadline = time.monotonic() + timeout_s
        with self._news:
            while True:
                while self._read_to < len(self.lines):
                    match = re.search(pattern, self.lines[self._read_to])
                    self._read_to += 1
                    if match:
                        return match
                left_s = deadline - time.monotonic()
                if self._ended or left_s <= 0:
                    why = "ended" if self._ended else f"ran for {timeout_s} s"
                    raise AssertionError(f"{self.tag} {why} without a line like {pattern!r}")
                self._news.wait(left_s)

    def says(self, *patterns: str) -> None:
        """Wait for lines like these, in this order."""
        for pattern in patterns:
            self.wait_for(pattern)

    def type(self, text: str) -> None:
        """Write text to the program's standard input."""
        assert self.process.stdin is not None
        self.process.stdin.write(text)
        self.process.stdin.flush()

    def wait(self, timeout_s: float = DEADLINE_S) -> int:
        """Wait for the program's end, and for all it printed; give its exit status."""
        status = self.process.wait(timeout_s)
        self._reader.join(timeout_s)
        self._settled = True
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe and not pipe.closed:
                pipe.close()
        return status

    def ends_well(self) -> None:
        """Wait for the program to end by itself without an error."""
        status = self.wait()
        assert status == 0, f"{self.tag} ended with status {status}"

    def kill(self) -> None:
        """End the program as kill -9 does: it cannot say goodbye."""
        self.process.kill()
        self.wait()

    def freeze(self) -> None:
        """Stop the program where it is, as if its machine hung; returns when it stands still."""
        self.process.send_signal(signal.SIGSTOP)
        os.waitpid(self.process.pid, os.WUNTRACED)

    def interrupt(self) -> None:
        """Press Ctrl-C in the program's terminal."""
        self.process.send_signal(signal.SIGINT)

    def end(self) -> None:
        """Press Ctrl-C, if it still runs, so that it ends; does not wait."""
        if not self._to_end and self.process.poll() is None:
            self._to_end = True
            self.interrupt()

    def stop(self) -> str:
        """End the program if it still runs; give a complaint if its end was not a good one."""
        self.end()
        if self._to_end and not self._settled:
            # A signal just before a blocking read is only seen after it, so let that read end.
            if self.process.stdin and not self.process.stdin.closed:
                self.process.stdin.close()
            try:
                status = self.wait()
            except subprocess.TimeoutExpired:
                self.kill()
                return f"{self.tag} did not end on Ctrl-C"
            if status not in (0, -signal.SIGINT, 128 + signal.SIGINT):
                return f"{self.tag} ended with status {status} on Ctrl-C"
        if not self._settled and self.wait() != 0:
            return f"{self.tag} ended by itself with status {self.process.returncode}"
        return ""


def stop_all(programs: Sequence[Program]) -> None:
    """End programs that use each other. Raises: AssertionError if one ended badly or stays.

    All are interrupted before one of them is waited for: a program whose peer leaves while it uses
    the link fails, and so it would if it came to its own Ctrl-C only after that.
    """
    for program in programs:
        program.end()
    complaints = [complaint for program in programs if (complaint := program.stop())]
    assert not complaints, "; ".join(complaints)


class SharedRadio:
    """A simulated radio with a name that nobody else has, and the programs that use it."""

    def __init__(self, folder: Path):
        self.name = f"test-{uuid.uuid4().hex[:12]}"
        self._folder = folder
        self._programs: list[Program] = []

    def environment(self, state: str, **more: str) -> dict[str, str]:
        """Return the environment of a program on this radio whose saved state has that name."""
        outer = {key: value for key, value in os.environ.items() if not key.startswith("BLEIO_")}
        return {
            **outer,
            "BLEIO_ADAPTER": f"virtual:{self.name}",
            "BLEIO_STATE_DIR": str(self._folder / "state" / state),
            "PYTHONIOENCODING": "utf-8",
            **more,
        }

    def start(
        self, program: Path, *arguments: str, tag: str | None = None, **environment: str
    ) -> Program:
        """Start a program; `environment` adds variables, `tag` names it if it runs twice."""
        tag = tag or program.stem
        started = Program(
            tag, [str(program), *arguments], self.environment(tag, **environment), self._folder
        )
        self._programs.append(started)
        return started

    def close(self) -> None:
        """End all programs. Raises: AssertionError if one ended badly or would not end."""
        stop_all(self._programs)


@pytest.fixture
def shared_radio(tmp_path: Path) -> Iterator[SharedRadio]:
    """A simulated radio of this test's own; its programs end with the test."""
    radio = SharedRadio(tmp_path)
    try:
        yield radio
    finally:
        radio.close()
