"""`bleio explore ADDRESS|NAME`: all that a device has, and a prompt to use it."""

from __future__ import annotations

import sys

import click

from bleio.cli.devices.options import Wanted, device_command, device_of
from bleio.cli.devices.table import Table, learn, read_table
from bleio.cli.shared.options import json_option
from bleio.cli.shared.output import print_json, say, stdout_console
from bleio.cli.shared.running import finish
from bleio.values import HINT, is_installed


@click.command()
@device_command
@click.option("--tree", "tree_only", is_flag=True, help="Print the tree and end: no prompt.")
@click.option("--no-read", is_flag=True, help="Read no values: only say what there is.")
@json_option("explore")
def explore(wanted: Wanted, tree_only: bool, no_read: bool, as_json: bool) -> None:
    """Show what a device has: services, characteristics, descriptors, and their values.

    On a terminal a prompt follows, at which values can be read, written and subscribed to. Nothing
    is paired unless --pair, --pairing or the prompt says so; what wants it is marked.
    """
    interactive = not (tree_only or as_json) and sys.stdin.isatty() and sys.stdout.isatty()
    finish(_explore(wanted, not no_read, as_json, interactive))


async def _explore(wanted: Wanted, reads: bool, as_json: bool, interactive: bool) -> None:
    from bleio.cli.exploring import tree

    async with device_of(wanted) as device:
        table = await read_table(device.connection)
        if reads:
            await learn(table)
        if as_json:
            print_json(tree.as_json(device, table))
            return
        stdout_console().print(tree.tree(device, table))
        if reads and not is_installed() and _has_values(table):
            say(HINT)
        if interactive:
            from bleio.cli.exploring.prompt import talk

            await talk(device, table)


def _has_values(table: Table) -> bool:
    return any(row.value.octets for row in table.rows)
