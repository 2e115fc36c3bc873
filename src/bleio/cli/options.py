"""What the options of several commands share: checks of numbers, a message about files."""

from __future__ import annotations

import errno
import io
import math
import os
import sys
from typing import TypeVar

import click

Number = TypeVar("Number", float, "float | None")


def no_nan(context: click.Context, parameter: click.Parameter, value: Number) -> Number:
    """Refuse "nan", which every range lets pass, since it is not less than anything."""
    if value is not None and math.isnan(value):
        raise click.BadParameter("'nan' is no number.")
    return value


def print_anything() -> None:
    """Let standard output escape what its encoding has not, such as the texts of others.

    What a terminal can show must not decide how a simulated world goes on. Where standard output is
    closed, what is printed goes nowhere.
    """
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - for as long as the process lives
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def stop_printing() -> None:
    """Let what is left in standard output's buffer go nowhere: its reader or its disk is gone."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


# What writing to standard output may end with.
_OF_OUTPUT = (errno.EPIPE, errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def unusable(error: OSError) -> str:
    """Return one sentence on a file or folder that the user has named.

    Raises: the error, if it is not about a file with a name but about standard output.
    """
    _let_pass(error)
    what = "" if error.filename is None else f" {error.filename!r}"
    return f"Cannot use{what}: {error.strerror or error}; give another place or make it writable."


def unreadable(error: OSError) -> str:
    """Return one sentence on a file that the user wants read. Raises: as `unusable`."""
    _let_pass(error)
    what = "" if error.filename is None else f" {error.filename!r}"
    return f"Cannot read{what}: {error.strerror or error}."


def _let_pass(error: OSError) -> None:
    """Raise an error of standard output: `bleio` itself has its sentence and its exit code."""
    if error.filename is None and error.errno in _OF_OUTPUT:
        raise error
