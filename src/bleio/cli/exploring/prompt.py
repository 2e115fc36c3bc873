"""The interactive part of `bleio explore`: a prompt that values may come in between.

prompt_toolkit reads the line, completes names, and keeps what is printed meanwhile above it; it is
there with bumble. A terminal that cannot move its cursor gets plain lines. The prompt waits beside
the link: when that ends, so does the prompt, at once and with exit code 5. Ctrl-C drops the line
that is typed, Ctrl-D and `quit` leave.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from bleio import aio
from bleio.cli.devices.connecting import Device, gone
from bleio.cli.devices.table import Table
from bleio.cli.ending import ENDING
from bleio.cli.exploring.words import Quit, Words
from bleio.cli.shared.exits import as_failure
from bleio.cli.shared.output import is_live, print_line, say, shown

if TYPE_CHECKING:
    from prompt_toolkit import PromptSession
    from prompt_toolkit.completion import Completer

_MOST_OF_NAME = 20
_AS_BEFORE = b"\x1b[0m\x1b[?2004l\x1b[?25h\r\n"  # what prompt_toolkit may have changed


async def talk(device: Device, table: Table) -> None:
    """Do what is typed until it is enough. Raises: Gone when the link ends."""
    words = Words(device, table)
    prompt = _Prompt(words, device)
    words.print_meanwhile = prompt.print_above
    ending = asyncio.ensure_future(aio.disconnected(device.connection))
    say("help lists what can be typed; Tab completes; quit or Ctrl-D leaves.")
    with _terminal_kept():
        try:
            while (line := await prompt.line(ending)) is not None:
                await _do(words, line, device)
        except Quit:
            pass
        finally:
            ending.cancel()
            await words.end()
    if not device.connection.connected:
        raise gone(device)


@contextlib.contextmanager
def _terminal_kept() -> Iterator[None]:
    """Have the terminal set as it was also when the command is left at once."""
    try:
        import termios
    except ImportError:  # on Windows, where it is set for each program anew
        yield
        return
    terminal = sys.stdin.fileno()
    settings = termios.tcgetattr(terminal)

    def undo() -> None:
        termios.tcsetattr(terminal, termios.TCSANOW, settings)
        os.write(sys.stdout.fileno(), _AS_BEFORE)

    ENDING.undo.append(undo)
    try:
        yield
    finally:
        ENDING.undo.remove(undo)


class _Dropped(Exception):
    """Ctrl-C. KeyboardInterrupt would end the loop, whatever catches it in a task."""


class _Prompt:
    """The line that is typed, and what is printed above it meanwhile."""

    def __init__(self, words: Words, device: Device) -> None:
        name = device.heard.name or device.heard.address_text
        self._text = f"{shown(name, _MOST_OF_NAME)}> "
        self._session = _session(words) if is_live() else None

    async def line(self, ending: asyncio.Future[int]) -> str | None:
        """Return the next line; None at the end of input, or of the link."""
        reading = asyncio.ensure_future(self._read())
        try:
            either: set[asyncio.Future[Any]] = {reading, ending}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if self._session is not None and not reading.done():
                self._session.app.exit(exception=EOFError)
                await asyncio.wait({reading})
            return reading.result() if reading.done() else None
        except _Dropped:
            return ""
        except EOFError:
            return None
        finally:
            reading.cancel()

    async def _read(self) -> str | None:
        if self._session is not None:
            return await self._session.prompt_async(self._text)
        print(self._text, end="", flush=True)
        return await _plain_line()

    async def print_above(self, line: str) -> None:
        """Print a line, and have what is typed go on below it."""
        if self._session is not None and self._session.app.is_running:
            from prompt_toolkit.application import in_terminal
            from prompt_toolkit.application.current import set_app

            with set_app(self._session.app):
                async with in_terminal():
                    print_line(line)
        else:
            print_line(line)


async def _plain_line() -> str | None:
    """Read a line of a terminal that cannot move its cursor; None at the end of input.

    By a thread that nothing waits for: the link may end, and reading cannot be ended.
    """
    loop = asyncio.get_running_loop()
    line: asyncio.Future[str] = loop.create_future()

    def arrived(text: str) -> None:
        if not line.done():
            line.set_result(text)

    def read() -> None:
        text = sys.stdin.readline()
        with contextlib.suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(arrived, text)

    threading.Thread(target=read, name="bleio-prompt", daemon=True).start()
    return await line or None


def _session(words: Words) -> PromptSession[str]:
    from prompt_toolkit import PromptSession
    from prompt_toolkit.output import create_output

    output = create_output()
    # Terminals that do not answer where the cursor is would be complained about.
    vars(output)["enable_cpr"] = False
    return PromptSession(
        completer=_completer(words),
        complete_while_typing=False,
        interrupt_exception=_Dropped,
        output=output,
    )


def _completer(words: Words) -> Completer:
    """Return what completes the first word, and then names of values."""
    from prompt_toolkit.completion import Completer, Completion

    class Names(Completer):
        def get_completions(self, document: Any, complete_event: Any) -> Iterator[Completion]:
            before = document.text_before_cursor.lstrip()
            for text, meaning in words.completions(before):
                last = before.rpartition(" ")[2]
                yield Completion(text, -len(last), display_meta=meaning)

    return Names()


async def _do(words: Words, line: str, device: Device) -> None:
    """Do what one line says; what goes wrong is a sentence, and the prompt comes again."""
    try:
        await words.do(line)
    except Quit:
        raise
    except Exception as error:
        if not device.connection.connected:
            return  # which the prompt is told of
        failure = as_failure(error) if not hasattr(error, "exit_code") else error
        if failure is None:
            raise
        say(f"Error: {getattr(failure, 'message', failure)}")
