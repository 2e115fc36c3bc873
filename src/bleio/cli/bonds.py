"""`bleio bonds`: what pairings have left in the folder of bonds: a list, without the keys.

Keys are never printed: whoever has them can pass for either device. The folder is looked at without
an adapter, and other programs may use it at the same time; what is forgotten here, they find out at
the next link.
"""

from __future__ import annotations

import json
import logging
import sys
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import click

from bleio.cli.shared.options import json_option
from bleio.cli.shared.paths import unusable

if TYPE_CHECKING:
    from bleio.backends.hci.bonds.kept import Kept
    from bleio.backends.hci.bonds.store import Bond, SigningKey
    from bleio.core.address import DeviceAddress

_SYSTEM = (
    "Bonds of the operating system's Bluetooth are the system's; on Linux:"
    " bluetoothctl devices Paired, and bluetoothctl remove ADDRESS"
)


@click.group(invoke_without_command=True)
@json_option("bonds")
@click.pass_context
def bonds(context: click.Context, as_json: bool) -> None:
    """List the bonds that programs of this user have, forget some, or export them.

    Bonds are what a pairing leaves: keys, by which two devices know each other again. Keys are
    never printed.
    """
    if context.invoked_subcommand is None:
        context.exit(_list(as_json))


@bonds.command(name="list")
@json_option("bonds")
@click.pass_context
def list_bonds(context: click.Context, as_json: bool) -> None:
    """List the bonds of all own addresses, also of programs that do not run.

    The exit code is 3 if there are none.
    """
    context.exit(_list(as_json))


@bonds.command()
@click.option("--own", metavar="ADDRESS", help="Only bonds of this own address.")
@click.option("--yes", is_flag=True, help="Do not ask before all are forgotten.")
@click.argument("address")
def forget(own: str | None, yes: bool, address: str) -> None:
    """Forget the bonds with the peer ADDRESS, or "all".

    Both devices have to forget: the peer still has its keys. A program that runs finds out at its
    next link. The exit code is 3 if there is no such bond.
    """
    from bleio.cli.shared.exits import Exit, Failure
    from bleio.cli.shared.output import say

    peer = None if address == "all" else _octets(address, "ADDRESS")
    wanted = None if own is None else _octets(own, "--own")
    chosen = [each for each in _all() if wanted in (None, each.own.octets)]
    found = [
        (each, {bond.identity for _, bond in each.bonds if peer in (None, bond.identity.octets)})
        for each in chosen
    ]
    count = sum(len(peers) for _, peers in found)
    if not count:
        what = "no bonds" if peer is None else f"no bond with {address}"
        raise Failure(f"There is {what} in {_folder()}. {_SYSTEM}.", Exit.NOT_FOUND)
    if peer is None and not yes:
        _ask(count)
    for kept, peers in found:
        for each in sorted(peers, key=_text):
            _erase(kept, each)
            say(f"{_text(kept.own)} has forgotten {_text(each)}.")


@bonds.command()
@click.argument("file", required=False, type=click.Path(dir_okay=False, allow_dash=True))
@click.pass_context
def export(context: click.Context, file: str | None) -> None:
    """Write what is known of all bonds to FILE, or standard output, in JSON, without keys.

    It is for notes and bug reports. No device can be made of it.
    """
    from bleio.cli.shared.exits import Exit
    from bleio.files import Recording

    found = _all()
    text = json.dumps(_fields(found), indent=2) + "\n"
    if file in (None, "-"):
        click.echo(text, nl=False)
    else:
        assert file is not None
        try:
            out = Recording(file)
        except OSError as error:
            raise click.ClickException(unusable(error)) from None
        out.write(text.encode())
        out.close()
    context.exit(Exit.DONE if any(each.bonds for each in found) else Exit.NOT_FOUND)


def _list(as_json: bool) -> int:
    from bleio.cli.shared.exits import Exit
    from bleio.cli.shared.output import new_table, print_json, print_table, say, shown

    found = _all()
    if as_json:
        print_json(_fields(found))
    rows = [(kept, central, bond) for kept in found for central, bond in kept.bonds]
    if not as_json and rows:
        table = new_table("OWN ADDRESS", "PEER", "ROLE", "KIND", "AUTHENTIC", "CHANGED")
        for kept, central, bond in rows:
            role = "central" if central else "peripheral"
            kind = "LE SC" if bond.secure_connections else "legacy"
            authentic = "yes" if bond.authenticated else "no"
            addresses = _text(kept.own), _text(bond.identity)
            table.add_row(*addresses, role, kind, authentic, _when(kept))
        print_table(table)
    for kept in found:
        if kept.problem and not as_json:
            say(f"{shown(str(kept.path), 200)} cannot be read: {kept.problem}.")
    if not rows:
        say(f"There are no bonds in {_folder()}. {_SYSTEM}.")
    return Exit.DONE if rows else Exit.NOT_FOUND


def _all() -> list[Kept]:
    from bleio.backends.hci.bonds.kept import all_kept

    try:
        return list(all_kept(_folder()))
    except OSError as error:
        raise click.ClickException(unusable(error)) from None


def _folder() -> Any:
    from bleio.runtime.identity import bond_folder

    return bond_folder()


def _erase(kept: Kept, peer: DeviceAddress) -> None:
    """Forget one peer in one file. Raises: ClickException if it cannot be written."""
    from bleio.backends.hci.bonds.file import FileBondStore

    reasons = _Reasons()
    log = logging.getLogger("bleio.backends.hci.bonds")
    log.addHandler(reasons)
    try:
        store = FileBondStore(kept.path.parent, kept.own)
        store.erase(peer)
        if not store.write_unsaved(last=True):
            why = reasons.told or "it cannot be written"
            raise click.ClickException(f"{_text(peer)} is not forgotten in {kept.path}: {why}.")
    finally:
        log.removeHandler(reasons)


class _Reasons(logging.Handler):
    """Keeps what a store warns of, which for programs is about what they do next."""

    told = ""

    def emit(self, record: logging.LogRecord) -> None:
        _, self.told = map(str, record.args or ("", record.getMessage()))


def _ask(count: int) -> None:
    if not sys.stdin.isatty():
        raise click.UsageError('"all" asks before it forgets; without a terminal it takes --yes')
    bonds = "the one bond" if count == 1 else f"all {count} bonds"
    click.confirm(f"Forget {bonds}?", abort=True, err=True)


def _octets(text: str, what: str) -> bytes:
    from bleio.core.address import parse_address

    try:
        return parse_address(text)
    except ValueError as error:
        raise click.UsageError(f"{what}: {error}") from None


def _text(address: DeviceAddress) -> str:
    return address.octets[::-1].hex(":")


def _when(kept: Kept) -> str:
    return f"{datetime.fromtimestamp(kept.changed_s):%Y-%m-%d}"


def _fields(found: list[Kept]) -> dict[str, Any]:
    return {
        "folder": str(_folder()),
        "bonds": [_bond_fields(kept, *each) for kept in found for each in kept.bonds],
        "unreadable": [
            {"file": str(kept.path), "reason": kept.problem} for kept in found if kept.problem
        ],
    }


def _bond_fields(kept: Kept, central: bool, bond: Bond) -> dict[str, Any]:
    changed = datetime.fromtimestamp(kept.changed_s, tz=timezone.utc)
    return {
        "own_address": _text(kept.own),
        "own_address_type": _type(kept.own),
        "address": _text(bond.identity),
        "address_type": _type(bond.identity),
        "role": "central" if central else "peripheral",
        "pairing": "le_secure_connections" if bond.secure_connections else "le_legacy",
        "authenticated": bond.authenticated,
        "key_octets": bond.key_octets,
        "has_private_addresses": bond.irk is not None,
        "own_sign_counter": _counter(bond.own_signing),
        "peer_sign_counter": _counter(bond.peer_signing),
        "subscriptions": len(bond.client.cccds),
        "file_changed": changed.isoformat(timespec="seconds"),
    }


def _counter(key: SigningKey | None) -> int | None:
    return None if key is None else key.least


def _type(address: DeviceAddress) -> str:
    """Identities are one of these."""
    return "random_static" if address.random else "public"
