"""What a test puts in place of names in a device's modules.

`monkeypatch` cannot: it reaches the process's modules, and a device has its own, new ones with each
power-on. So what is to be replaced is kept here, and put in place as soon as its module is loaded,
before the program sees it. The program itself is the module `__main__`. It is not loaded before it
runs, so its names are held while it does (`Held`): what it defines by such a name is laid aside.

A value goes through the same exchange as a function that is given as a program, so a function of
the test runs with the device's time and modules.
"""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from types import ModuleType, TracebackType
from typing import Any

from bleio.testing.naming import suggestion
from bleio.testing.programs.modules import DeviceModules, is_there
from bleio.testing.programs.program import Program

MAIN = "__main__"
_NOTHING = object()


class Patch:
    """One value in place of a name; it lasts until `undo`, or to the end of a `with`.

    Attributes: target: the name, with its module's. applied: whether it is in place now; before
        its module is loaded it is not.
    """

    def __init__(self, patches: Patches, target: str, value: Any) -> None:
        self.target = target
        self.applied = False
        self._patches = patches
        self._value = value
        self._undo: Any = None

    def __repr__(self) -> str:
        return f"<Patch of {self.target}{'' if self.applied else ', not applied yet'}>"

    def undo(self) -> None:
        """Put back what was there. Does nothing if that has been done."""
        self._patches.remove(self)
        if self.applied:
            self.applied = False
            self._undo()

    def __enter__(self) -> Patch:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.undo()

    def forget(self) -> None:
        """Its device has new modules, in which it is not in place."""
        self.applied = False

    def try_in(self, modules: DeviceModules, name: str, module: Any) -> None:
        """Put it in place, if the module is the one that it is of.

        Raises: AttributeError if there is no such name.
        """
        if self.applied or not self.target.startswith(f"{name}."):
            return
        *path, last = self.target[len(name) + 1 :].split(".")
        holder = module
        for index, each in enumerate(path):
            if not hasattr(holder, each):
                if index == 0 and (name == MAIN or hasattr(module, "__path__")):
                    return  # a module, or a class, that is not there yet
                raise AttributeError(self._missing(each, holder))
            holder = getattr(holder, each)
        if not hasattr(holder, last):
            raise AttributeError(self._missing(last, holder))
        self._put(holder, last, modules.own(self._value))

    def _missing(self, name: str, holder: Any) -> str:
        names = [each for each in dir(holder) if not each.startswith("__")]
        return f"There is no {name!r} to patch as {self.target!r}{suggestion(name, names)}"

    def _put(self, holder: Any, name: str, value: Any) -> None:
        had, before = name in vars(holder), vars(holder).get(name)
        setattr(holder, name, value)
        self.applied = True
        self._undo = (
            (lambda: setattr(holder, name, before)) if had else (lambda: delattr(holder, name))
        )

    def put_builtin(self, modules: DeviceModules) -> None:
        """Put it in place of a builtin."""
        name = self.target.partition(".")[2]
        if name not in modules.names:
            raise AttributeError(
                f"There is no builtin {name!r} to patch{suggestion(name, modules.names)}"
            )
        before, modules.names[name] = modules.names[name], modules.own(self._value)
        self.applied = True
        self._undo = lambda: modules.names.__setitem__(name, before)

    def put_module(self, modules: DeviceModules) -> None:
        """Let it be what is imported."""
        self._undo = modules.replace(self.target, modules.own(self._value))
        self.applied = True

    def hold(
        self, modules: DeviceModules, namespace: dict[str, Any], aside: dict[str, Any]
    ) -> None:
        """Hold a name of the program, if it is one of a program.

        Args: aside: where what the program defines by names that are held is laid.
        """
        main, _, name = self.target.partition(".")
        if main != MAIN or "." in name:
            return
        namespace[name], aside[name] = modules.own(self._value), _NOTHING
        self.applied = True

        def let_go() -> None:
            namespace.pop(name, None)
            if (defined := aside.pop(name, _NOTHING)) is not _NOTHING:
                namespace[name] = defined

        self._undo = let_go


class Patches:
    """All of one device, over its power-ons. Its program, a file, may be meant by its name, too."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._all: list[Patch] = []
        self._modules: DeviceModules | None = None

    def add(self, target: str, value: Any) -> Patch:
        """Replace a name now, if its module is loaded, or else when it is.

        Raises: ModuleNotFoundError; AttributeError; ValueError for what cannot be replaced.
        """
        patch = Patch(self, self._checked(target), value)
        if self._modules is not None:
            self._apply(patch, self._modules)
        self._all.append(patch)
        return patch

    def remove(self, patch: Patch) -> None:
        """Replace it no more."""
        if patch in self._all:
            self._all.remove(patch)

    def begin(self, modules: DeviceModules) -> None:
        """The program is about to start with new modules."""
        self._modules = modules
        modules.on_load = self._loaded
        modules.hold = self._hold
        for patch in self._all:
            patch.forget()
            self._apply(patch, modules)

    def _checked(self, target: str) -> str:
        if not isinstance(target, str):
            raise TypeError(f"patch takes a name, such as 'sensors.read', not {target!r}")
        if target == MAIN or not all(each.isidentifier() for each in target.split(".")):
            raise ValueError(f"patch takes a name, such as 'sensors.read', not {target!r}")
        top, _, rest = target.partition(".")
        if top == self._program.name and self._program.folder is not None and rest:
            top, target = MAIN, f"{MAIN}.{rest}"
        if top == MAIN and not self._program.has_main:
            raise ValueError(
                "A function has no module of its own in a device: replace what it calls by"
                " monkeypatch, before it starts, or give it as an argument"
            )
        if rest and top != MAIN and not is_there(top, self._program.folder):
            raise ModuleNotFoundError(
                f"There is no module {top!r} to patch as {target!r}; the program itself is {MAIN!r}"
            )
        return target

    def _apply(self, patch: Patch, modules: DeviceModules) -> None:
        top, _, rest = patch.target.partition(".")
        if top == "builtins" and rest:
            patch.put_builtin(modules)
        elif not rest:
            patch.put_module(modules)
        elif top != MAIN and not modules.is_own(top):
            raise ValueError(
                f"{patch.target!r} is shared with the test, so there is no device's own to patch;"
                " use monkeypatch"
            )
        else:
            for name, module in tuple(modules.loaded.items()):
                patch.try_in(modules, name, module)

    def _loaded(self, name: str, module: ModuleType) -> None:
        if self._modules is not None:
            for patch in self._all:
                patch.try_in(self._modules, name, module)

    def _hold(self, main: ModuleType) -> MutableMapping[str, Any]:
        """Return what the program is to define its names in."""
        assert self._modules is not None
        namespace = vars(main)
        aside: dict[str, Any] = {}
        for patch in self._all:
            patch.hold(self._modules, namespace, aside)
        if not any(patch.target.startswith(f"{MAIN}.") for patch in self._all):
            return namespace
        return Held(self, main, aside)


class Held(MutableMapping[str, Any]):
    """The names of a program, of which some are the test's."""

    def __init__(self, patches: Patches, main: ModuleType, aside: dict[str, Any]) -> None:
        self._patches = patches
        self._main = main
        self._aside = aside

    def __getitem__(self, name: str) -> Any:
        return vars(self._main)[name]

    def __setitem__(self, name: str, value: Any) -> None:
        if name in self._aside:
            self._aside[name] = value
        else:
            vars(self._main)[name] = value
            self._patches._loaded(MAIN, self._main)

    def __delitem__(self, name: str) -> None:
        del vars(self._main)[name]

    def __iter__(self) -> Iterator[str]:
        return iter(vars(self._main))

    def __len__(self) -> int:
        return len(vars(self._main))
