"""What `bleio sim` says while its world runs: packets in words, and how far it is."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from bleio.testing.hunt.promise import ListeningWorld
from bleio.testing.world import World

if TYPE_CHECKING:
    from bleio.testing.live import Telling

_PROGRESS_S = 2.0


def kind_of_world(as_json: bool) -> type[ListeningWorld]:
    """Return the class of a world that shows printed lines in that form."""
    if not as_json:
        return ListeningWorld
    from bleio.testing.objects import ObjectWorld

    return ObjectWorld


def make_telling(verbose: bool, as_json: bool) -> Telling:
    """Return what tells packets on standard output."""
    from bleio.testing.live import Telling
    from bleio.testing.objects import PacketObjects

    return Telling(sys.stdout, verbose=verbose, objects=PacketObjects() if as_json else None)


@contextlib.contextmanager
def packets_told(world: World, telling: Telling | None) -> Iterator[None]:
    """Have packets told until the world has ended, however it does."""
    if telling is None:
        yield
        return
    telling.attach(world)
    try:
        yield
    except OSError:
        raise  # the output may be what cannot be written
    except BaseException:
        telling.finish()
        raise
    telling.finish()


class Progress:
    """Says on standard error how far the world is, when it takes long; and has packets told."""

    def __init__(self, for_s: float | None, telling: Telling | None) -> None:
        self._telling = telling
        self._of = "" if for_s is None else f" of {for_s:g} s"
        self._last_s = time.monotonic()

    def __call__(self, now_s: float) -> None:
        if self._telling is not None:
            self._telling.advance()
        if time.monotonic() - self._last_s >= _PROGRESS_S:
            self._last_s = time.monotonic()
            click.echo(f"simulated {now_s:.1f} s{self._of}", err=True)
