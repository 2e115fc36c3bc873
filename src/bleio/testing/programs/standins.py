"""Classes that stand for a class of a test in one device.

A stand-in is a subclass whose methods are the device's own (`functions` puts them in). Nobody is to
notice that it is another class: the test must find instances of its own class in what the program
hands back, and the program must find instances of the class that it knows in what it is handed. So
a stand-in takes instances of the original for its own, an instance says that it is the original's,
which comparisons of dataclasses go by, and what is assigned to the stand-in goes to the original.
Subclasses that a program makes of a stand-in are ordinary classes.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

_STANDS_FOR = "__stands_for__"


def stand_in(
    original: type, bases: tuple[type, ...], held: Callable[[Any], Any], *, new_hash: bool
) -> type | None:
    """Make a class that stands for another one; None if that cannot have subclasses.

    Args: bases: what stands for the original's bases. held: makes of what is in an instance's
        `__dict__` what is seen there. new_hash: a method `__eq__` will be put in,
        which must not make instances unhashable.
    """
    named = ("__module__", "__qualname__", "__doc__")
    namespace = {name: getattr(original, name) for name in named}
    namespace.update({_STANDS_FOR: original, "__slots__": (), "__class__": property(_told)})

    usual: Any = original.__getattribute__

    def look_up(self: Any, name: str) -> Any:
        value = usual(self, name)
        attributes = object.__getattribute__(self, "__dict__")
        return held(value) if attributes.get(name) is value else value

    if original.__dictoffset__:
        namespace["__getattribute__"] = look_up
    if new_hash:
        namespace["__hash__"] = original.__hash__
    try:
        made: type = _kind_of(type(original))(original.__name__, (original, *bases), namespace)
    except TypeError:
        return None
    return made


def alike(original: type, namespace: dict[str, Any]) -> type:
    """Make a class that stands for one of a library, equal to it, so that who looks up the type of
    an instance in a table or compares it finds the original's entry."""
    named = {name: getattr(original, name) for name in ("__module__", "__qualname__", "__doc__")}
    named.update(namespace, **{_STANDS_FOR: original})
    made: type = _alike()(original.__name__, (original,), named)
    return made


@functools.cache
def _alike() -> Any:
    class Alike(_kind_of(type)):  # type: ignore[misc]
        __setattr__ = type.__setattr__  # the process's has nothing to do with it

        def __eq__(cls, other: object) -> bool:
            return other is cls or other is original_of(cls)

        def __hash__(cls) -> int:
            return type.__hash__(original_of(cls))

    return Alike


@functools.lru_cache(maxsize=64)
def _kind_of(metaclass: type) -> Any:
    """Return the metaclass of subclasses that stand for their originals."""

    class StandIn(metaclass):  # type: ignore[misc]
        def __setattr__(cls, name: str, value: Any) -> None:
            original = vars(cls).get(_STANDS_FOR)
            if original is None or name.startswith(("__", "_abc")):
                super().__setattr__(name, value)
            else:
                setattr(original, name, value)

        def __instancecheck__(cls, instance: Any) -> bool:
            original = vars(cls).get(_STANDS_FOR)
            if original is None:
                return bool(super().__instancecheck__(instance))
            return isinstance(instance, original)

        def __subclasscheck__(cls, subclass: type) -> bool:
            original = vars(cls).get(_STANDS_FOR)
            if original is None:
                return bool(super().__subclasscheck__(subclass))
            return issubclass(subclass, original)

    return StandIn


def original_of(kind: type) -> type:
    """Return what a class stands for; itself if it is no stand-in."""
    original: type = vars(kind).get(_STANDS_FOR, kind)
    return original


def _told(instance: Any) -> type:
    """Return what an instance says that its class is."""
    return original_of(type(instance))
