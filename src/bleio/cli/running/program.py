"""Makes a program this process's `__main__` module and executes it, as Python itself would.

A program is named as for Python: a file, a module (-m), a text (-c), or standard input (-). What
Python sets before the first line of each is a little different: `sys.argv[0]`, the first entry of
the search path, `__file__`, `__spec__`. Here it is the same; and a traceback begins in the program.

All of these raise whatever the program raises, and are for the main thread only.
"""

from __future__ import annotations

import builtins
import linecache
import os
import sys
from collections.abc import Callable, Sequence
from importlib.machinery import BuiltinImporter, SourceFileLoader
from types import ModuleType, TracebackType
from typing import Any

import bleio


def run_file(path: str, arguments: Sequence[str]) -> None:
    """Execute a file."""
    with open(path, "rb") as file:
        source = file.read()
    _prepare([path, *arguments], os.path.dirname(os.path.realpath(path)))
    path = os.path.abspath(path)
    module = _main_module(SourceFileLoader("__main__", path))
    vars(module).update(__file__=path, __cached__=None)
    exec(compile(source, path, "exec", dont_inherit=True), vars(module))


def run_module(name: str, arguments: Sequence[str]) -> None:
    """Execute a module, or a package's `__main__`."""
    import runpy

    _prepare(["-m", *arguments], os.getcwd())
    _main_module(BuiltinImporter)
    # What Python itself calls for -m, by this name. It words the errors, and executes in the
    # `__main__` that is there; `runpy.run_module` would take that away before the end.
    run: Callable[[str], object] = getattr(runpy, "_run_module_as_main")  # noqa: B009
    run(name)


def run_text(text: str, arguments: Sequence[str]) -> None:
    """Execute a text."""
    _prepare(["-c", *arguments], "")
    module = _main_module(BuiltinImporter)
    if sys.version_info >= (3, 13):  # whose tracebacks show the lines of such a text
        linecache.cache["<string>"] = len(text), None, text.splitlines(keepends=True), "<string>"
    exec(compile(text, "<string>", "exec", dont_inherit=True), vars(module))


def run_input(arguments: Sequence[str]) -> None:
    """Execute standard input; what is typed at a terminal, statement by statement."""
    _prepare(["-", *arguments], "")
    module = _main_module(BuiltinImporter)
    if sys.stdin is not None and sys.stdin.isatty():
        _converse(module)
        return
    source = b"" if sys.stdin is None else sys.stdin.buffer.read()
    vars(module).update(__file__="<stdin>", __cached__=None)
    exec(compile(source, "<stdin>", "exec", dont_inherit=True), vars(module))


def _converse(module: ModuleType) -> None:
    import code
    import contextlib

    with contextlib.suppress(ImportError):
        import readline  # noqa: F401  # for arrows and history
    code.interact(local=vars(module), exitmsg="")


def _prepare(argv: list[str], folder: str) -> None:
    """Set what a program sees of its start."""
    # The user of this command has asked for our module, also where BLEIO_PRECEDENCE=0 leaves it
    # to others: that is about programs that say nothing.
    if not any(isinstance(finder, bleio._Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, bleio._Finder())
    sys.argv[:] = argv
    # It imports the modules beside it, unless Python was started without that.
    if not (sys.flags.isolated or getattr(sys.flags, "safe_path", False)):
        sys.path[0] = folder
    _hide_own_frames()


def _main_module(loader: Any) -> ModuleType:
    """Make and register what the program sees as its own module."""
    module = ModuleType("__main__")
    vars(module).update(__loader__=loader, __builtins__=builtins)
    if sys.version_info < (3, 14):  # from then on they are made when they are asked for
        vars(module).update(__annotations__={})
    sys.modules["__main__"] = module
    return module


def _hide_own_frames() -> None:
    """Let an uncaught exception's traceback begin in the program, as the user expects.

    An exception that did not come through this module, such as one of this command's own, is shown
    whole.
    """
    show = sys.excepthook

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> Any:
        is_ours, frame = False, trace
        while frame is not None:
            if frame.tb_frame.f_code.co_filename == _OWN_FILE:
                is_ours, trace = True, frame.tb_next
            frame = frame.tb_next
        if is_ours:
            error = error.with_traceback(trace)
        show(kind, error, trace)

    sys.excepthook = hook


_OWN_FILE = _hide_own_frames.__code__.co_filename
