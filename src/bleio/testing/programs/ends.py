"""How a program ended, other than by itself: what it raised, and what is to be said of it.

Whatever is asked of the exception is the program's code, `__str__` and notes for instance, which
may raise anything and even wait. So it is asked on the device's thread, once, and the answer kept.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import NamedTuple, NoReturn

from bleio.errors import BluetoothError, notes_not_printed, notes_of
from bleio.testing.frames import (
    from_program,
    hide,
    origins_of,
    place_of_error,
    with_its_causes,
)
from bleio.testing.programs.output import Output

_MOST_ORIGINS = 2  # of a failure are told


class End(NamedTuple):
    """`error` ended a program; `text` is what `str` gives of it, `behind` tells of its origins."""

    error: BaseException
    text: str
    behind: tuple[str, ...] = ()


def end_of(
    error: BaseException, output: Output, named: Callable[[str], str], *, whole: bool
) -> End | None:
    """Say what Python would say of the error.

    Args: output: takes that. named: puts names of devices in place of their addresses. whole: with
        frames of ours (`frames.hide`) that come after the program's first.
    Returns: None if the program ended well.
    """
    if is_quit(error):
        return End(error, _text_of(error, "exception"))
    if whole:
        error.__traceback__ = from_program(error.__traceback__)
    else:
        hide(error)
    for each in with_its_causes(error):
        if isinstance(each, BluetoothError | TimeoutError):
            vars(each)["__notes__"] = [named(note) for note in notes_of(each)]
    if isinstance(error, SystemExit):
        return _exit(error, output.write)
    output.write_failure(_traceback_of(error, error.__traceback__))
    return End(error, _text_of(error, "exception"), tuple(_behind(error)))


def is_quit(error: BaseException) -> bool:
    """Whether somebody has ended a debugger, alone or in pytest, and with it everything."""
    bdb, outcomes = sys.modules.get("bdb"), sys.modules.get("_pytest.outcomes")
    if bdb is not None and isinstance(error, bdb.BdbQuit):
        return True
    return outcomes is not None and isinstance(error, outcomes.Exit)


def said_of(error: BaseException) -> str:
    """Return what Python would say of an error that does not end the program."""
    return _traceback_of(error, from_program(error.__traceback__))


def summary(error: BaseException, text: str) -> str:
    """Return the last line of a traceback. Args: text: what `str` gives of the error."""
    kind = type(error).__name__
    return f"{kind}: {text}" if text else kind


def _behind(error: BaseException) -> Iterator[str]:
    """Yield what is to be said of the exceptions that an error came of, or that are in it."""
    origins = origins_of(error)
    for each in origins[:_MOST_ORIGINS]:
        place = place_of_error(each)
        yield "\n  ".join(
            (
                f"Behind it: {summary(each, _text_of(each, 'exception'))}",
                *((f"at {place}",) if place else ()),
                *(_text_of(note, "note") for note in notes_of(each)),
            )
        )
    if len(origins) > _MOST_ORIGINS:
        yield f"Behind it: {len(origins) - _MOST_ORIGINS} more"


def _exit(end: SystemExit, write: Callable[[str], object]) -> End | None:
    """End as a process does by `sys.exit`: quietly, but for what it was given to say."""
    if end.code is None or (isinstance(end.code, int) and end.code == 0):
        return None
    if not isinstance(end.code, int):
        write(f"{_text_of(end.code, 'exit code')}\n")
    return End(end, _text_of(end, "exception"), tuple(_behind(end)))


def leave_fork(error: BaseException | None) -> NoReturn:
    """End a forked process whose program has ended, as its main thread's end would.

    It has no main thread, and what it has of open files and worlds is its parent's to end.
    """
    code: object = error.code if isinstance(error, SystemExit) else error and 1
    if error is not None and not isinstance(error, SystemExit):
        sys.stderr.write(_traceback_of(error, error.__traceback__))
    elif not isinstance(code, int | None):
        sys.stderr.write(f"{_text_of(code, 'exit code')}\n")
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else int(code is not None))


def _text_of(value: object, what: str) -> str:
    """Return what `str` gives, or that it failed, in the words of Python's tracebacks."""
    try:
        return str(value)
    except BaseException:
        return f"<{what} str() failed>"


def _traceback_of(error: BaseException, trace: TracebackType | None) -> str:
    try:
        lines = traceback.format_exception(type(error), error, trace)
        return "".join((*lines, *(f"{note}\n" for note in notes_not_printed(error))))
    except BaseException:  # one of what it looks at is the program's, such as notes
        lines = ["Traceback (most recent call last):\n", *traceback.format_tb(trace)]
        return "".join((*lines, f"{summary(error, _text_of(error, 'exception'))}\n"))
