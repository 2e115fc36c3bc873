"""The command `bleio` and its subcommands, each imported when it is used.

`bleio run` must start about as fast as Python itself, and `bleio --help` must work where what one
of the commands needs does not. So the group knows names and one sentence each, and a command's
module is imported to run it or to show its own help.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, NoReturn

import click

from bleio import __version__

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

# Name: (module and object, what `bleio --help` says)
COMMANDS = {
    "bonds": ("bleio.cli.bonds:bonds", "List or forget what pairings have left."),
    "advertise": (
        "bleio.cli.advertise:advertise",
        "Be a beacon or a peripheral, made of options.",
    ),
    "campaign": (
        "bleio.cli.campaign:campaign",
        "Run a scenario in many worlds, over parameters and seeds.",
    ),
    "capture": ("bleio.cli.capture:capture", "Record what is on the air of a simulated radio."),
    "completion": (
        "bleio.cli.completion:completion",
        "Print the script for completion by Tab in a shell.",
    ),
    "clone": ("bleio.cli.clone:clone", "Write a program that is a twin of a device."),
    "decode": ("bleio.cli.decode:decode", "Print the packets of a capture file in words."),
    "read": ("bleio.cli.read:read", "Read a value of a device once."),
    "write": ("bleio.cli.write:write", "Write a value of a device once."),
    "notify": ("bleio.cli.notify:notify", "Show the values that a device sends by itself."),
    "doctor": ("bleio.cli.doctor:doctor", "Say what works here, and what to do about the rest."),
    "demo": ("bleio.cli.demo:demo", "Show a heart-rate monitor and its reader, and explain."),
    "explore": ("bleio.cli.explore:explore", "Show what a device has, and use it at a prompt."),
    "hunt": ("bleio.cli.hunt:hunt", "Look for faults and seeds that break programs."),
    "radio": ("bleio.cli.radio:radio", "Run a shared simulated radio, or show those that run."),
    "scan": ("bleio.cli.scan:scan", "Show the devices that advertise."),
    "sim": ("bleio.cli.sim:sim", "Run programs as devices of a simulated world."),
    "run": ("bleio.cli.run:run", "Run a Python PROGRAM with bleio's _bleio module."),
}
# What other programs call these, or people look for.
_OTHER_WORDS = {
    "connect": "explore",
    "devices": "scan",
    "discover": "scan",
    "gatt": "explore",
    "inspect": "explore",
    "list": "scan",
    "lescan": "scan",
    "monitor": "capture",
    "pair": "explore",
    "sniff": "capture",
    "subscribe": "notify",
    "simulate": "sim",
    "services": "explore",
    "diagnose": "doctor",
    "check": "doctor",
    "get": "read",
    "set": "write",
}
_ANOTHERS_OUTPUT = ("run",)  # where standard output is a program's, and as Python makes it
_SHARED_OPTIONS = ("--adapter", "--json", "--json-schema", "--pairing")


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

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; one that there is not gets a sentence with what may be meant."""
        name = args[0]
        if name not in COMMANDS and not name.startswith("-"):
            ctx.fail(_no_such_command(name, args[1:]))
        if name not in _ANOTHERS_OUTPUT:
            from bleio.cli.shared.stdout import print_anything

            print_anything()
        return super().resolve_command(ctx, args)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take the group's own options; those of commands stand behind the command."""
        try:
            return super().parse_args(ctx, args)
        except BrokenPipeError:  # of its help
            _end_unread(ctx)
        except click.NoSuchOption as error:
            command = next((each for each in args if each in COMMANDS), None)
            if command is None or error.option_name not in _SHARED_OPTIONS:
                raise
            ctx.fail(
                f"{error.option_name} stands behind the command:"
                f" bleio {command} {error.option_name} ..."
            )

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete names of commands from the table, without importing them."""
        from click.shell_completion import CompletionItem

        found = [
            CompletionItem(name, help=text)
            for name, (_, text) in sorted(COMMANDS.items())
            if name.startswith(incomplete)
        ]
        return [*found, *click.Command.shell_complete(self, ctx, incomplete)]

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command, and give the library's errors the form and exit code of a command's."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            _end_unread(ctx)
        except Exception as error:
            from bleio.cli.shared.exits import as_failure

            if (failure := as_failure(error)) is None:
                raise
            raise failure from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name][1]) for name in self.list_commands(ctx)])


def _end_unread(context: click.Context) -> NoReturn:
    """End quietly: what reads the output has ended."""
    from bleio.cli.shared.exits import Exit
    from bleio.cli.shared.stdout import stop_printing

    stop_printing()
    context.exit(Exit.BROKEN_PIPE)


def _no_such_command(name: str, rest: list[str]) -> str:
    import shlex
    from difflib import get_close_matches

    if name.endswith(".py"):
        typed = shlex.join(["bleio", "run", name, *rest])
        return f"No such command {name!r}. Run a program with: {typed}"
    known = {**{each: each for each in COMMANDS}, **_OTHER_WORDS}
    same = [name.lower()] if name.lower() in known else []
    close = [known[each] for each in same or get_close_matches(name.lower(), known, cutoff=0.6)]
    likely = [f"'{each}'" for each in dict.fromkeys(close) if each in COMMANDS]
    like = f" Did you mean {' or '.join(likely)}?" if likely else ""
    return f"No such command {name!r}.{like}"


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="bleio")
def main() -> None:
    """CircuitPython's _bleio (Bluetooth Low Energy) for ordinary Python."""
