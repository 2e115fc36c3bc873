"""The tracebacks that pytest shows and debugs: those of programs, without frames of ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from bleio.testing.errors import DeviceFailed
from bleio.testing.frames import hide


def hide_ours(call: pytest.CallInfo[Any], config: pytest.Config) -> None:
    """Take our frames out of what a test has raised, unless `--full-trace` asks for all."""
    assert call.excinfo is not None
    error = call.excinfo.value
    if config.getoption("fulltrace"):
        return
    hide(error)
    if error.__traceback__ is not None:
        call.excinfo = pytest.ExceptionInfo.from_exception(error)


@contextmanager
def at_the_device(call: pytest.CallInfo[Any]) -> Iterator[None]:
    """Show debuggers the error of a device in place of the one that tells of it."""
    shown = call.excinfo
    if shown is not None and isinstance(shown.value, DeviceFailed):
        error = shown.value.__cause__
        if error is not None and error.__traceback__ is not None:
            call.excinfo = pytest.ExceptionInfo.from_exception(error)
    try:
        yield
    finally:
        call.excinfo = shown
