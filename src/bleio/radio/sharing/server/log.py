"""The log of a radio's process, which no host can fill: the first of each kind, then counts.

A host that connects ten times a second and talks nonsense is worth one line, not a full disk. What
has the same words but for its numbers is of one kind. The first is written as it is, with its
traceback; the 10th, 100th, 1000th and so on as one line with the count, and the final count when
the process ends. There are texts that are never the same twice, so kinds beyond the first
`MOST_KINDS` share one count.
"""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    _Handler = logging.StreamHandler[TextIO]
else:  # of which Python 3.10 knows no kinds
    _Handler = logging.StreamHandler

MOST_KINDS = 100
LONGEST_TEXT = 4000  # characters; a traceback has most of them
LONGEST_AGAIN = 200
# What is beyond does not tell kinds apart. The pattern takes the square of a word's length where
# that has letters of hexadecimal numbers only.
LONGEST_KIND = 500
_NUMBER = re.compile(r"0x[0-9a-f]+|[0-9a-f]*\d[0-9a-f]*", re.IGNORECASE)
_OTHER = "complaints of other kinds"


class _Kind:
    """Records with the same words; `words` are the first one's."""

    def __init__(self, words: str) -> None:
        self.words = words
        self.count = 0
        self.told = 0


class FirstOfAKind(_Handler):
    """A handler for the whole process; None writes to standard error."""

    def __init__(self, stream: TextIO | None = None) -> None:
        super().__init__(stream)
        self._kinds: dict[str, _Kind] = {}
        self._other = _Kind(_OTHER)

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record that is the first of its kind, or the count where it is a round one."""
        kind = self._kind(record)
        kind.count += 1
        if kind.count == 1 and kind is not self._other:
            kind.told = 1
            super().emit(record)
        elif kind.count > 1 and kind.count == 10 ** (len(str(kind.count)) - 1):
            self._tell(kind)

    def _kind(self, record: logging.LogRecord) -> _Kind:
        words = _words(record)
        error = record.exc_info[0] if record.exc_info else None
        key = f"{record.name} {error} {_NUMBER.sub('#', words[:LONGEST_KIND])}"
        kind = self._kinds.get(key)
        if kind is None:
            if len(self._kinds) >= MOST_KINDS:
                return self._other
            kind = self._kinds[key] = _Kind(words[:LONGEST_AGAIN])
        return kind

    def _tell(self, kind: _Kind) -> None:
        kind.told = kind.count
        line = f"{kind.count} {'times' if kind.count > 1 else 'time'}: {kind.words}"
        super().emit(logging.makeLogRecord({"msg": line, "levelno": logging.WARNING}))

    def format(self, record: logging.LogRecord) -> str:
        """Cut what is too long."""
        return super().format(record)[:LONGEST_TEXT]

    def close(self) -> None:
        """Write the counts that have not been told. Logging calls it when the process ends."""
        self.acquire()
        try:
            for kind in (*self._kinds.values(), self._other):
                if kind.count > kind.told:
                    self._tell(kind)
        finally:
            self.release()
        super().close()


def _words(record: logging.LogRecord) -> str:
    """Return a record's message, or where it is from if its arguments do not fit.

    What logs must not fail for that. Writing the record will say on standard error what is wrong.
    """
    try:
        return record.getMessage()
    except Exception:
        return f"a record of {record.module}.{record.funcName} without words"
