"""The command `bleio` and its subcommands, each imported when it is used.

`bleio run` must start about as fast as Python itself, and `bleio --help` must work where what one
of the commands needs does not. So the group knows names and one sentence each, and a command's
module is imported to run it or to show its own help.
"""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any

import click

from bleio import __version__

# Name: (module and object, what `bleio --help` says)
COMMANDS = {
    "campaign": (
        "bleio.cli.campaign:campaign",
        "Run a scenario in many worlds, over parameters and seeds.",
    ),
    "decode": ("bleio.cli.decode:decode", "Print the packets of a capture file in words."),
    "hunt": ("bleio.cli.hunt:hunt", "Look for faults and seeds that break programs."),
    "radio": ("bleio.cli.radio:radio", "Run a shared simulated radio in the foreground."),
    "sim": ("bleio.cli.sim:sim", "Run programs as devices of a simulated world."),
    "run": ("bleio.cli.run:run", "Run a Python PROGRAM with bleio's _bleio module."),
}


class LazyGroup(click.Group):
    """A group that imports a command only to run it or to show its help."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name][0].partition(":")
        command = getattr(importlib.import_module(module), name)
        assert isinstance(command, click.Command)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command, and give the library's errors the form and exit code of a command's."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            _stop_printing()
            ctx.exit(141)
        except Exception as error:
            from bleio.cli.shared.exits import as_failure

            if (failure := as_failure(error)) is None:
                raise
            raise failure from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name][1]) for name in self.list_commands(ctx)])


def _stop_printing() -> None:
    """Let what is left in standard output's buffer go nowhere: its reader is gone."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="bleio")
def main() -> None:
    """CircuitPython's _bleio (Bluetooth Low Energy) for ordinary Python."""
