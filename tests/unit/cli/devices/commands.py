"""Commands run in this process, against devices on its own radio."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple
from unittest import mock

from _bleio import Adapter
from click.testing import CliRunner

from bleio.cli.main import main


class Ended(NamedTuple):
    """A command that has ended: its exit code, standard output and standard error."""

    code: int
    out: str
    err: str


def bleio(*arguments: str, input: bytes | None = None) -> Ended:
    """Run a command as a shell would."""
    before = current_adapter()
    with mock.patch.object(sys, "argv", ["bleio", *arguments]), mock.patch.dict("os.environ"):
        result = CliRunner().invoke(main, [*arguments], input=input, prog_name="bleio")
    used = current_adapter()
    if used is not None and used is not before:
        used.enabled = False
        set_adapter(before)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Ended(result.exit_code, result.stdout, result.stderr)


def current_adapter() -> Adapter | None:
    from bleio.api.adapter import current_adapter as current

    found: Any = current()
    return found


def set_adapter(adapter: Adapter | None) -> None:
    from bleio.api.adapter import set_adapter as set_it

    set_it(adapter)


@contextmanager
def repeating(act: Callable[[], object]) -> Iterator[None]:
    """Have something done again and again by a thread, as a program of the device would."""
    over = threading.Event()

    def repeat() -> None:
        while not over.wait(0.02):
            act()

    thread = threading.Thread(target=repeat)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
