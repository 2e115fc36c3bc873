"""What `radio --web` and `sim --web` share: the options, and what is said of the page."""

from __future__ import annotations

import errno
import re
import webbrowser
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from bleio.cli.shared.exits import Failure

if TYPE_CHECKING:
    from bleio.web.address import PageAddress

Command = TypeVar("Command", bound=Callable[..., Any])
# What can only be an address behind --web, and neither a program nor the name of a radio.
_ADDRESS = re.compile(r"(\[[^\[\]]+\]|[\w.-]*):\d+|\d+|\[[^\[\]]+\]|\d+\.\d+\.\d+\.\d+|localhost")
_WHY = {
    errno.EADDRINUSE: "another program listens there; use another port",
    errno.EADDRNOTAVAIL: "this machine has no such address; use 127.0.0.1",
    errno.EACCES: "this user may not listen there; use a port above 1023",
}


class WebCommand(click.Command):
    """A command whose option --web may stand alone, before whatever comes next."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Give --web its value, which is empty unless an address follows."""
        given, rest = [], list(args)
        while rest:
            each = rest.pop(0)
            if each == "--":
                given += [each, *rest]
                break
            if each == "--web":
                value = rest.pop(0) if rest and _ADDRESS.fullmatch(rest[0]) else ""
                each = f"--web={value}"
            given.append(each)
        return super().parse_args(ctx, given)


def web_options(command: Command) -> Command:
    """Add --web and --open, which are given to the command as `page`: an address, or None."""
    command = click.option(
        "--open",
        "show",
        is_flag=True,
        expose_value=False,
        is_eager=True,
        callback=_note_open,
        help="Open the page in a browser, too.",
    )(command)
    return click.option(
        "--web",
        "page",
        metavar="[HOST:PORT]",
        callback=_checked,
        help="Show a page with devices that can be dragged, packets as they fly, and faults by a"
        " click; by default on this machine alone, at a free port.",
    )(command)


def open_page(
    start: Callable[[], str], address: PageAddress, say: Callable[[str], object] | None = None
) -> None:
    """Serve a page and say where it is.

    Args: start: returns its URL. say: tells it, by default in a line.
    Raises: Failure.
    """
    try:
        url = start()
    except OSError as error:
        why = _WHY.get(error.errno or 0) or f"{error.strerror or error}; use another address"
        where = f"{address.host}:{address.port}"
        raise Failure(f"Cannot show the page at {where}: {why}.") from None
    if not address.is_loopback:
        click.echo(
            f"Warning: {address.host} can be reached by other machines. Whoever sees the address of"
            " the page, also on the way there, can do all that it can: it is not encrypted.",
            err=True,
        )
    if say is None:
        click.echo(f"Page: {url}")
    else:
        say(url)
    context = click.get_current_context(silent=True)
    if context is not None and context.meta.get(_OPEN) and not webbrowser.open(url):
        click.echo("No browser could be opened; use the address above.", err=True)


_OPEN = f"{__name__}.open"


def _note_open(context: click.Context, parameter: click.Parameter, value: bool) -> None:
    context.meta[_OPEN] = value


def _checked(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> PageAddress | None:
    if value is None and context.meta.get(_OPEN):
        value = ""
    if value is None or context.resilient_parsing:
        return None
    try:
        from bleio.web import server  # noqa: F401
        from bleio.web.address import parse_page_address
    except ImportError as error:
        raise Failure(
            f"The page needs the package websockets, 15 or newer ({error}); install it by"
            ' pip install "websockets>=15"'
        ) from None
    try:
        return parse_page_address(value)
    except ValueError as error:
        raise click.BadParameter(f"{error}.") from None
