"""Warnings and log messages while a view has the terminal: kept, and printed when it is over."""

from __future__ import annotations

import logging
from collections import deque

from bleio.cli.shared.output import say
from bleio.decoding.octets import printable_lines

_MOST = 100


class HeldLog(logging.Handler):
    """Keeps what is logged as a warning or worse, and what is warned of, from `begin` to `end`."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._kept: deque[str] = deque(maxlen=_MOST)
        self._count = 0

    def begin(self) -> None:
        """Keep from now on."""
        logging.captureWarnings(True)
        logging.getLogger().addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it; the oldest goes for it."""
        self._kept.append(self.format(record))
        self._count += 1

    def end(self) -> None:
        """Print what was kept."""
        logging.getLogger().removeHandler(self)
        logging.captureWarnings(False)
        if lost := self._count - len(self._kept):
            say(f"{lost} messages before these were not kept.")
        for text in self._kept:
            say(printable_lines(text))
