"""`threading`, `queue` and `concurrent.futures` of one device.

They are the standard library's own sources, executed again with the device's `_thread` and `time`:
conditions, events, queues and pools are then made of locks that wait by the world's clock. Two
things are kept from them. They do not ask to be told of forks, which would keep them for ever. And
what others compare is the process's: `Thread` and `Future` are subclasses of the real ones, and the
exceptions are the real ones.
"""

from __future__ import annotations

import ast
import builtins
import concurrent.futures
import concurrent.futures.thread
import importlib.util
import os
import queue
import threading
from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache
from itertools import count
from types import CodeType, ModuleType
from typing import Any

from bleio.testing.errors import PowerOff
from bleio.testing.programs.threads.low import DeviceThreads, make_low_module

# Classes of these modules that are made subclasses of the process's.
_KEPT = {"threading": "Thread", "concurrent.futures._base": "Future"}
_PROCESS = "__of_the_process"


THREAD_MODULES = (
    *("_thread", "threading", "queue", "concurrent", "concurrent.futures"),
    *("concurrent.futures._base", "concurrent.futures.thread"),
)


class ThreadModules:
    """Makes the modules when they are imported. Args: time, sys: the device's modules."""

    def __init__(self, threads: DeviceThreads, time: ModuleType, sys: ModuleType) -> None:
        self._threads = threads
        short_os = ModuleType("os")
        vars(short_os).update(vars(os))
        del vars(short_os)["register_at_fork"]
        low_queue = ModuleType("_queue")
        vars(low_queue).update(Empty=queue.Empty)  # and no SimpleQueue, which waits in C
        self._seen: dict[str, ModuleType] = {
            "time": time,
            "sys": sys,
            "os": short_os,
            "_queue": low_queue,
            "_thread": make_low_module(threads),
        }

    def make(self, name: str) -> ModuleType:
        """Make one of `THREAD_MODULES`."""
        if name != "_thread":
            make = self.queue if name == "queue" else self.threading
            if name.startswith("concurrent"):
                make = self._concurrent
            make()
        return self._seen[name]

    def threading(self) -> ModuleType:
        """Make `threading`."""
        if "threading" in self._seen:
            return self._seen["threading"]
        module = self._execute("threading")
        shown = module.excepthook

        def excepthook(args: Any) -> None:
            if not issubclass(args.exc_type, PowerOff):
                shown(args)

        module.main_thread()._name = self._threads.main.name
        timer = type("Timer", (module.Timer, threading.Timer), {"__module__": "threading"})
        vars(module).update(
            excepthook=excepthook,
            Timer=timer,
            BrokenBarrierError=threading.BrokenBarrierError,
        )
        return module

    def queue(self) -> ModuleType:
        """Make `queue`."""
        if "queue" not in self._seen:
            self.threading()
            module = self._execute("queue")
            kinds = ("Empty", "Full", "ShutDown")
            vars(module).update(_named(queue, kinds))
        return self._seen["queue"]

    def _base(self) -> ModuleType:
        name = "concurrent.futures._base"
        if name not in self._seen:
            self.threading()
            module = self._execute(name)
            errors = [
                each
                for each in vars(concurrent.futures._base)
                if isinstance(getattr(module, each, None), type)
                and issubclass(getattr(module, each), Exception)
            ]
            vars(module).update(_named(concurrent.futures._base, errors))
            # Futures are sorted by `id` and kept in sets: by their places in memory.
            numbers = count(1)

            def number(future: Any) -> int:
                if "_number" not in vars(future):
                    future._number = next(numbers)
                return int(future._number)

            vars(module).update(id=number)
            module.Future.__hash__ = number
        return self._seen[name]

    def _pool(self) -> ModuleType:
        name = "concurrent.futures.thread"
        if name not in self._seen:
            self._concurrent()
            self.queue()
            module = self._execute(name)
            vars(module).update(BrokenThreadPool=concurrent.futures.thread.BrokenThreadPool)
        return self._seen[name]

    def _concurrent(self) -> ModuleType:
        if "concurrent" not in self._seen:
            base, package = self._base(), _copy_of(concurrent)
            futures = _copy_of(concurrent.futures)
            self._seen.update({"concurrent": package, "concurrent.futures": futures})
            names = [name for name in concurrent.futures.__all__ if hasattr(base, name)]
            vars(futures).update({name: getattr(base, name) for name in names}, _base=base)
            vars(package).update(futures=futures)
            pool = self._pool()
            vars(futures).update(ThreadPoolExecutor=pool.ThreadPoolExecutor, thread=pool)
        return self._seen["concurrent"]

    def end(self) -> None:
        """The program has ended: threads that are no daemons go on to their ends, as in a process.

        Raises: PowerOff, if that is what it has ended by, or if it comes meanwhile.
        """
        module = self._seen.get("threading")
        try:
            if module is not None and self._threads.main.stop is None:
                for call in reversed(getattr(module, "_threading_atexits", [])):
                    call()
                for each in module.enumerate():
                    if each is not module.current_thread() and not each.daemon:
                        each.join()
        finally:
            self._threads.stop()

    def _execute(self, name: str) -> ModuleType:
        original = _module(name)
        module = ModuleType(name, original.__doc__)
        vars(module).update(
            __file__=original.__file__,
            __package__=original.__package__,
            __builtins__={**vars(builtins), "__import__": self._import},
        )
        if (kept := _KEPT.get(name)) is not None:
            vars(module)[_PROCESS] = getattr(original, kept)
        self._seen[name] = module
        try:
            exec(_code_of(name), vars(module))
        except BaseException:
            del self._seen[name]
            raise
        return module

    def _import(
        self,
        name: str,
        globals: Mapping[str, Any] | None = None,
        locals: Mapping[str, Any] | None = None,
        fromlist: Any = (),
        level: int = 0,
    ) -> ModuleType:
        module = self._seen.get(name)
        return module or builtins.__import__(name, globals, locals, fromlist or (), level)


def _module(name: str) -> ModuleType:
    modules = (threading, queue, concurrent.futures._base, concurrent.futures.thread)
    return next(each for each in modules if each.__name__ == name)


@lru_cache(maxsize=8)
def _code_of(name: str) -> CodeType:
    """Compile a module's source, with one class of it derived from the process's."""
    spec = importlib.util.find_spec(name)
    assert spec is not None
    source = spec.loader.get_source(name)  # type: ignore[union-attr]
    tree = ast.parse(source)
    for each in tree.body:
        if isinstance(each, ast.ClassDef) and each.name == _KEPT.get(name):
            each.bases = [ast.Name(_PROCESS, ast.Load())]
    return compile(ast.fix_missing_locations(tree), spec.origin or name, "exec", dont_inherit=True)


def _named(module: ModuleType, names: Any) -> list[tuple[str, Any]]:
    found = []
    for name in names:
        with suppress(AttributeError):  # of a later Python
            found.append((name, getattr(module, name)))
    return found


def _copy_of(module: ModuleType) -> ModuleType:
    copy = ModuleType(module.__name__, module.__doc__)
    vars(copy).update(vars(module))
    return copy
