"""`bleio sim --web`: the world on a page, also when it has ended, until Ctrl-C."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Sequence
from pathlib import PurePath

import click

from bleio.cli.page import open_page
from bleio.cli.shared.output import print_json
from bleio.testing.live import Telling
from bleio.testing.programs.ends import summary
from bleio.testing.programs.program import words_of
from bleio.testing.world import World
from bleio.web.address import PageAddress
from bleio.web.worlds.page import WorldPage


@contextlib.contextmanager
def shown_on(
    world: World,
    address: PageAddress,
    programs: Sequence[str],
    telling: Telling | None,
    *,
    stays: bool,
    as_json: bool,
) -> Iterator[WorldPage]:
    """Show the world on a page while it goes on, and when it has ended until Ctrl-C.

    Args: stays: the page does; else it ends with the world.
    """
    each_piece = sys.stdout.flush if telling is None else telling.advance
    page = WorldPage(world, _title(programs), address, each_piece)
    with contextlib.closing(page):
        open_page(page.start, address, _tell_in_json if as_json else None)
        sys.stdout.flush()
        try:
            yield page
        except Exception as error:
            _stay(page, _why_ended(error), stays=stays, failed=True)
            raise
        all_ended = "All programs have ended" if world.all_ended() else "The time is over"
        _stay(page, all_ended, stays=stays)


def _tell_in_json(url: str) -> None:
    print_json({"event": "page", "url": url})


def _title(programs: Sequence[str]) -> str:
    names = [PurePath(words_of(each)[0]).stem for each in programs]
    return f"sim: {', '.join(names)}"


def _stay(page: WorldPage, why: str, *, stays: bool, failed: bool = False) -> None:
    if stays:
        with contextlib.suppress(KeyboardInterrupt):
            sys.stdout.flush()
            click.echo(f"{why}; the page stays until Ctrl-C.", err=True)
            page.stay(f"{why}.", failed=failed)


def _why_ended(error: Exception) -> str:
    return summary(error, str(error)).partition("\n")[0]
