"""A program on a terminal of its own, as a person has it: what it shows, what is typed."""

from __future__ import annotations

import fcntl
import os
import select
import subprocess
import termios
import time
from pathlib import Path
from typing import Any

from support.patience import PATIENCE_S


class Terminal:
    """Runs a command in a session of its own, with a pseudo-terminal. A context manager.

    Attributes: shown: all that it has shown so far.
    """

    def __init__(self, command: list[str], folder: Path, **environment: str) -> None:
        self.shown = ""
        self._master, self._slave = os.openpty()
        self._settings = termios.tcgetattr(self._slave)
        self.process = subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, "TERM": "dumb", "COLUMNS": "100", **environment},
            stdin=self._slave,
            stdout=self._slave,
            stderr=self._slave,
            start_new_session=True,
            preexec_fn=self._take,
        )

    def _take(self) -> None:
        """Be the terminal's session, whose programs Ctrl-C reaches. In the child."""
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *exc: Any) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self._master)
        os.close(self._slave)

    def expect(self, text: str) -> str:
        """Wait until it shows the text, after what was expected before. Returns: what came."""
        end_s = time.monotonic() + PATIENCE_S
        while text not in self.shown:
            assert time.monotonic() < end_s, f"{text!r} did not come:\n{self.shown}"
            self._read(0.1)
        before, _, self.shown = self.shown.partition(text)
        return before

    def type(self, line: str) -> None:
        """Type a line, with Enter."""
        os.write(self._master, f"{line}\n".encode())

    def press_ctrl_c(self) -> None:
        os.write(self._master, b"\x03")

    def end(self) -> int:
        """Wait for the end of the program. Returns: its exit code."""
        end_s = time.monotonic() + PATIENCE_S
        while self.process.poll() is None:
            assert time.monotonic() < end_s, f"it does not end:\n{self.shown}"
            self._read(0.1)
        while self._read(0):
            pass
        return self.process.returncode

    def is_sane(self) -> bool:
        """Whether the terminal is set as it was: it echoes, and waits for whole lines."""
        return termios.tcgetattr(self._slave) == self._settings

    def _read(self, seconds: float) -> bool:
        ready, _, _ = select.select([self._master], [], [], seconds)
        if ready:
            self.shown += os.read(self._master, 65536).decode(errors="replace").replace("\r", "")
        return bool(ready)
