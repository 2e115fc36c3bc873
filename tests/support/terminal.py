"""A program on a terminal of its own, as a person has it: what it shows, what is typed."""

from __future__ import annotations

import fcntl
import os
import select
import struct
import subprocess
import termios
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyte

from support.patience import PATIENCE_S

_LAST = bytes(8)  # which a terminal does not show


class _Screen:
    """What a person would see. It has no other screen: programs that want one share this."""

    def __init__(self, columns: int, rows: int) -> None:
        self._screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self._screen)

    def resize(self, columns: int, rows: int) -> None:
        self._screen.resize(rows, columns)

    def feed(self, octets: bytes) -> None:
        self._stream.feed(octets)

    def lines(self) -> list[str]:
        return [line.rstrip() for line in self._screen.display]


class Terminal:
    """Runs a command in a session of its own, with a pseudo-terminal. A context manager.

    Args: size: columns and rows of a terminal that knows xterm's escape codes, whose picture can
        be seen; without, it is a dumb one of 100 columns.
    Attributes: shown: all that it has shown so far.
    """

    def __init__(
        self,
        command: list[str],
        folder: Path,
        size: tuple[int, int] | None = None,
        **environment: str,
    ) -> None:
        self.shown = ""
        self._screen = _Screen(*(size or (100, 24)))
        self._master, self._slave = os.openpty()
        self._open = [self._master, self._slave]
        self._settings = termios.tcgetattr(self._slave)
        variables = {**os.environ, "TERM": "dumb", "COLUMNS": "100", **environment}
        if size is not None:
            variables["TERM"] = "xterm-256color"
            for fixed in ("COLUMNS", "LINES"):  # which would hold for ever
                variables.pop(fixed, None)
            self.resize(*size)
        self.process = subprocess.Popen(
            command,
            cwd=folder,
            env=variables,
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
        self._close()

    def _close(self) -> None:
        while self._open:
            os.close(self._open.pop())

    def hang_up(self) -> int:
        """Be gone, as a window that is closed. Returns: the exit code of the program."""
        self._close()
        return self.process.wait(PATIENCE_S)

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

    def press(self, keys: str) -> None:
        """Press keys, without Enter."""
        os.write(self._master, keys.encode())

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
        # The kernel brings what was written a while later. What is written after it comes after it,
        # though the echo of what was typed and nobody read may come still later.
        os.write(self._slave, _LAST)
        while _LAST.decode() not in self.shown:
            assert time.monotonic() < end_s, f"the terminal hangs:\n{self.shown}"
            self._read(0.1)
        self.shown = self.shown.replace(_LAST.decode(), "")
        return self.process.returncode

    def resize(self, columns: int, rows: int) -> None:
        """Be of another size from now on, of which the program is told."""
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self._screen.resize(columns, rows)

    def expect_picture(self, fits: Callable[[list[str]], object], what: str) -> list[str]:
        """Wait until what can be seen fits. Returns: its lines, without spaces at their ends."""
        end_s = time.monotonic() + PATIENCE_S
        while not fits(picture := self._screen.lines()):
            assert time.monotonic() < end_s, "\n".join(
                [f"{what} is not to be seen:", *picture, repr(self.shown[-1500:])]
            )
            self._read(0.1)
        return picture

    def _seen(self, picture: list[str]) -> str:
        ended = self.process.poll()
        return "\n".join([*picture, repr(self.shown[-2_000:]), f"exit code {ended}"])

    def is_sane(self) -> bool:
        """Whether the terminal is set as it was: it echoes, and waits for whole lines."""
        return termios.tcgetattr(self._slave) == self._settings

    def _read(self, seconds: float) -> bool:
        ready, _, _ = select.select([self._master], [], [], seconds)
        if ready:
            octets = os.read(self._master, 65536)
            self._screen.feed(octets)
            self.shown += octets.decode(errors="replace").replace("\r", "")
        return bool(ready)
