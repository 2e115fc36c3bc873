"""Runs a program on a pretend board, and begins this process anew as often as it resets that."""

from __future__ import annotations

import atexit
import os
import sys
from collections.abc import Callable


def on_board(folder: str, run_it: Callable[[], None]) -> None:
    """Run it with the pretend board's modules, beside those of its folder."""
    from bleio.board.modules import put_in_place
    from bleio.board.processor import Restart

    put_in_place(folder)
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
