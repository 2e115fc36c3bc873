"""Standard output as commands need it: it takes every text, and goes quietly when it is gone.

It imports no other module of bleio, since every command and `bleio --help` begin with it.
"""

from __future__ import annotations

import io
import os
import sys
from typing import TextIO


def print_anything() -> None:
    """Let standard output escape what its encoding has not, such as the texts of others.

    What a terminal can show must not decide how a simulated world goes on. Where standard output is
    closed, what is printed goes nowhere.
    """
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - for as long as the process lives
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def stop_printing(stream: TextIO | None = None) -> None:
    """Let what is left in a buffer go nowhere, standard output's if not said otherwise: its reader
    or its disk is gone."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), (stream or sys.stdout).fileno())
