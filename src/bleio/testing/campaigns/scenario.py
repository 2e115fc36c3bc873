"""A scenario on its way to workers, and its arrival there.

A function cannot be sent to another process: what is sent is where it is found. Worlds run in
processes that were started anew, perhaps on other machines which do not have the file. So what
travels is the file itself with the files that it uses. A worker that finds the same files in
the same place uses those, so that tracebacks name them; another one writes them to a folder of its
own.

A file that belongs to a package is imported by its name, since it may import relatively; the
package then has to be there.
"""

from __future__ import annotations

import atexit
import hashlib
import importlib
import importlib.util
import inspect
import multiprocessing
import os
import shutil
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from bleio.testing.campaigns.errors import CampaignError
from bleio.testing.campaigns.used import used_files, used_lines

Arguments = Mapping[str, Any]
WorldSettings = Arguments | Callable[..., Arguments] | None


@dataclass(frozen=True)
class Scenario:
    """What a worker needs to run worlds.

    Args: folder, file: where it was found. package: to be imported by this name. function: of the
        scenario in it. world: arguments of `World`, or the name of a function that returns
        them. files: what it uses of its folder, itself included. digest: of all that decides
        about results.
    """

    folder: str
    file: str
    package: str | None
    function: str
    world: Arguments | str
    files: Mapping[str, bytes]
    digest: str


@dataclass(frozen=True)
class Loaded:
    """A scenario in a worker."""

    folder: str
    function: Callable[..., Any]
    world: WorldSettings

    def world_arguments(self, parameters: Arguments) -> dict[str, Any]:
        """Return what to make the world with, by these parameters. Raises: TypeError."""
        made = self.world(**parameters) if callable(self.world) else self.world or {}
        if not isinstance(made, Mapping):
            raise TypeError(
                "world must be a dict of arguments of bleio.testing.World, or a function of the"
                f" parameters that returns one, not {type(made).__name__}"
            )
        return dict(made)


def scenario_of(function: Callable[..., Any], world: WorldSettings = None) -> Scenario:
    """Describe a function for workers.

    Raises: TypeError for what cannot be found again by its name; CampaignError; OSError.
    """
    module, name = _place_of(function)
    path = Path(os.path.abspath(str(module.__file__)))
    settings: Arguments | str = dict(world) if isinstance(world, Mapping) else {}
    names = [name.partition(".")[0]]
    if callable(world):
        other, settings = _place_of(world)
        if other is not module:
            raise TypeError("world must be a function of the scenario's file")
        names.append(settings.partition(".")[0])
    text = path.read_text("utf-8")
    statements, lines = used_lines(text, names)
    files = {path.name: path.read_bytes(), **used_files(path.parent, statements)}
    digest = hashlib.sha256(repr((name, settings)).encode())
    for part in (lines.encode(), *(files[each] for each in sorted(files) if each != path.name)):
        digest.update(b"%d:" % len(part))
        digest.update(part)
    return Scenario(
        str(path.parent), path.name, _package_of(module), name, settings, files, digest.hexdigest()
    )


def check_takes(function: Callable[..., Any], parameters: Arguments, *before: object) -> None:
    """Refuse a function that cannot be called with these parameters. Raises: TypeError."""
    try:
        signature = inspect.signature(function)
    except ValueError:  # of some that are not Python's
        return
    try:
        signature.bind(*before, **parameters)
    except TypeError as error:
        name = getattr(function, "__name__", function)
        raise TypeError(
            f"{name}{signature} does not take the parameters of the grid,"
            f" {', '.join(parameters)}: {error}"
        ) from None


def _package_of(module: ModuleType) -> str | None:
    """Return the whole name of a module in a package; None for a file that stands alone."""
    if not Path(str(module.__file__)).with_name("__init__.py").is_file():
        return None
    started = module.__spec__ if module.__name__ == "__main__" else None
    name = module.__name__ if started is None else started.name
    return name if "." in name else None


def _place_of(function: Callable[..., Any]) -> tuple[ModuleType, str]:
    """Return module and name by which other processes find a function. Raises: TypeError."""
    name = getattr(function, "__qualname__", None)
    module = sys.modules.get(getattr(function, "__module__", None) or "")
    found: Any = module
    for part in (name or "").split("."):
        found = getattr(found, part, None)
    if module is None or found is not function or getattr(module, "__file__", None) is None:
        raise TypeError(
            f"{name or function!r} cannot be a scenario, since other processes have to find it:"
            " give a function that is written at the top level of a file"
        )
    return module, str(name)


# Arrival

_lock = threading.Lock()
_loading = threading.local()
_loaded: dict[str, Loaded] = {}
_ours: set[str] = set()  # modules that came with the last scenario


def load(scenario: Scenario) -> Loaded:
    """Return the scenario's functions in this process. Raises: whatever its file raises."""
    key = hashlib.sha256(repr((scenario.folder, sorted(scenario.files.items()))).encode())
    key.update(repr((scenario.function, scenario.world)).encode())
    with _lock:
        loaded = _loaded.get(key.hexdigest())
        if loaded is None:
            _loaded.clear()  # of a scenario before, perhaps the same file as it was then
            loaded = _loaded[key.hexdigest()] = _load(scenario, key.hexdigest())
        return loaded


def check_is_not_loading() -> None:
    """Refuse a campaign that a scenario's file begins while a worker loads it.

    Raises: CampaignError.
    """
    starting = getattr(multiprocessing.current_process(), "_inheriting", False)
    if starting or getattr(_loading, "now", False):
        raise CampaignError(
            "Each worker loads the file of the scenario, and this one begins a campaign whenever it"
            " is loaded: call campaign below 'if __name__ == \"__main__\":'"
        )


def _load(scenario: Scenario, key: str) -> Loaded:
    _forget_former()
    folder = _folder_of(scenario)
    before = set(sys.modules)
    if scenario.package is not None:
        root = Path(folder).parents[scenario.package.count(".") - 1]
        if str(root) not in sys.path:
            sys.path.append(str(root))
        module = importlib.import_module(scenario.package)
    else:
        module = load_file(Path(folder, scenario.file), f"bleio_campaign_{key[:16]}")
        _ours.update(each for each in set(sys.modules) - before if _is_in(folder, each))
    world = scenario.world
    return Loaded(
        folder,
        _attribute(module, scenario.function),
        _attribute(module, world) if isinstance(world, str) else world,
    )


def load_file(path: Path, name: str) -> ModuleType:
    """Execute a file as a module of that name, with the folder of the file to import from."""
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise CampaignError(f"{path} is no Python file; a scenario's name ends with .py")
    module = importlib.util.module_from_spec(spec)
    if str(path.parent) not in sys.path:
        sys.path.insert(0, str(path.parent))
    sys.modules[name] = module
    _loading.now = True
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    finally:
        _loading.now = False
    return module


def _attribute(module: ModuleType, name: str) -> Any:
    found: Any = module
    for part in name.split("."):
        found = getattr(found, part)
    return found


def _folder_of(scenario: Scenario) -> str:
    """Return where its files are, in their own place or in one that is made."""
    own = Path(scenario.folder)
    try:
        if all((own / name).read_bytes() == each for name, each in scenario.files.items()):
            return scenario.folder
    except OSError:
        pass  # it is not there, or no more as it was
    made = tempfile.mkdtemp(prefix="bleio-campaign-")
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    # Names may lead out of the folder, but not out of what is made.
    depth = max(name.split("/").count("..") for name in scenario.files)
    folder = Path(made, *(str(level) for level in range(depth)))
    for name, content in scenario.files.items():
        path = Path(os.path.normpath(folder / name))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    folder.mkdir(parents=True, exist_ok=True)
    return str(folder)


def _forget_former() -> None:
    """Let modules of the scenario before be imported anew: their files may have changed."""
    for name in _ours:
        sys.modules.pop(name, None)
    _ours.clear()


def _is_in(folder: str, name: str) -> bool:
    path = getattr(sys.modules[name], "__file__", None)
    return path is not None and os.path.abspath(path).startswith(os.path.join(folder, ""))
