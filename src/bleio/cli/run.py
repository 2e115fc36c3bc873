"""`bleio run PROGRAM`: runs a Python program with `_bleio` in place, as `python PROGRAM` would.

The program is executed in this process, outside the command-line library, and sees what it would
see under Python alone: itself as `__main__`, its own arguments and search path, its own traceback
and exit code. A child process would cost a second start of Python, and stand between the program
and Ctrl-C, its terminal and its debugger.
"""

from __future__ import annotations

import atexit
import builtins
import os
import sys
from collections.abc import Callable, Sequence
from functools import partial
from importlib.machinery import SourceFileLoader
from types import ModuleType, TracebackType
from typing import Any

import click

import bleio


@click.command(context_settings={"allow_interspersed_args": False})
@click.option(
    "--pairing",
    metavar="HOW",
    help="Who answers in pairing: terminal (asks here), terminal:display, terminal:keyboard,"
    " terminal:yesno or passkey:NNNNNN; as BLEIO_PAIRING.",
)
@click.option(
    "--security",
    metavar="SETTINGS",
    help="What pairing must be, such as secure-connections-only; as BLEIO_SECURITY.",
)
@click.option(
    "--board",
    is_flag=True,
    help="Let the program import board, digitalio, neopixel_write, microcontroller and the like:"
    " pretend ones, whose buttons nobody presses.",
)
@click.argument("program", type=click.Path(exists=True, dir_okay=False, readable=True))
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def run(
    pairing: str | None,
    security: str | None,
    board: bool,
    program: str,
    arguments: tuple[str, ...],
) -> Callable[[], None]:
    """Run a Python PROGRAM with bleio's _bleio module.

    The same as "python PROGRAM ARGUMENTS...", also where Python's start-up does not make
    _bleio available, such as with -S or when bleio is found through PYTHONPATH, and with
    BLEIO_PRECEDENCE=0.
    """
    if pairing is not None or security is not None:
        _set_environment(pairing, security)
    run_it = partial(run_program, program, arguments)
    return partial(_on_board, program, run_it) if board else run_it


def _set_environment(pairing: str | None, security: str | None) -> None:
    """Choose for the program, and the programs that it starts, as the environment would."""
    from bleio.api import _delegates
    from bleio.errors import CallerError
    from bleio.runtime import policy

    try:
        if pairing is not None:
            _delegates.delegate_for(pairing)
            os.environ[_delegates.SETTING] = pairing
        if security is not None:
            policy.parse_settings(security)
            os.environ[policy.SETTING] = security
    except CallerError as error:
        raise click.UsageError(str(error)) from None


def _on_board(program: str, run_it: Callable[[], None]) -> None:
    """Run it on a pretend board, and anew as often as it resets that."""
    from bleio.board.modules import put_in_place
    from bleio.board.processor import Restart

    put_in_place(os.path.dirname(os.path.realpath(program)))
    again = _Again()
    atexit.register(again.at_exit)  # first, so that it comes last: by then all links have ended
    try:
        run_it()
    except Restart:
        again.wanted = True


class _Again:
    """Lets this process begin anew when it ends, if that is wanted."""

    wanted = False

    def at_exit(self) -> None:
        if self.wanted:
            sys.stdout.flush()
            sys.stderr.flush()
            os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])


def run_program(path: str, arguments: Sequence[str]) -> None:
    """Make `path` the `__main__` module of this process and execute it.

    Raises: whatever the program raises.
    Thread: the main thread only.
    """
    with open(path, "rb") as file:
        source = file.read()
    _insist_on_our_module()
    sys.argv[:] = [path, *arguments]
    _replace_search_path(os.path.dirname(os.path.realpath(path)))
    path = os.path.abspath(path)
    module = _main_module(path)
    _hide_own_frames()
    exec(compile(source, path, "exec", dont_inherit=True), vars(module))


def _insist_on_our_module() -> None:
    """Let this program have bleio's `_bleio`, also where BLEIO_PRECEDENCE=0 leaves it to others.

    The setting is about programs that say nothing; the user of this command has asked for ours.
    """
    if not any(isinstance(finder, bleio._Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, bleio._Finder())


def _replace_search_path(folder: str) -> None:
    """Let the program import the modules beside it, unless Python was started without that."""
    if not (sys.flags.isolated or getattr(sys.flags, "safe_path", False)):
        sys.path[0] = folder


def _main_module(path: str) -> ModuleType:
    """Make and register what the program sees as its own module."""
    module = ModuleType("__main__")
    loader = SourceFileLoader("__main__", path)
    vars(module).update(
        __file__=path, __cached__=None, __loader__=loader, __builtins__=builtins, __annotations__={}
    )
    sys.modules["__main__"] = module
    return module


def _hide_own_frames() -> None:
    """Let an uncaught exception's traceback begin in the program, as the user expects.

    An exception that did not come through `run_program`, such as one of this command's own, is
    shown whole.
    """
    show = sys.excepthook

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> Any:
        inner = trace
        while inner is not None and inner.tb_frame.f_code is not run_program.__code__:
            inner = inner.tb_next
        if inner is not None:  # it came through run_program
            trace = inner.tb_next
        show(kind, error.with_traceback(trace), trace)

    sys.excepthook = hook
