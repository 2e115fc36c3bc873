"""How far a campaign is, and when it will end, for whoever waits for it."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import TextIO

ON_TERMINAL_S = 0.2
ELSEWHERE_S = 10.0


class Progress:
    """Shows a line that replaces the one before on a terminal, else one every ten seconds.

    Speed is measured from the first results of this run on, since to start processes takes longer
    than many worlds.

    Args: total: how many worlds there are. done: how many were before this run.
    """

    def __init__(self, stream: TextIO | None, total: int, done: int) -> None:
        self._stream = stream
        self._terminal = stream is not None and stream.isatty()
        self._total = total
        self._before = done
        self._begin_s = self._last_s = time.monotonic()
        self._begun = False
        self._width = 0

    def show(self, done: int, failed: int) -> None:
        """Tell how far it is, if that was told long enough ago."""
        if self._stream is None:
            return
        now_s = time.monotonic()
        if not self._begun and done > self._before:
            self._begun, self._before, self._begin_s = True, done, now_s
        if now_s - self._last_s >= (ON_TERMINAL_S if self._terminal else ELSEWHERE_S):
            self._last_s = now_s
            self._write(self.text(done, failed, now_s - self._begin_s))

    def end(self) -> None:
        """Leave the line on a terminal to what comes next."""
        if self._stream is not None and self._width:
            self._stream.write("\r" + " " * self._width + "\r")
            self._stream.flush()
            self._width = 0

    def text(self, done: int, failed: int, seconds: float) -> str:
        """Return the line."""
        text = f"{done} of {self._total} worlds"
        if failed:
            text += f", {failed} failed"
        if done > self._before and seconds > 0:
            a_second = (done - self._before) / seconds
            left_s = (self._total - done) / a_second
            # No one knows how many years a clock can name.
            end = datetime.now() + timedelta(seconds=min(left_s, 1e9))
            form = "%H:%M:%S" if left_s < 43_200 else "%Y-%m-%d %H:%M"
            text += f", {a_second:.3g} a second, {_time(left_s)} left, ends at {end:{form}}"
        return text

    def _write(self, text: str) -> None:
        assert self._stream is not None
        if self._terminal:
            self._stream.write("\r" + text.ljust(self._width))
            self._width = len(text)
        else:
            self._stream.write(f"{text}\n")
        self._stream.flush()


def _time(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
