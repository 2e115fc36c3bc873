"""What commands print: lines, JSON, tables, and texts of others.

Names, values and errors of devices are anybody's: an escape code in a name would move the cursor,
a bidirectional one would reorder the line, and "[red]" is a word of rich's. So each text that comes
from outside goes through `shown`, and rich gets `Text`, never markup.

Standard output has results alone, so that it can be piped; what is said about them goes to standard
error (`say`). Into a pipe there are neither colours nor boxes, and no line is cut or broken; rich
knows NO_COLOR and FORCE_COLOR.
"""

from __future__ import annotations

import json
import sys
import unicodedata
from typing import TYPE_CHECKING, Any

import click

from bleio.cli.shared.exits import Failure
from bleio.cli.shared.stdout import stop_printing
from bleio.decoding.octets import printable

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

_WIDE = 100_000  # columns of a pipe, in which nothing is to be cut
_MOST_MARKS = 2  # on one character; more would cover the lines above


def shown(text: str, longest: int = 64) -> str:
    """Return a text of others in one harmless line: what is not printable is escaped."""
    text = _with_few_marks(text)
    return printable(text if len(text) <= longest else f"{text[: longest - 3]}...")


def _with_few_marks(text: str) -> str:
    """Return a text with the marks above and below a character that languages need."""
    if text.isascii():
        return text
    kept: list[str] = []
    marks = 0
    for each in text:
        marks = marks + 1 if unicodedata.category(each) in ("Mn", "Me") else 0
        if marks <= _MOST_MARKS:
            kept.append(each)
    return "".join(kept)


def print_line(line: str = "") -> None:
    """Print a result now, also into a pipe. Raises: BrokenPipeError; Failure on a full disk."""
    try:
        click.echo(line)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        stop_printing()
        raise Failure(f"Cannot write the output: {error.strerror}.") from None


def say(line: str) -> None:
    """Tell the user something that is no result, on standard error."""
    click.echo(line, err=True)


def print_json(value: Any) -> None:
    """Print one JSON object in one line, now."""
    print_line(json.dumps(value, allow_nan=False))


def is_live() -> bool:
    """Whether a person looks at the output: a terminal that can move its cursor."""
    return sys.stdout.isatty() and not stdout_console().is_dumb_terminal


def stdout_console() -> Console:
    """Return rich's way to standard output, set up as said above."""
    from rich.console import Console

    class Output(Console):
        def on_broken_pipe(self) -> None:
            raise  # what rich has just caught, when it calls this

    width = None if sys.stdout.isatty() else _WIDE  # not as rich sees it, which FORCE_COLOR tells
    return Output(highlight=False, markup=False, emoji=False, width=width)


def new_table(*columns: str) -> Table:
    """Return a table without lines, the heads of whose columns are bold on a terminal."""
    from rich.table import Table

    return Table(*columns, box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")


def print_table(table: Table) -> None:
    """Print a table: as wide as the terminal, or as wide as it is into a pipe."""
    console = stdout_console()
    if console.is_terminal:
        console.print(table)
        return
    with console.capture() as captured:
        console.print(table)
    for line in captured.get().splitlines():
        print_line(line.rstrip())
