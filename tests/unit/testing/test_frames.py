"""Which frames people are shown."""

from __future__ import annotations

import builtins
import sys
import traceback
from types import TracebackType
from typing import Any

import pytest

from bleio.testing import frames


def error_by(*modules: str, innermost: Any = None) -> BaseException:
    """Raise through functions of modules of these names. Returns: the error."""
    call = innermost
    for name in reversed(modules):
        space: dict[str, Any] = {"__name__": name, "call": call}
        exec("def step():\n    if call is None: raise ValueError('here')\n    call()", space)
        call = space["step"]
    try:
        call()
    except ValueError as error:
        trace = error.__traceback__
        return error.with_traceback(trace and trace.tb_next)  # without this function
    raise AssertionError


def modules_of(trace: TracebackType | None) -> list[str]:
    found = []
    while trace is not None:
        found.append(trace.tb_frame.f_globals["__name__"])
        trace = trace.tb_next
    return found


@pytest.mark.parametrize(
    ("modules", "left"),
    [
        (("bleio.testing.device", "main", "bleio.api.adapter"), ["main"]),
        (("bleio.testing.device", "main", "bleio.runtime.portal", "helper"), ["main", "helper"]),
        (("main", "library", "bleio.testing.programs.synthetic"), ["main", "library"]),
        (("main", "bleio.testing.timing.clock"), ["main"]),
        (("main", "bleiolike"), ["main", "bleiolike"]),
        (("main", "bleio.api.adapter", "bleio.gatt.layout"), None),  # a fault of ours
        (("main", "bleio.testing.timing.turns"), None),
        (("bleio.testing.device", "bleio.testing.programs.program"), []),
    ],
)
def test_ours_are_taken_out(modules: tuple[str, ...], left: list[str] | None) -> None:
    error = error_by(*modules)
    frames.hide(error)
    assert modules_of(error.__traceback__) == (list(modules) if left is None else left)


def test_lines_stay_what_they_were() -> None:
    error = error_by("main", "bleio.api.adapter")
    before = traceback.extract_tb(error.__traceback__)[0]
    frames.hide(error)
    assert traceback.extract_tb(error.__traceback__)[0].lineno == before.lineno == 3


def test_causes_and_circles_of_them_are_gone_through_once() -> None:
    error, cause = error_by("main", "bleio.api.adapter"), error_by("bleio.api.a", "helper")
    error.__cause__, cause.__context__ = cause, error
    frames.hide(error)
    assert modules_of(error.__traceback__) == ["main"]
    assert modules_of(cause.__traceback__) == ["helper"]


@pytest.mark.skipif(sys.version_info < (3, 11), reason="there are no groups")
def test_parts_of_groups_are_gone_through() -> None:
    part = error_by("main", "bleio.api.adapter")
    frames.hide(vars(builtins)["ExceptionGroup"]("both", [part]))
    assert modules_of(part.__traceback__) == ["main"]


def test_an_exception_without_a_traceback() -> None:
    error = ValueError()
    frames.hide(error)
    assert error.__traceback__ is None
    assert frames.place_of_error(error) == ""
    assert frames.place_of_frame(None) == ""


def test_the_place_of_a_stack_is_the_programs_innermost_line() -> None:
    seen: list[str] = []

    def call() -> None:
        raise_here = sys._getframe()
        seen.append(frames.place_of_frame(raise_here))
        raise ValueError

    error_by("bleio.api.adapter", innermost=call)
    assert seen[0].endswith("in call: seen.append(frames.place_of_frame(raise_here))")
    seen.clear()
    sorted([1, 2], key=lambda each: seen.append(frames.place_of_frame(sys._getframe())) or 0)
    assert "test_frames.py" in seen[0]
