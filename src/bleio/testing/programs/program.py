"""What a device can be given as its program, and what it is run with.

A program is called in one of two ways. A function has arguments, as that of `threading.Thread`
has. A file or a text has none; what it has of its caller, as any process, is `sys.argv` and an
environment. Since functions may look at these too, every program has them.
"""

from __future__ import annotations

import inspect
import math
import os
import shlex
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from importlib.util import find_spec
from types import NoneType
from typing import Any, NamedTuple

from bleio.testing.programs.modules import DeviceModules

PathLike = str | os.PathLike[str]
_PATHS = (str, os.PathLike)


class Program(NamedTuple):
    """`run` runs it, once the device can import in its own way, from `folder` among others.

    title: what it is called in `sys.argv`; None is the device's name. has_main: whether it is a
    module of its own, `__main__`.
    """

    run: Callable[[DeviceModules], None]
    folder: str | None
    name: str
    title: str | None = None
    has_main: bool = True


class Circumstances(NamedTuple):
    """What a program has of the one that calls it.

    argv: what follows its title in `sys.argv`. env: what differs from the process's environment;
    None is a variable that is not there. share: modules that it shares with the test.
    """

    argv: tuple[str, ...] = ()
    env: Mapping[str, str | None] = {}
    share: frozenset[str] = frozenset()


def as_circumstances(
    argv: Sequence[PathLike], env: Mapping[str, str | None] | None, share: Iterable[str]
) -> Circumstances:
    """Check what a program is to have of its caller. Raises: TypeError; ValueError."""
    if isinstance(argv, (*_PATHS, bytes)) or not all(isinstance(each, _PATHS) for each in argv):
        raise TypeError(f"argv is a list of texts, such as argv=['--fast'], not {argv!r}")
    if not isinstance(env, (Mapping, type(None))):
        raise TypeError(f"env has texts by name, such as env={{'MODE': 'fast'}}, not {env!r}")
    for name, value in (env or {}).items():
        if not isinstance(name, str) or not isinstance(value, str | None):
            raise TypeError(
                f"env has texts by name, such as env={{'MODE': 'fast'}}, not {name!r}: {value!r}"
            )
        if not name or "=" in name or "\0" in name + (value or ""):
            raise ValueError(f"No environment can have {name!r} with the value {value!r}")
    return Circumstances(
        tuple(os.fspath(each) for each in argv), dict(env or {}), _as_shared(share)
    )


def _as_shared(share: Iterable[str]) -> frozenset[str]:
    if isinstance(share, str | bytes):
        raise TypeError(f"share is a list of modules' names, such as share=[{share!r}]")
    names = frozenset(share)
    for name in names:
        if name not in sys.modules and find_spec(name) is None:
            raise ModuleNotFoundError(
                f"There is no module {name!r} to share: the test itself cannot import it", name=name
            )
    return names


def words_of(command: str) -> tuple[str, list[str]]:
    """Return the file and the arguments of a program as it is typed, such as "echo.py --fast".

    What is a file as it stands has no arguments. Raises: ValueError for a quote without end.
    """
    if os.path.exists(command):
        return command, []
    words = shlex.split(command, posix=os.name != "nt")
    return (words[0], words[1:]) if words else (command, [])


def check_times(start_s: float, stop_s: float | None) -> None:
    """Check when a program is to start and to stop. Raises: ValueError."""
    if not 0 <= start_s < math.inf:
        raise ValueError("start_s must be a number of seconds from 0 on")
    if stop_s is not None and not start_s < stop_s < math.inf:
        raise ValueError("stop_s must be a number of seconds after start_s")


def as_program(
    program: PathLike | Callable[..., Any] | None,
    args: Iterable[Any],
    kwargs: Mapping[str, Any] | None,
    source: str | None,
    folder: str | None,
) -> Program:
    """Take a file, a function with its arguments, or source text.

    Args: folder: where a file with a relative path is looked for before the current one.
    Raises: TypeError for anything else; OSError.
    """
    if (program is None) == (source is None):
        raise TypeError("add takes either a program or source")
    if not (callable(program) or isinstance(program, (*_PATHS, NoneType))) or not isinstance(
        source, str | None
    ):
        raise TypeError(
            "add takes the path of a program, a function, or source=..., not"
            f" {source if program is None else program!r}"
        )
    if not isinstance(args, tuple | list) or not isinstance(kwargs, Mapping | None):
        raise TypeError(
            "add takes a function's arguments as threading.Thread does, together:"
            " add(function, (1, 2), {'name': 3}), or add(function, (1,)) for a single one"
        )
    if source is not None or not callable(program):
        if args or kwargs:
            raise TypeError(
                "Only functions have arguments; what a program finds in sys.argv is argv=[...]"
            )
        if source is not None:
            return Program(partial(_run_source, source, "<source>"), None, "device")
        assert isinstance(program, _PATHS)
        return _of_file(_find(os.fspath(program), folder))
    _check_runs_to_its_end(program)
    name = getattr(inner_of(program), "__name__", None) or type(program).__name__
    run = partial(_run_function, program, tuple(args), dict(kwargs or {}))
    return Program(run, None, name, has_main=False)


def _run_source(text: bytes | str, path: str, modules: DeviceModules) -> None:
    modules.run_source(text, path)


def _run_function(
    function: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    modules: DeviceModules,
) -> None:
    result = modules.rebind(function, args, kwargs)()
    if inspect.iscoroutine(result):
        modules.load("asyncio").run(result)


def _check_runs_to_its_end(program: Callable[..., Any]) -> None:
    """Raise TypeError for what would only be prepared by a call, and never run."""
    inner = inner_of(program)
    for each in (inner, vars(type(inner)).get("__call__")):
        if inspect.isgeneratorfunction(each) or inspect.isasyncgenfunction(each):
            raise TypeError("A program cannot be a generator: a call would not run it")


def inner_of(program: Any) -> Any:
    """Return what a `functools.partial` calls in the end; other programs as they are."""
    while isinstance(program, partial):
        program = program.func
    return program


def _find(path: str, folder: str | None) -> str:
    """Return where a file is. Raises: FileNotFoundError with all places that were tried."""
    places = [os.path.abspath(path)]
    if folder is not None and not os.path.isabs(path):
        places.insert(0, os.path.join(folder, path))
    for place in places:
        if os.path.exists(place):
            return place
    tried = " and ".join(dict.fromkeys(map(repr, places)))
    raise FileNotFoundError(f"There is no program {path!r}: nothing is at {tried}")


def _of_file(path: str) -> Program:
    with open(path, "rb") as file:
        source = file.read()
    name = os.path.splitext(os.path.basename(path))[0]
    return Program(partial(_run_source, source, path), os.path.dirname(path), name, path)
