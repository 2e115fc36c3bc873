"""Which frames are a program's, and which are ours that run it or that it calls.

The author of a program looks at a traceback for a line of theirs. What bleio does above that line,
to run the program, and below it, to do what it asked for, is not their business: CircuitPython
shows nothing of it either. So tracebacks that people see are without it (`hide`). An error that the
stack itself made, in its protocol or its radio, is a fault of ours, and keeps its frames.

There are two ways to hide frames. pytest looks for a local variable `__tracebackhide__`, which
would have to be set at each call, costs, and is nothing to others who print tracebacks. So ours are
taken out of the traceback itself, which holds for pytest, debuggers and plain Python.
"""

from __future__ import annotations

import builtins
import linecache
import os
import sysconfig
from collections.abc import Iterator
from types import FrameType, TracebackType
from typing import Any

_HERE = "bleio"
# Where errors are made that are meant for programs. What is raised elsewhere is a fault of ours.
_FOR_PROGRAMS = (
    *("bleio.aio.", "bleio.api.", "bleio.board.", "bleio.core.", "bleio.errors.", "bleio.runtime."),
    "bleio.testing.",
)
_NOT_FOR_PROGRAMS = "bleio.testing.timing."
_FOR_PROGRAMS_TOO = "bleio.testing.timing.clock."  # it takes their arguments
_LIBRARIES = tuple(
    os.path.join(sysconfig.get_path(name), "") for name in ("stdlib", "purelib", "platlib")
)
_GROUP: Any = getattr(builtins, "BaseExceptionGroup", None)
# Coroutines and their like: what has their frame, and what they await.
_AWAITING = (("cr_frame", "cr_await"), ("gi_frame", "gi_yieldfrom"), ("ag_frame", "ag_await"))


def is_ours(frame: FrameType) -> bool:
    """Whether it runs code of bleio, or of Python's imports, which run modules."""
    name = str(frame.f_globals.get("__name__"))
    return name.partition(".")[0] == _HERE or frame.f_code.co_filename.startswith("<frozen import")


def hide(error: BaseException) -> None:
    """Take our frames out of the tracebacks of an exception and of those that it came of."""
    for each in with_its_causes(error):
        each.__traceback__ = without_ours(each.__traceback__)


def without_ours(trace: TracebackType | None) -> TracebackType | None:
    """Return a traceback without frames of ours; as it is if the fault is ours, or all of it is."""
    links = []
    while trace is not None:
        links.append(trace)
        trace = trace.tb_next
    if not links or _is_our_fault(links[-1].tb_frame):
        return links[0] if links else None
    theirs = None
    for link in reversed(links):
        if not is_ours(link.tb_frame):
            theirs = TracebackType(theirs, link.tb_frame, link.tb_lasti, link.tb_lineno)
    return theirs


def from_program(trace: TracebackType | None) -> TracebackType | None:
    """Return a traceback from the program's first frame on; None if there is none."""
    while trace is not None and str(trace.tb_frame.f_globals.get("__name__")).startswith(
        "bleio.testing."
    ):
        trace = trace.tb_next
    return trace


def with_its_causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception, and what tracebacks show with it."""
    seen, todo = set[int](), [error]
    while todo:
        each = todo.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        todo += [other for other in (each.__cause__, each.__context__) if other is not None]
        todo += _grouped(each)


def origins_of(error: BaseException) -> list[BaseException]:
    """Return what is behind an exception: the first of its causes, and of those in a group."""
    seen, todo, origins = {id(error)}, [error], list[BaseException]()
    while todo:
        each = todo.pop()
        behind = [other for other in _behind(each) if id(other) not in seen]
        seen.update(map(id, behind))
        todo += reversed(behind)
        if not behind and each is not error:
            origins.append(each)
    return origins


def _behind(error: BaseException) -> tuple[BaseException, ...]:
    if grouped := _grouped(error):
        return grouped
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return () if before is None else (before,)


def _grouped(error: BaseException) -> tuple[BaseException, ...]:
    """Return those in a group, not by its class, which may be a program's.

    Python 3.10 has none, but libraries that bring them.
    """
    if _GROUP is not None and isinstance(error, _GROUP):
        inside = _GROUP.exceptions.__get__(error)
    else:
        inside = vars(error).get("exceptions") or vars(error).get("_exceptions")
    if not isinstance(inside, tuple | list):
        return ()
    return tuple(each for each in inside if isinstance(each, BaseException))


def place_of_error(error: BaseException) -> str:
    """Return the line of a program at which it failed; empty if there is none."""
    trace, found = error.__traceback__, None
    while trace is not None:
        if not is_ours(trace.tb_frame) and (found is None or not is_library(trace.tb_frame)):
            found = trace
        trace = trace.tb_next
    return "" if found is None else _place(found.tb_frame, found.tb_lineno)


def place_of_frame(frame: FrameType | None) -> str:
    """Return the innermost line of a program that a stack has; empty if it has none."""
    best = None
    while frame is not None:
        if not is_ours(frame):
            if not is_library(frame):
                best = frame
                break
            best = best or frame
        frame = frame.f_back
    return "" if best is None else _place(best, best.f_lineno)


def place_of_awaiting(awaiting: Any) -> str:
    """Return the innermost line of a program at which a coroutine awaits; empty if there is none.

    Args: awaiting: a coroutine, or something else that can be awaited.
    """
    best = ""
    while awaiting is not None:
        kind = next((kind for kind in _AWAITING if hasattr(awaiting, kind[0])), None)
        frame = kind and getattr(awaiting, kind[0])
        if kind is None or frame is None:
            break
        if not is_ours(frame) and not is_library(frame):
            best = _place(frame, frame.f_lineno)
        awaiting = getattr(awaiting, kind[1])
    return best


def shown_path(path: str) -> str:
    """Return a path as it is shortest from the current folder."""
    try:
        relative = os.path.relpath(path)
    except (ValueError, OSError):  # on another drive, or there is no current folder any more
        return path
    return path if path.startswith("<") or relative.startswith("..") else relative


def _place(frame: FrameType, line: int) -> str:
    code = frame.f_code
    where = f"{shown_path(code.co_filename)}:{line}"
    if code.co_name != "<module>":
        where += f" in {code.co_name}"
    source = linecache.getline(code.co_filename, line, frame.f_globals).strip()
    return f"{where}: {source}" if source else where


def is_library(frame: FrameType) -> bool:
    """Whether it runs code of Python's or of an installed library."""
    return frame.f_code.co_filename.startswith((*_LIBRARIES, "<frozen"))


def _is_our_fault(frame: FrameType) -> bool:
    name = f"{frame.f_globals.get('__name__')}."
    if not name.startswith(f"{_HERE}.") or name == _FOR_PROGRAMS_TOO:
        return False
    return name.startswith(_NOT_FOR_PROGRAMS) or not name.startswith(_FOR_PROGRAMS)
