"""Checks of numbers on the command line."""

from __future__ import annotations

import math
from typing import TypeVar

import click

Number = TypeVar("Number", float, "float | None")


def no_nan(context: click.Context, parameter: click.Parameter, value: Number) -> Number:
    """Refuse "nan", which every range lets pass."""
    if value is not None and math.isnan(value):
        raise click.BadParameter("'nan' is no number.")
    return value
