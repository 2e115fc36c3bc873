"""Programs that were defined before there was a device: functions, methods, objects to call.

A test gives a world a function of its own module. It was defined with the process's globals, so its
`time` is the real one, its `print` the process's, its libraries those of everybody. Run as it is,
it would sleep in real time while its peer goes by simulated time, and fail in a way that nobody
understands. So a device runs a copy, whose globals are the device's.

A copy of one function is not enough, since what it calls would be the process's again. Everything
with code that the program can name is exchanged as well, as deep as that goes: functions of the
test's modules, what wrappers close over, methods, `functools.partial`, functions in a list or a
dictionary, classes, arguments. All other values stay the very objects that they are: that is how a
program hands results to its test.

The obvious way for classes, to make each again, would be wrong: what the program hands back would
be no instance of the test's class. So the device's class is a subclass of it (`_class`), with
copies of the methods. It stands for the original: assignments to attributes of the class go there,
instances of one are instances of the other, and say that they are the original's. Only classes with
methods that look up anything of a device are exchanged. An object of such a class is exchanged for
a twin with the very same `__dict__`: what the program assigns to `self`, the test sees.

What may surprise:

- A dictionary, list, tuple or set with functions in it is copied, so nothing put in there by the
  program is seen by the test. Containers without are shared. A closed-over variable that holds a
  function or a class is the device's own likewise, as what `global` statements assign to is.
- What such an object has as an attribute, a function or another object, is exchanged when it is
  looked up, since its `__dict__` is shared. Objects in containers are not looked for.
- Enumerations, classes that cannot have subclasses and objects that are more than their `__dict__`
  stay as they are, and so do objects of a library. If such code comes to the real `time.sleep`, the
  world notices (`watching`).
- A class whose base is a library's keeps the process's library as its base, unless that is one
  which is made for the device: a `threading.Thread` of a test starts in the device.
- `super()` goes on to the exchanged bases, since these are bases of the subclass too: in the order
  of classes, each original has the exchanged one of its base behind it.
"""

from __future__ import annotations

import contextlib
import dis
import functools
import sys
from enum import Enum
from functools import cached_property, partial
from types import CellType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any, Protocol

from bleio.testing.programs.standard import nameless
from bleio.testing.programs.standins import original_of, stand_in

_CONTAINERS = (dict, list, tuple, set, frozenset)
_FUNCTIONS = (FunctionType, MethodType, partial, functools._lru_cache_wrapper)
_CODE = (*_FUNCTIONS, type, *_CONTAINERS)


class OwnModules(Protocol):
    """What a device has for itself."""

    names: dict[str, Any]

    def is_own(self, name: str) -> bool:
        """Whether a module of that name is loaded by each device for itself."""

    def is_made(self, name: str) -> bool:
        """Whether a module of that name is a copy, whose code is the process's."""

    def is_here(self, name: str) -> bool:
        """Whether a module of that name is nowhere to be imported from, as tests often are."""

    def load(self, name: str) -> ModuleType:
        """Return the device's module. Raises: ModuleNotFoundError."""


class Exchange:
    """Exchanges what was defined in the process for what it would be in one device.

    Args: modules: the device's; `names` are its builtins. home: the program, whose module is
        never loaded again.
    """

    def __init__(self, modules: OwnModules, home: str | None) -> None:
        self._modules = modules
        self._home = home
        self._done: dict[int, Any] = {}
        self._kept: list[Any] = []  # so that no identity in `_done` is used again
        self._namespaces: dict[int, dict[str, Any]] = {}
        self._own_namespaces: set[int] = set()
        self._nameless = nameless()

    def own(self, value: Any) -> Any:
        """Return the device's own of a value; itself if there is nothing to exchange."""
        if self._is_made_here(value):
            return value
        if id(value) not in self._done:
            self._keep(value, value)  # found by itself, if it contains itself
            self._keep(value, self._made(value))
        return self._done[id(value)]

    def _keep(self, value: Any, own: Any) -> None:
        self._kept.append(value)
        self._done[id(value)] = own

    def _is_made_here(self, value: Any) -> bool:
        """Tell whether the device's own code has made a value, so that it is its own already."""
        if isinstance(value, FunctionType):
            return id(value.__globals__) in self._own_namespaces
        kind = type(value)
        return original_of(kind) is not kind and self._done.get(id(original_of(kind))) is kind

    def _made(self, value: Any) -> Any:
        if id(value) in self._nameless:
            module, name = self._nameless[id(value)]
            return getattr(self._modules.load(module), name, value)
        if isinstance(value, ModuleType):
            name = value.__name__
            return self._modules.load(name) if self._is_own(name) else value
        if isinstance(value, MethodType):
            function, instance = self.own(value.__func__), self.own(value.__self__)
            changed = function is not value.__func__ or instance is not value.__self__
            return MethodType(function, instance) if changed else value
        if isinstance(value, partial):
            keywords = {name: self.own(each) for name, each in value.keywords.items()}
            return type(value)(self.own(value.func), *map(self.own, value.args), **keywords)
        if isinstance(value, functools._lru_cache_wrapper):
            function = self.own(value.__wrapped__)
            changed = function is not value.__wrapped__
            return functools.lru_cache(**value.cache_parameters())(function) if changed else value
        if type(value) in _CONTAINERS:
            return self._container(value)
        found = self._by_name(value)
        if found is not value:
            return found
        if isinstance(value, FunctionType):
            return self._function(value)
        return self._class(value) if isinstance(value, type) else self._twin(value)

    def _is_own(self, module: str) -> bool:
        return module != self._home and self._modules.is_own(module)

    def _is_here(self, value: Any) -> bool:
        """Tell whether a class or function is of the test's modules, which are not loaded again."""
        module = getattr(value, "__module__", None)
        return module is not None and (module == self._home or self._modules.is_here(module))

    def _is_ours(self, function: FunctionType) -> bool:
        """Tell whether a function has globals that are exchanged."""
        module = function.__globals__.get("__name__") or ""
        if module == self._home or self._modules.is_here(module):
            return True
        return self._is_own(module) and not self._modules.is_made(module)

    def _by_name(self, value: Any) -> Any:
        """Return what a library's function or class is in the device."""
        module, name = getattr(value, "__module__", None), getattr(value, "__name__", None)
        if not isinstance(module, str) or not isinstance(name, str) or not self._is_own(module):
            return value
        if getattr(sys.modules.get(module), name, None) is not value:
            return value
        return getattr(self._modules.load(module), name, value)

    def _container(self, value: Any) -> Any:
        """Return a copy with the device's functions, or the very one if it has none."""
        if isinstance(value, dict):
            pairs = {key: self._content(each) for key, each in value.items()}
            return pairs if any(pairs[key] is not value[key] for key in value) else value
        before = list(value)
        after = [self._content(each) for each in before]
        changed = any(new is not old for new, old in zip(after, before, strict=True))
        return type(value)(after) if changed else value

    def _content(self, value: Any) -> Any:
        # Objects stay: they are results more often than helpers, and a copy would have to be made.
        return self.own(value) if isinstance(value, _CODE) else value

    # Functions

    def _function(self, function: FunctionType) -> FunctionType:
        before = function.__closure__ or ()
        after = tuple(map(self._cell, function.__code__.co_freevars, before))
        is_ours = self._is_ours(function)
        if not is_ours and after == before:
            return function
        namespace = self._namespace(function) if is_ours else function.__globals__
        copy = FunctionType(function.__code__, namespace, function.__name__, None, after)
        self._keep(function, copy)
        for new, old in zip(after, before, strict=True):
            if new is not old:
                new.cell_contents = self.own(old.cell_contents)
        copy.__defaults__ = tuple(map(self.own, function.__defaults__ or ()))
        keywords = function.__kwdefaults__ or {}
        copy.__kwdefaults__ = {name: self.own(each) for name, each in keywords.items()}
        copy.__qualname__, copy.__doc__ = function.__qualname__, function.__doc__
        copy.__module__ = function.__module__
        copy.__dict__.update((name, self.own(each)) for name, each in vars(function).items())
        if is_ours:
            self._fill(namespace, function)
        return copy

    def _cell(self, name: str, cell: CellType) -> CellType:
        """Return an empty cell for a variable whose value is exchanged, else the very one."""
        try:
            value = cell.cell_contents
        except ValueError:  # not assigned yet
            return cell
        if name == "__class__":  # what super() goes on from
            return cell
        # A function may close over itself, so it cannot be asked now whether it is exchanged.
        changes = isinstance(value, FunctionType | type) or self.own(value) is not value
        return CellType() if changes else cell

    def _namespace(self, function: FunctionType) -> dict[str, Any]:
        """Return the globals that the functions of one module have in the device."""
        shared = function.__globals__
        if id(shared) not in self._namespaces:
            named = {name: shared.get(name) for name in ("__name__", "__file__")}
            own = {"__builtins__": self._modules.names, **named}
            self._namespaces[id(shared)] = own
            self._own_namespaces.add(id(own))
            self._kept.append(shared)
        return self._namespaces[id(shared)]

    def _fill(self, namespace: dict[str, Any], function: FunctionType) -> None:
        shared = function.__globals__
        for name in global_names(function.__code__):
            if name in shared and name not in namespace:
                namespace[name] = shared[name]  # found by itself, if it calls itself
                namespace[name] = self.own(shared[name])

    # Classes

    def _class(self, original: type) -> type:
        if not self._is_here(original) or issubclass(original, Enum):
            return original
        if original_of(original) is not original:  # it is of another device
            again: type = self.own(original_of(original))
            return again
        bases = tuple(
            self.own(base)
            for base in original.__bases__
            if (self._is_here(base) or self._modules.is_made(base.__module__))
            and self.own(base) is not base
        )
        functions = [each for value in vars(original).values() for each in _functions_of(value)]
        if not bases and not any(map(self._looks_out, functions)):
            return original
        return self._subclass(original, bases)

    def _subclass(self, original: type, bases: tuple[type, ...]) -> type:
        methods = {name: each for name, each in vars(original).items() if _functions_of(each)}
        own = stand_in(original, bases, self._held, new_hash="__eq__" in methods)
        if own is None:
            return original
        self._keep(original, own)
        for name, value in methods.items():
            type.__setattr__(own, name, self._method(name, value))
        return own

    def _method(self, name: str, value: Any) -> Any:
        if isinstance(value, staticmethod | classmethod):
            return type(value)(self.own(value.__func__))
        if isinstance(value, cached_property):
            cached: cached_property[Any] = cached_property(self.own(value.func))
            cached.__set_name__(object, name)
            return cached
        if isinstance(value, property):
            get, put, delete = map(self.own, (value.fget, value.fset, value.fdel))
            return property(get, put, delete, value.__doc__)
        return self.own(value)

    def _looks_out(self, function: FunctionType) -> bool:
        """Tell whether a method looks up anything that may be the device's own."""
        names, shared = global_names(function.__code__), function.__globals__
        if "print" in names or _imports(function.__code__):
            return True
        values = [shared[name] for name in names if name in shared]
        for cell in function.__closure__ or ():
            with contextlib.suppress(ValueError):
                values.append(cell.cell_contents)
        return any(
            self._is_own(each.__name__)
            if isinstance(each, ModuleType)
            else isinstance(each, FunctionType | MethodType | partial)
            or self._is_own(getattr(each, "__module__", None) or "")
            or self._is_here(each)
            for each in values
        )

    def _twin(self, value: Any) -> Any:
        """Return an object with the same attributes and the device's class."""
        kind = type(value)
        if not self._is_here(kind) or not hasattr(value, "__dict__"):
            return value
        own = self.own(kind)
        if own is kind and any(isinstance(each, _FUNCTIONS) for each in vars(value).values()):
            own = self._subclass(kind, ())  # a decorator, for instance
        if own is kind or any(vars(each).get("__slots__") for each in kind.__mro__):
            return value
        with contextlib.suppress(TypeError):  # it is more than its attributes
            twin = object.__new__(own)
            object.__setattr__(twin, "__dict__", value.__dict__)
            return twin
        return value

    def _held(self, value: Any) -> Any:
        """Return the device's own of what an object of a stand-in has as an attribute."""
        if isinstance(value, _FUNCTIONS) or (
            not isinstance(value, type) and self._is_here(type(value))
        ):
            return self.own(value)
        return value


def home_of(program: Any) -> str:
    """Return the name of the module in which a program was written."""
    if isinstance(program, partial):
        return home_of(program.func)
    module = getattr(program, "__module__", None) or type(program).__module__
    return str(module)


def _functions_of(value: Any) -> list[FunctionType]:
    """Return the functions of an attribute of a class, and those that they wrap."""
    if isinstance(value, staticmethod | classmethod):
        value = value.__func__
    if isinstance(value, cached_property):
        value = value.func
    if isinstance(value, property):
        return [
            each for part in (value.fget, value.fset, value.fdel) for each in _functions_of(part)
        ]
    if not isinstance(value, FunctionType):
        return []
    functions = [value]
    for cell in value.__closure__ or ():
        with contextlib.suppress(ValueError):  # not assigned yet
            if isinstance(cell.cell_contents, FunctionType):
                functions.append(cell.cell_contents)
    return functions


def _imports(code: CodeType) -> bool:
    return any(each.opname == "IMPORT_NAME" for each in dis.get_instructions(code)) or any(
        _imports(each) for each in code.co_consts if isinstance(each, CodeType)
    )


def global_names(code: CodeType) -> set[str]:
    """Return the names that a function and those inside of it look up."""
    names = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            names |= global_names(constant)
    return names
