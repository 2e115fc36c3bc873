"""The command `bleio`, which is also `python -m bleio`."""

from __future__ import annotations

import sys
from typing import Any

import click

from bleio.cli.main import main as commands


def main() -> None:
    """Parse the command line and do what it says.

    A command may return a callable; it is called outside click, which would take a Ctrl-C or an
    OSError of the user's program for its own.
    """
    outcome = _parse()
    if callable(outcome):
        outcome()
    elif isinstance(outcome, int):
        sys.exit(outcome)


def _parse() -> Any:
    try:
        return commands.main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort:
        sys.exit(130)  # Ctrl-C, as a shell reports it


if __name__ == "__main__":
    main()
