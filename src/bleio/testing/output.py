"""What one device prints, line by line, with the simulated time of each."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import NamedTuple

from bleio.testing.watching import Time


class Line(NamedTuple):
    """One line of output; `time_s` is when it was begun."""

    time_s: float
    text: str


class Output(io.TextIOBase):
    """A text stream that keeps complete lines.

    Args:
        time: has the time.
        on_line: called with each line when it ends.
    """

    def __init__(self, time: Time, on_line: Callable[[Line], None]) -> None:
        super().__init__()
        self.lines: list[Line] = []
        self._time = time
        self._on_line = on_line
        self._part = ""
        self._begun_us = 0

    @property
    def text(self) -> str:
        """All of it, also a line that has not ended."""
        return "".join(f"{line.text}\n" for line in self.lines) + self._part

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        if text and not self._part:
            self._begun_us = self._time.now_us
        *whole, self._part = (self._part + text).split("\n")
        for each in whole:
            self._end_line(each)
        return len(text)

    def finish(self) -> None:
        """Take what is left as a line."""
        if self._part:
            part, self._part = self._part, ""
            self._end_line(part)

    def _end_line(self, text: str) -> None:
        line = Line(self._begun_us / 1e6, text)
        self._begun_us = self._time.now_us
        self.lines.append(line)
        self._on_line(line)
