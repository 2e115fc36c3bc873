"""The modules of one device: its program imports its own, as if it had a Python for itself.

A module is one object in a process, with its globals, classes and caches. Two devices that import
`adafruit_ble` would share its list of known services and its one radio. And a program that says
`import time` must get simulated time, while the process keeps the real one.

The obvious ways are worse. To exchange entries of `sys.modules` at each switch between devices, or
to patch `time.sleep` itself, changes the process for everybody in it: the test runner, other
worlds, threads. Sub-interpreters or processes of their own would give each device a Python, but no
engine, air or clock in common, and no lists that a test's function fills. So the process is left as
it is: the code of a device is executed with builtins of its own, whose `__import__` finds what is
the device's. That reaches all that the program's modules do later, wherever they are called from,
since a function looks names up where it was defined.

The device's own are the modules beside the program, libraries of pure Python, and the synthetic
modules (`synthetic`). Shared with the process are the standard library, libraries with compiled
parts, most of which cannot be loaded twice, and `_SHARED`: the test runner, `typing_extensions`,
bleio and what it runs on. The current adapter is a context variable, so that the one `_bleio`
serves every device.

A function of a test that is given as a program was defined already, with the process's globals. It
is executed as a copy with globals of the device's (`functions`).

What may surprise: while a module is executed it is in `sys.modules` under its name (`_shown`), for
dataclasses and the like look for the module of a class there; and `sys.modules` as the program sees
it is the device's.
"""

from __future__ import annotations

import builtins
import importlib
import importlib.machinery
import importlib.util
import os
import sys
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from contextlib import ExitStack, contextmanager
from contextvars import Context, copy_context
from functools import cache, lru_cache, partial
from types import CodeType, FrameType, ModuleType
from typing import Any
from weakref import WeakValueDictionary

from bleio.board.modules import NAMES as BOARD_MODULES
from bleio.testing.programs import standard
from bleio.testing.programs.functions import Exchange, home_of
from bleio.testing.programs.process import Exits

# bleio, and what runs it and tests.
_SHARED = {
    *("bleio", "_bleio", "bleak", "bumble", "cryptography", "platformdirs"),
    *("pytest", "_pytest"),
    "typing_extensions",
}
_NO_ARGUMENTS: Mapping[str, Any] = {}
_COMPILED = tuple(importlib.machinery.EXTENSION_SUFFIXES)


class DeviceModules:
    """What `import` finds in one device.

    Make it in the device's context: that is where its code belongs.

    Args: folder: of the program. synthetic: modules that are made, not found. makers: make such
        modules when they are imported. names: what differs from the process's builtins, such as
        `print`. make_board: makes the modules of a pretend board; called when one of them is
        imported that is not beside the program. share: what is not to be the device's own.

    Attributes: at_end: called when the program has ended, the last one first. on_load: called with
        each module that has been loaded. hold: makes of the module of a program what it defines
        its names in.
    """

    def __init__(
        self,
        folder: str | None,
        synthetic: Mapping[str, ModuleType],
        makers: Mapping[str, Callable[[], ModuleType]],
        names: Mapping[str, Any],
        make_board: Callable[[], Mapping[str, ModuleType]],
        exits: Exits,
        share: frozenset[str] = frozenset(),
    ) -> None:
        self.exits = exits
        self.loaded: dict[str, ModuleType] = dict(synthetic)
        self._makers = makers
        self._share = share
        self.on_load: Callable[[str, ModuleType], None] | None = None
        self.hold: Callable[[ModuleType], MutableMapping[str, Any]] = vars
        self._made = frozenset(name.partition(".")[0] for name in (*synthetic, *makers))
        self.at_end: list[Callable[[], None]] = []
        self._folder = folder
        self._boards = cache(make_board)
        self._tops: dict[str, bool] = {}
        self.names = {**vars(builtins), **names, "__import__": self._import}
        self._context = copy_context()
        _by_names[id(self.names)] = self

    def run_source(self, source: bytes | str, path: str) -> None:
        """Execute a program as the device's `__main__`."""
        main = ModuleType("__main__")
        vars(main).update(__file__=path, __builtins__=self.names, __annotations__={})
        self.loaded["__main__"] = main
        exec(compile(source, path, "exec", dont_inherit=True), vars(main), self.hold(main))

    def rebind(
        self,
        program: Callable[..., Any],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] = _NO_ARGUMENTS,
    ) -> Callable[[], Any]:
        """Return a program that was given as an object, with its arguments, as it would be if its
        module had been imported by this device; see `functions`."""
        exchange = Exchange(self, home_of(program))
        named = {name: exchange.own(value) for name, value in kwargs.items()}
        return partial(exchange.own(program), *map(exchange.own, args), **named)

    def own(self, value: Any) -> Any:
        """Return what a value that a test gives is in this device."""
        home = home_of(value)
        top = home.partition(".")[0]
        is_of_process = top in _SHARED or (top != "__main__" and top in sys.stdlib_module_names)
        return Exchange(self, None if is_of_process else home).own(value)

    def replace(self, name: str, value: Any) -> Callable[[], None]:
        """Let a value be the module of that name. Returns: what ends that."""
        loaded, tops = self.loaded, self._tops
        before, is_own = loaded.get(name), tops.get(name)
        loaded[name], tops[name] = value, True

        def put_back() -> None:
            del loaded[name], tops[name]
            if before is not None:
                loaded[name] = before
            if is_own is not None:
                tops[name] = is_own

        return put_back

    def end(self) -> None:
        """The program has ended."""
        with ExitStack() as stack:
            for each in self.at_end:
                stack.callback(each)

    # Importing

    def _import(
        self,
        name: str,
        globals: Mapping[str, Any] | None = None,
        locals: Mapping[str, Any] | None = None,
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> ModuleType:
        full = name
        if level:
            package = (globals or {}).get("__package__") or ""
            full = importlib.util.resolve_name("." * level + name, package)
        if not self.is_own(full):
            return builtins.__import__(name, globals, locals, fromlist or (), level)
        module = self.load(full)
        if not fromlist:
            return self.load(full.partition(".")[0])
        if hasattr(module, "__path__"):
            for each in self._wanted(module, fromlist):
                self._load_part(module, each)
        return module

    def _wanted(self, module: ModuleType, fromlist: Sequence[str]) -> list[str]:
        wanted = [each for each in fromlist if each != "*"]
        if "*" in fromlist:
            wanted += getattr(module, "__all__", ())
        return [each for each in wanted if not hasattr(module, each)]

    def _load_part(self, package: ModuleType, name: str) -> None:
        full = f"{package.__name__}.{name}"
        try:
            self.load(full)
        except ModuleNotFoundError as error:
            if error.name != full:
                raise

    def is_own(self, name: str) -> bool:
        """Whether a module of that name is loaded by each device for itself."""
        top = name.partition(".")[0]
        own = self._tops.get(top)
        if own is None:
            own = self._tops[top] = self._decide(top)
        return own

    def is_made(self, name: str) -> bool:
        """Whether a module of that name is a copy, whose code is the process's."""
        return name.partition(".")[0] in self._made

    def is_here(self, name: str) -> bool:
        """Whether a module of that name is nowhere to be imported from, as tests often are."""
        top = name.partition(".")[0]
        if top in _SHARED or top in sys.stdlib_module_names:
            return top == "__main__"
        return not self.is_own(name) and _find_library(top) is None

    def _decide(self, top: str) -> bool:
        if top in self._share:
            return False
        if top in self._made:
            return True
        if top in _SHARED or top in sys.builtin_module_names:
            return False
        if self._beside(top) is not None or top in BOARD_MODULES:
            return True
        if top in sys.stdlib_module_names:
            return top in standard.OWN
        return _is_pure(top)

    def _beside(self, top: str) -> importlib.machinery.ModuleSpec | None:
        return _find_beside(top, self._folder)

    def load(self, name: str) -> ModuleType:
        """Return the device's module. Raises: ModuleNotFoundError; what the module raises."""
        module = self.loaded.get(name)
        if module is None:
            parent, _, last = name.rpartition(".")
            package = self.load(parent) if parent else None
            module = self.loaded.get(name)  # its package may have imported it meanwhile
            if module is None and self._is_shared(name):
                module = self.loaded[name] = importlib.import_module(name)
            if module is None and self.is_made(name):
                make = self._makers.get(name) or partial(importlib.import_module, name)
                module = self.loaded[name] = make()
            if module is None:
                module = self._pretend(name) or self._execute(name, self._find(name, package))
            if package is not None:
                setattr(package, last, module)
            if self.on_load is not None:
                self.on_load(name, module)
        return module

    def _is_shared(self, name: str) -> bool:
        """Whether a part of an own package is shared, or a part of such a part."""
        return any(name == each or name.startswith(f"{each}.") for each in self._share)

    def _pretend(self, name: str) -> ModuleType | None:
        """Return a module of the pretend board, unless the program has one of that name."""
        if name not in BOARD_MODULES or self._beside(name) is not None:
            return None
        module = self.loaded[name] = self._boards()[name]
        return module

    def _find(self, name: str, package: ModuleType | None) -> importlib.machinery.ModuleSpec:
        if package is None:
            spec = self._beside(name) or _find_library(name)
        else:
            path = getattr(package, "__path__", None)
            spec = None if path is None else _find_on(name, path)
        if spec is None:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return spec

    def _execute(self, name: str, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        module = importlib.util.module_from_spec(spec)
        vars(module)["__builtins__"] = self.names
        self.loaded[name] = module
        code = _code_of(spec)
        try:
            with _shown(name, module):
                if code is not None:
                    exec(code, vars(module))
        except BaseException:
            del self.loaded[name]
            raise
        return self.loaded[name]


_by_names: WeakValueDictionary[int, DeviceModules] = WeakValueDictionary()


def context_of_code() -> Context | None:
    """Return the context of the device whose code calls, in whatever thread; None if none does.

    All code of a device is executed with its builtins, so some frame has them.
    """
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        modules = _by_names.get(id(frame.f_builtins))
        if modules is not None:
            return modules._context
        frame = frame.f_back
    return None


# What was in sys.modules before, and how many devices execute a module of that name now.
_hidden: dict[str, tuple[ModuleType | None, int]] = {}


@contextmanager
def _shown(name: str, module: ModuleType) -> Iterator[None]:
    """Show a module to all for as long as it is executed: some of the standard library looks for
    a class's module where modules usually are."""
    before, users = _hidden.get(name, (sys.modules.get(name), 0))
    _hidden[name] = before, users + 1
    sys.modules[name] = module
    try:
        yield
    finally:
        before, users = _hidden.pop(name)
        if users > 1:
            _hidden[name] = before, users - 1
        elif before is None:
            del sys.modules[name]
        else:
            sys.modules[name] = before


def is_there(top: str, folder: str | None) -> bool:
    """Tell whether a device whose program is in a folder finds a module of that name."""
    return (
        top in BOARD_MODULES
        or top in sys.builtin_module_names
        or _find_beside(top, folder) is not None
        or _find_library(top) is not None
    )


def _find_beside(top: str, folder: str | None) -> importlib.machinery.ModuleSpec | None:
    if folder is None:
        return None
    spec = importlib.machinery.PathFinder.find_spec(top, [folder])
    # A folder that is no package is no reason to hide a library of that name.
    return spec if spec is not None and spec.loader is not None else None


def _find_on(name: str, path: Sequence[str] | None) -> importlib.machinery.ModuleSpec | None:
    for finder in sys.meta_path:
        spec = finder.find_spec(name, path)
        if spec is not None:
            return spec
    return None


@lru_cache(maxsize=256)
def _find_library(top: str) -> importlib.machinery.ModuleSpec | None:
    return _find_on(top, None)


@lru_cache(maxsize=256)
def _is_pure(top: str) -> bool:
    """Tell whether a library is of Python alone, so that it can be loaded more than once."""
    spec = _find_library(top)
    if spec is None:
        return False
    if spec.submodule_search_locations is None:
        return isinstance(spec.loader, importlib.machinery.SourceFileLoader)
    return not any(
        file.endswith(_COMPILED)
        for place in spec.submodule_search_locations
        for _, _, files in os.walk(place)
        for file in files
    )


def _code_of(spec: importlib.machinery.ModuleSpec) -> CodeType | None:
    """Return a module's code; None for a folder without one."""
    get_code = getattr(spec.loader, "get_code", None)
    if get_code is None:
        return None
    code: CodeType | None = get_code(spec.name)
    return code
