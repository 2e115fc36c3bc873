"""What one device prints, line by line, with the simulated time of each."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import NamedTuple

from bleio.testing.timing.watching import Time


class Line(NamedTuple):
    """One line of output; `time_s` is when it was begun."""

    time_s: float
    text: str


class Output(io.TextIOBase):
    """A text stream that keeps complete lines.

    Args:
        time: has the time.
        on_line: called with each line when it ends.

    Attributes: failures: which of `lines` tell how the program has failed, as Python does.
    """

    def __init__(self, time: Time, on_line: Callable[[Line], None]) -> None:
        super().__init__()
        self.lines: list[Line] = []
        self._time = time
        self._on_line = on_line
        # Pieces, since a program may print without end and without a newline, a character each
        # time; to add each to a string would copy all that was there before.
        self._part: list[str] = []
        self._begun_us = 0
        self.failures: list[range] = []
        self._ended = "", 0  # the text of the lines when it was asked for, and how many

    @property
    def text(self) -> str:
        """All of it, also a line that has not ended.

        Threads of the program may print meanwhile, so nothing is changed that printing changes.
        """
        ended, lines = self._ended
        new = self.lines[lines:]
        if new:
            ended += "".join(f"{line.text}\n" for line in new)
            self._ended = ended, lines + len(new)
        part = self._part
        return "".join((ended, *part)) if part else ended

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        if text and not self._part:
            self._begun_us = self._time.now_us
        first, *more = text.split("\n")
        if first:
            self._part.append(first)
        if more:
            self._finish_line()
            for each in more[:-1]:
                self._end_line(each)
            if more[-1]:
                self._part.append(more[-1])
        return len(text)

    def write_failure(self, text: str) -> None:
        """Write how the program has failed, from a new line on."""
        self.finish()
        before = len(self.lines)
        self.write(text)
        self.failures.append(range(before, len(self.lines)))

    def lines_without_failures(self) -> list[Line]:
        """Return the lines but those that tell how the program has failed."""
        left_out = set[int]().union(*self.failures)
        return [line for number, line in enumerate(self.lines) if number not in left_out]

    def finish(self) -> None:
        """Take what is left as a line."""
        if self._part:
            self._finish_line()

    def _finish_line(self) -> None:
        part, self._part = self._part, []
        self._end_line("".join(part))

    def _end_line(self, text: str) -> None:
        line = Line(self._begun_us / 1e6, text)
        self._begun_us = self._time.now_us
        self.lines.append(line)
        self._on_line(line)
