"""What a device can be given as its program."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from bleio.testing.programs.modules import DeviceModules


class Program(NamedTuple):
    """`run` runs it, once the device can import in its own way, from `folder` among others."""

    run: Callable[[DeviceModules], None]
    folder: str | None
    name: str


def as_program(
    program: str | os.PathLike[str] | Callable[..., Any] | None,
    args: tuple[Any, ...],
    source: str | None,
    folder: str,
) -> Program:
    """Take a file, a function with its arguments, or source text.

    Args: folder: what a relative path is relative to; empty is the current one, as ever.
    Raises: TypeError for anything else; OSError.
    """
    if (program is None) == (source is None):
        raise TypeError("add takes either a program or source")
    if args and not callable(program):
        raise TypeError("Only functions take arguments")
    if source is not None:
        return Program(partial(_run_source, source, "<source>"), None, "device")
    if callable(program):
        _check_runs_to_its_end(program)
        name = getattr(inner_of(program), "__name__", None) or type(program).__name__
        return Program(partial(_run_function, program, args), None, name)
    assert program is not None
    return _of_file(os.path.join(folder, program))


def _run_source(text: bytes | str, path: str, modules: DeviceModules) -> None:
    modules.run_source(text, path)


def _run_function(
    function: Callable[..., Any], args: tuple[Any, ...], modules: DeviceModules
) -> None:
    modules.rebind(function, args)()


def _check_runs_to_its_end(program: Callable[..., Any]) -> None:
    """Raise TypeError for what would only be prepared by a call, and never run."""
    inner = inner_of(program)
    for each in (inner, vars(type(inner)).get("__call__")):
        if inspect.iscoroutinefunction(each) or inspect.isasyncgenfunction(each):
            raise TypeError(
                "A program cannot be an async function, since the time of asyncio is not"
                " simulated: give a plain function, which waits with time.sleep"
            )
        if inspect.isgeneratorfunction(each):
            raise TypeError("A program cannot be a generator: a call would not run it")


def inner_of(program: Any) -> Any:
    """Return what a `functools.partial` calls in the end; other programs as they are."""
    while isinstance(program, partial):
        program = program.func
    return program


def _of_file(path: str | os.PathLike[str]) -> Program:
    path = os.path.abspath(path)
    with open(path, "rb") as file:
        source = file.read()
    name = os.path.splitext(os.path.basename(path))[0]
    return Program(partial(_run_source, source, path), os.path.dirname(path), name)
