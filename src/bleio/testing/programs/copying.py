"""Copies of modules in which some names are replaced: how most modules of a device are made."""

from __future__ import annotations

from functools import partial
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any


def copy_of(module: ModuleType, **replaced: Any) -> ModuleType:
    """Return a module like another one, with the same values but for these."""
    copy = ModuleType(module.__name__, module.__doc__)
    values = vars(module)
    vars(copy).update(values)
    vars(copy).update({name: in_place(value, values.get(name)) for name, value in replaced.items()})
    return copy


def in_place(value: Any, original: Any) -> Any:
    """Return a value as what can take an original's place.

    A function in C does not become a method of a class that has it as an attribute, as
    `logging.Formatter` has `time.localtime`. So one in Python must not, either.
    """
    if isinstance(value, FunctionType | partial) and isinstance(original, BuiltinFunctionType):
        return staticmethod(value)
    return value


def rebound(module: ModuleType, names: dict[str, Any], **replaced: Any) -> ModuleType:
    """Return such a copy whose functions look names up in it. Its classes stay the same.

    Args: names: the builtins with which they import.
    """
    copy = copy_of(module, __builtins__=names, **replaced)
    for name, value in vars(module).items():
        if name not in replaced and isinstance(value, FunctionType):
            vars(copy)[name] = _with_globals(value, vars(copy))
    return copy


def _with_globals(function: FunctionType, namespace: dict[str, Any]) -> FunctionType:
    copy = FunctionType(
        function.__code__,
        namespace,
        function.__name__,
        function.__defaults__,
        function.__closure__,
    )
    copy.__kwdefaults__ = function.__kwdefaults__
    copy.__dict__.update(vars(function))
    copy.__qualname__, copy.__doc__ = function.__qualname__, function.__doc__
    copy.__module__ = function.__module__
    return copy
