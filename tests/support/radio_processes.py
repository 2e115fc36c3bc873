"""Radios in processes of their own, in a runtime folder of the test's own."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.processes import DEADLINE_S, Program, stop_all

_MEMBER = """
import asyncio, sys
from bleio.errors import InnerError
from bleio.radio.sharing import shared

async def main(name):
    heard = asyncio.Queue()
    lost = asyncio.Event()
    try:
        port = await shared.join(name, heard.put_nowait, lost.set)
    except InnerError as error:
        sys.exit(f"{type(error).__name__}: {error}")
    port.send(bytes.fromhex("01 03 0c 00"))
    print("answer", (await heard.get()).hex(), flush=True)
    typed = asyncio.Event()
    asyncio.get_running_loop().add_reader(sys.stdin, typed.set)
    ends = [asyncio.ensure_future(event.wait()) for event in (typed, lost)]
    await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    if lost.is_set():
        print("lost", flush=True)
    port.close()

asyncio.run(main(sys.argv[1]))
"""
RESET_ANSWER = "answer 040e0401030c00"


def holds_within(condition: object, what: str, timeout_s: float = DEADLINE_S) -> None:
    """Wait until a condition holds. Raises: AssertionError at the deadline."""
    assert callable(condition)
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"not within {timeout_s} s: {what}"
        time.sleep(0.01)


class Radios:
    """Starts radios and their users; all of them end with the test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.runtime = folder / "bleio"
        self._programs: list[Program] = []

    def start(self, tag: str, *arguments: str) -> Program:
        environment = {**os.environ, "XDG_RUNTIME_DIR": str(self.folder)}
        program = Program(tag, list(arguments), environment, self.folder)
        self._programs.append(program)
        return program

    def foreground(self, name: str, *options: str) -> Program:
        """Start `bleio radio NAME`."""
        return self.start(f"radio {name}", "-m", "bleio", "radio", name, *options)

    def member(self, name: str, tag: str = "member") -> Program:
        """Start a program that joins a radio, resets its controller, and leaves at Return."""
        return self.start(tag, "-c", _MEMBER, name)

    def process_id(self, name: str) -> int | None:
        """The process of a radio, None if there is none."""
        with contextlib.suppress(FileNotFoundError, ValueError):
            return int((self.runtime / f"{name}.lock").read_text())
        return None

    def files(self) -> list[str]:
        return sorted(path.name for path in self.runtime.glob("*"))

    def left_over(self) -> list[str]:
        """Return the files but for logs that say something: a radio that was too slow or stood
        still has complained, and its log stays."""
        said = {path.name for path in self.runtime.glob("*.log") if _says_something(path)}
        return [name for name in self.files() if name not in said]

    def close(self) -> None:
        """Raises: AssertionError if a program ended badly, or a radio would not end."""
        try:
            stop_all(self._programs)
            holds_within(lambda: not list(self.runtime.glob("*.sock")), "all radios have ended")
        finally:
            for lock in self.runtime.glob("*.lock"):
                process_id = self.process_id(lock.stem)
                if process_id is not None:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(process_id, signal.SIGKILL)


def _says_something(log: Path) -> bool:
    try:
        return log.stat().st_size > 0
    except FileNotFoundError:  # its radio has just left
        return False


@pytest.fixture
def radios() -> Iterator[Radios]:
    """Radios of this test's own. Socket paths are short, hence not below `tmp_path`."""
    folder = Path(tempfile.mkdtemp(prefix="bleio-"))
    radios = Radios(folder)
    try:
        yield radios
    finally:
        try:
            radios.close()
        finally:
            shutil.rmtree(folder)


def listening(radio: Program, scheme: str) -> str:
    """The next address of this kind that a foreground radio prints."""
    return radio.wait_for(rf"^Listening on {re.escape(scheme)}:(.+)").group(1)
