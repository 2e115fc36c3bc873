"""`bleio run PROGRAM`: runs a Python program with `_bleio` in place, as `python PROGRAM` would.

The program is executed in this process, outside the command-line library, and sees what it would
see under Python alone: itself as `__main__`, its own arguments and search path, its own traceback
and exit code. A child process would cost a second start of Python, and stand between the program
and Ctrl-C, its terminal and its debugger. With --reload there has to be one.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import partial

import click

from bleio.cli.running.program import run_file, run_input, run_module, run_text
from bleio.cli.shared.options import adapter_option, pairing_option
from bleio.cli.shared.paths import unusable

_FILE = click.Path(exists=True, dir_okay=False, readable=True)
_RELOAD = "--reload"
_WATCHED_BY = "--watched-by"


@click.command(context_settings={"allow_interspersed_args": False})
@adapter_option
@pairing_option
@click.option(
    "--security",
    metavar="SETTINGS",
    help="What pairing must be, such as secure-connections-only; as BLEIO_SECURITY.",
)
@click.option(
    "--capture",
    type=click.Path(dir_okay=False, writable=True),
    metavar="FILE",
    help="Write what the program and its controller say to each other; as BLEIO_CAPTURE.",
)
@click.option(
    _RELOAD,
    "reload",
    is_flag=True,
    help="Begin anew when the program changes, or a module that it has imported from its folder.",
)
@click.option(_WATCHED_BY, "watched_by", hidden=True, metavar="FOLDER")
@click.option(
    "--board",
    is_flag=True,
    help="Let the program import board, digitalio, neopixel_write, microcontroller and the like:"
    " pretend ones, whose buttons nobody presses.",
)
@click.option(
    "--bleak",
    is_flag=True,
    help="Let programs that use bleak run on bleio's adapters; as BLEIO_BLEAK=1.",
)
@click.option("-m", "as_module", is_flag=True, help="PROGRAM is a module, as of python -m.")
@click.option("-c", "as_text", is_flag=True, help="PROGRAM is the program's text, as of python -c.")
@click.argument("program")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def run(
    context: click.Context,
    adapter: str | None,
    pairing: str | None,
    security: str | None,
    capture: str | None,
    reload: bool,
    watched_by: str | None,
    board: bool,
    bleak: bool,
    as_module: bool,
    as_text: bool,
    program: str,
    arguments: tuple[str, ...],
) -> Callable[[], None]:
    """Run a Python PROGRAM with bleio's _bleio module.

    The same as "python PROGRAM ARGUMENTS...", also where Python's start-up does not make
    _bleio available, such as with -S or when bleio is found through PYTHONPATH, and with
    BLEIO_PRECEDENCE=0. PROGRAM is a file, or - for standard input; options go before it.
    """
    if as_module and as_text:
        raise click.UsageError("PROGRAM is a module (-m) or a text (-c); choose one of them")
    is_file = not (as_module or as_text or program == "-")
    if is_file:
        _check_file(context, program)
    _set_environment(adapter, pairing, security)
    if bleak:
        _put_bleak_on_ours()
    if reload:
        if not (is_file or as_module):
            raise click.UsageError("--reload watches files; name a file, or a module by -m")
        return _reloading(program if is_file else None)
    if capture is not None:
        _capture(capture)
    folder = os.path.dirname(os.path.realpath(program)) if is_file else os.getcwd()
    if as_module:
        run_it = partial(run_module, program, arguments)
    elif as_text:
        run_it = partial(run_text, program, arguments)
    elif is_file:
        run_it = partial(run_file, program, arguments)
    else:
        run_it = partial(run_input, arguments)
    if board:
        from bleio.cli.running.anew import on_board

        run_it = partial(on_board, folder, run_it)
    if watched_by is not None:
        from bleio.cli.running.watched import begin

        begin(watched_by, folder)
    return run_it


def _check_file(context: click.Context, program: str) -> None:
    parameter = next(each for each in context.command.params if each.name == "program")
    _FILE.convert(program, parameter, context)


def _set_environment(adapter: str | None, pairing: str | None, security: str | None) -> None:
    """Choose for the program, and the programs that it starts, as the environment would."""
    if adapter is not None:
        os.environ["BLEIO_ADAPTER"] = adapter
    if pairing is not None:
        os.environ["BLEIO_PAIRING"] = pairing
    if security is not None:
        os.environ["BLEIO_SECURITY"] = _checked_security(security)


def _put_bleak_on_ours() -> None:
    """Do that here, and in programs that this one starts."""
    from bleio import bleak_choice

    os.environ["BLEIO_BLEAK"] = "1"
    bleak_choice.put_in_place()


def _checked_security(settings: str) -> str:
    from bleio.errors import CallerError
    from bleio.runtime.policy import parse_settings

    try:
        parse_settings(settings)
    except CallerError as error:
        raise click.UsageError(str(error)) from None
    return settings


def _capture(path: str) -> None:
    from bleio.cli.running.captured import capture_to

    try:
        capture_to(path)
    except OSError as error:
        raise click.ClickException(unusable(error)) from None


def _reloading(program: str | None) -> Callable[[], None]:
    """Return what runs this very command in another process, to begin it anew after changes."""
    from bleio.cli.running.reload import supervise

    given = sys.argv[1:]
    before = sys.orig_argv[1 : len(sys.orig_argv) - len(given)]
    place = given.index(_RELOAD)

    def command(folder: str) -> list[str]:
        watched = [f"{_WATCHED_BY}={folder}"]
        return [sys.executable, *before, *given[:place], *watched, *given[place + 1 :]]

    return partial(supervise, program, command)
