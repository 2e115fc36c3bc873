"""`bleio run --reload`: runs the program in a process of its own, and anew when its files change.

This process watches and the other one runs, so that whatever the program does, hang, fail or end,
there is something that waits for the next change. It looks at the few files that the program has
imported from its own folder (`watched` notes them), a few times a second; that needs no library and
works on every file system. A change counts once the files have stayed as they are for a moment,
since editors write them in several steps.

The program ends as by Ctrl-C, so its `finally` clauses run and its links end before it begins anew.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import click

from bleio.cli.running.signals import Signals, end_as
from bleio.cli.running.watched import END, GRACE_S, IMPORTED, Signature, signature

_POLL_S = 0.2
_KILL_AFTER_POLLS = int((GRACE_S + 5.0) / _POLL_S)  # by then it has ended by itself, even by force


def supervise(program: str | None, command: Callable[[str], list[str]]) -> None:
    """Run a program until Ctrl-C, anew after each change; then end as it has.

    Args:
        program: its file; None if it is a module, which is noted when it is imported.
        command: that runs it, for the folder between the two processes.
    """
    with Signals() as signals:
        while True:
            with tempfile.TemporaryDirectory(prefix="bleio-reload-") as folder:
                run = _Run(Path(folder), program, signals)
                run.start(command(folder))
                code = run.until_changed()
            if code is not None:
                break
    end_as(code)


class _Run:
    """One process of the program, and after its end the wait for a change."""

    def __init__(self, folder: Path, program: str | None, signals: Signals) -> None:
        self._notes = folder / IMPORTED
        self._end = folder / END
        self._signals = signals
        self._program = None if program is None else os.path.abspath(program)
        self._noted: dict[str, Signature | None] = {}
        self._position = 0

    def start(self, command: list[str]) -> None:
        if self._program is not None:
            self._noted[self._program] = signature(self._program)
        before = self._signals.in_child if sys.platform == "linux" else None
        self._process = subprocess.Popen(command, preexec_fn=before)
        self._signals.process = self._process

    def until_changed(self) -> int | None:
        """Wait until files have changed; then the process has ended.

        Returns: the exit code if the user has ended it, or this, before.
        """
        told = False
        while (changed := self._changed_and_settled()) is None:
            code = self._process.poll()
            if code is not None and not told:
                self._signals.wait(0)  # by which it may have ended
                if self._signals.want_end or code == -signal.SIGINT:
                    return code
                _say(f"The program has ended{_how(code)}. Waiting for a change; Ctrl-C ends.")
                told = True
            self._signals.wait(_POLL_S)
            if told and self._signals.want_end:
                return 128 + signal.SIGINT
        _say(f"{os.path.relpath(changed)} has changed.")
        code = self._stop()
        self._forget_compiled()
        return code

    def _stop(self) -> int | None:
        """Have the program end. Returns: the exit code if the user wants no other to begin."""
        self._end.touch()
        for _ in range(_KILL_AFTER_POLLS):
            if self._process.poll() is not None:
                break
            self._signals.wait(_POLL_S)
        else:
            self._process.kill()
            self._process.wait()
        return 128 + signal.SIGINT if self._signals.want_end else None

    def _forget_compiled(self) -> None:
        """Have the program's own modules compiled anew.

        Python takes what it has compiled for that of a changed file if both are of the same length
        and of the same second. Where there is none, or not ours to remove, Python writes none.
        """
        for path in self._noted:
            with contextlib.suppress(OSError):
                os.remove(importlib.util.cache_from_source(path))

    def _changed_and_settled(self) -> str | None:
        """Return a file that has changed, once all have stayed as they are for a moment."""
        self._read_notes()
        before = {path: signature(path) for path in self._noted}
        changed = [path for path, noted in self._noted.items() if before[path] != noted]
        if not changed:
            return None
        self._signals.wait(_POLL_S)
        settled = before == {path: signature(path) for path in before}
        is_there = self._program is None or before[self._program] is not None
        return changed[0] if settled and is_there else None

    def _read_notes(self) -> None:
        """Take in what the program has imported meanwhile."""
        try:
            with open(self._notes, encoding="utf-8") as file:
                file.seek(self._position)
                while (line := file.readline()).endswith("\n"):
                    path, noted = json.loads(line)
                    self._noted[path] = None if noted is None else tuple(noted)
                    self._position = file.tell()
        except FileNotFoundError:
            pass  # it has not begun


def _how(code: int) -> str:
    if code == 0:
        return ""
    return f" with exit code {code}" if code > 0 else f" by signal {-code}"


def _say(sentence: str) -> None:
    """Beside the program's output, which is on standard output."""
    click.echo(f"bleio run --reload: {sentence}", err=True)
