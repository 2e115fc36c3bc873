"""How `bleio sim` ends: what is written and said of a world, also when it fails or is interrupted.

Each is a block around the world's run. The outermost, `ended_as_command`, makes an exit code of
what comes out of the others.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Sequence

import click

from bleio.cli.ending import ENDING
from bleio.cli.shared.paths import unusable
from bleio.errors import notes_of
from bleio.testing.errors import DeviceFailed, WorldError
from bleio.testing.programs.ends import is_quit, summary
from bleio.testing.world import World


@contextlib.contextmanager
def ended_as_command() -> Iterator[None]:
    """Let what a world fails by be a sentence and an exit code, those of the program's if it has.

    Raises: ClickException; SystemExit.
    """
    try:
        yield
    except DeviceFailed as error:
        click.ClickException(str(error)).show()
        sys.exit(error.exit_code)
    except WorldError as error:
        raise click.ClickException("\n".join((str(error), *notes_of(error)))) from None
    except BrokenPipeError:
        raise  # nothing reads the output any more; click ends the command
    except OSError as error:
        raise click.ClickException(unusable(error)) from None
    except Exception as error:
        if is_quit(error):
            sys.exit(1)  # whoever has ended a debugger knows why
        raise


@contextlib.contextmanager
def end_told(world: World, as_json: bool) -> Iterator[None]:
    """Print as the last object how the world has ended, if objects are wanted."""
    if not as_json:
        yield
        return
    from bleio.cli.shared.output import print_json

    code, problem = 0, ""
    try:
        yield
    except OSError:
        raise  # the output may be what cannot be written
    except click.UsageError:
        raise  # it has not begun
    except BaseException as error:
        interrupted = isinstance(error, KeyboardInterrupt)
        code = ENDING.exit_code if interrupted else getattr(error, "exit_code", 1)
        problem = "interrupted" if interrupted else str(error).partition("\n")[0]
        raise
    finally:
        if code or not sys.exc_info()[0]:
            time_us = world.clock.now_us
            fields = {"event": "end", "time_us": time_us, "exit_code": code, "problem": problem}
            print_json(fields)


@contextlib.contextmanager
def keys_saved(world: World, path: str | None) -> Iterator[None]:
    """Write them however it ends; what cannot be written is told before it begins."""
    if path is None:
        yield
        return
    world.save_keys(path)
    try:
        yield
    finally:
        world.save_keys(path)


@contextlib.contextmanager
def report_saved(world: World, path: str | None, programs: Sequence[str]) -> Iterator[None]:
    """Write the page however it ends; what cannot be written is told before it begins."""
    if path is None:
        yield
        return
    from bleio.testing.report.page import save_page

    title, failure = f"bleio sim {' '.join(programs)}", ""
    save_page(world, path, title)
    try:
        yield
    except Exception as error:
        failure = summary(error, str(error))
        raise
    finally:
        save_page(world, path, title, failure)
