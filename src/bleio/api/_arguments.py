"""The checks and messages that CircuitPython's argument handling gives every member.

Spec of the messages: MicroPython's py/argcheck.c as CircuitPython ships it. A readable buffer is
any bytes-like object or a `str`, which stands for its UTF-8 octets; octets are copied at once, so
what the program does with its buffer afterwards changes nothing.
"""

from __future__ import annotations

import operator
from array import array
from collections.abc import Callable
from functools import wraps
from typing import (
    Any,
    NoReturn,
    SupportsFloat,
    SupportsIndex,
    SupportsInt,
    TypeVar,
    Union,
)

ReadableBuffer = Union[bytes, bytearray, memoryview, "array[Any]", str]
WriteableBuffer = Union[bytearray, memoryview, "array[Any]"]

C = TypeVar("C", bound=type)
T = TypeVar("T")

DEINITIALIZED = "Object has been deinitialized and can no longer be used. Create a new object."
_NO_BUFFER = "object with buffer protocol required"


def public(cls: C) -> C:
    """Let a class show itself as a member of `_bleio`, in tracebacks and representations."""
    cls.__module__ = "_bleio"
    return cls


def described(describe: Callable[[T], str]) -> Callable[[T], str]:
    """Make a `__repr__` that raises at no time.

    Debuggers show objects that are half made, and those that their constructor has refused.
    """

    @wraps(describe)
    def representation(self: T) -> str:
        try:
            return describe(self)
        except AttributeError:
            return f"<{type(self).__name__} that was not made>"

    return representation


def no_constructor(cls: type) -> NoReturn:
    """Raise what calling a class without a constructor raises."""
    raise TypeError(f"can't create '{cls.__name__}' instances")


def readable(value: object) -> bytes:
    """Copy a readable buffer. Raises: TypeError."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode()
    try:
        return memoryview(value).tobytes()  # type: ignore[arg-type]
    except TypeError:
        raise TypeError(_NO_BUFFER) from None


def writable(value: object) -> memoryview:
    """View a writable buffer as octets. Raises: TypeError."""
    try:
        view = memoryview(value).cast("B")  # type: ignore[arg-type]
    except TypeError:
        raise TypeError(_NO_BUFFER) from None
    if view.readonly:
        raise TypeError(_NO_BUFFER)
    return view


def instance(name: str, value: object, cls: type[T]) -> T:
    """Check an argument's class. Raises: TypeError."""
    if not isinstance(value, cls):
        raise TypeError(f"{name} must be of type {cls.__name__}, not {type(value).__name__}")
    return value


def instance_or_none(name: str, value: object, cls: type[T]) -> T | None:
    """Check an argument that may be None. Raises: TypeError."""
    if value is not None and not isinstance(value, cls):
        kind = type(value).__name__
        raise TypeError(f"{name} must be of type {cls.__name__} or None, not {kind}")
    return value


def integer(name: str, value: object) -> int:
    """Take an int, or what says by `__index__` or `__int__` that it is one, such as numpy's.

    A float is none, nor is any other number that may have a fraction. Raises: TypeError.
    """
    if isinstance(value, int):
        return int(value)
    try:
        if isinstance(value, SupportsIndex):
            return operator.index(value)
        from numbers import Number  # for the few that pass what is no int

        if isinstance(value, SupportsInt) and not isinstance(value, Number):
            return int(value)
    except TypeError:
        pass  # an array of several, for one
    raise TypeError(f"{name} must be of type int, not {type(value).__name__}")


def at_least(name: str, value: object, minimum: int) -> int:
    """Check an int against its lower bound. Raises: TypeError, ValueError."""
    number = integer(name, value)
    if number < minimum:
        raise ValueError(f"{name} must be >= {minimum}")
    return number


def in_range(name: str, value: object, minimum: int, maximum: int) -> int:
    """Check an int against both bounds. Raises: TypeError, ValueError."""
    number = integer(name, value)
    if not minimum <= number <= maximum:
        raise ValueError(f"{name} must be {minimum}-{maximum}")
    return number


def real(name: str, value: object) -> float:
    """Take a float or an int, or what can say by a method that it is one. Raises: TypeError."""
    if isinstance(value, (int, float)):
        return float(value)
    try:
        if isinstance(value, (SupportsFloat, SupportsIndex)):
            return float(value)
    except TypeError:
        pass  # an array of several, for one
    raise TypeError(f"{name} must be of type float, not {type(value).__name__}")


def duration(name: str, value: object) -> float:
    """Check a time in seconds. Raises: TypeError, ValueError."""
    seconds = real(name, value)
    if not seconds >= 0:  # NaN too
        raise ValueError(f"{name} must be >= 0")
    return seconds


def having(name: str, value: T, *members: str) -> T:
    """Check that an argument has the members that will be used. Raises: TypeError."""
    for member in members:
        if not _has(value, member):
            kind = type(value).__name__
            raise TypeError(f"{name} must have {', '.join(members)}; {kind} has no {member}")
    return value


def _has(value: object, member: str) -> bool:
    try:
        getattr(value, member)
    except AttributeError:
        return False
    except Exception:
        return True  # a property that fails for now, such as a closed port's; its use will tell
    return True
