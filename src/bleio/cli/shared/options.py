"""Options that several commands have, as decorators of click, and numbers on the command line."""

from __future__ import annotations

import math
from collections.abc import Callable
from importlib import resources
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])


class NumberRange(click.FloatRange):
    """A number of a range, but not "nan", which every range of click lets pass."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the number."""
        number = float(super().convert(value, param, ctx))
        if math.isnan(number):
            self.fail("'nan' is no number.", param, ctx)
        return number


def adapter_option(command: Command) -> Command:
    """Add --adapter, which is given to the command as `adapter`; see `adapters`."""
    return click.option(
        "--adapter",
        metavar="ADAPTER",
        callback=_checked_adapter,
        shell_complete=_adapters,
        help="Which Bluetooth: os, os:hci1, hci:TRANSPORT, esphome:HOST, virtual:NAME ...; wins"
        " over BLEIO_ADAPTER.",
    )(command)


def pairing_option(command: Command) -> Command:
    """Add --pairing, which is given to the command as `pairing`; see `adapters`."""
    return click.option(
        "--pairing",
        metavar="HOW",
        callback=_checked_pairing,
        help="Who answers in pairing: terminal (asks here), terminal:display, terminal:keyboard,"
        " terminal:yesno or passkey:NNNNNN; wins over BLEIO_PAIRING.",
    )(command)


def json_option(schema: str) -> Callable[[Command], Command]:
    """Add --json, which is given to the command as `as_json`, and --json-schema.

    Args: schema: the name of the file in cli/schemas, which is the command's.
    """

    def add(command: Command) -> Command:
        def show(context: click.Context, parameter: click.Parameter, wanted: bool) -> None:
            if wanted and not context.resilient_parsing:
                click.echo(read_schema(schema), nl=False)
                context.exit()

        command = click.option(
            "--json-schema",
            is_flag=True,
            is_eager=True,
            expose_value=False,
            callback=show,
            help="Print the JSON Schema of what --json prints.",
        )(command)
        return click.option(
            "--json", "as_json", is_flag=True, help="Print JSON for programs, and nothing else."
        )(command)

    return add


def read_schema(name: str) -> str:
    """Return the text of a command's schema."""
    return (resources.files("bleio.cli") / "schemas" / f"{name}.json").read_text("utf-8")


def complete_services(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[str]:
    """Return the names of services that begin with what was typed, as one word each."""
    from bleio.names import Kind, words_of

    return [word for word in words_of(Kind.SERVICE) if word.startswith(incomplete.casefold())]


def complete_characteristics(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[str]:
    """Return the names of characteristics that begin with what was typed, as one word each."""
    from bleio.names import Kind, words_of

    begun = incomplete.casefold().replace("_", "-")
    return [word for word in words_of(Kind.CHARACTERISTIC) if word.startswith(begun)]


def _adapters(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    from bleio.radio.sharing.place import known_radios

    kinds = ("auto", "os", "os:hci0", "hci:usb:0", "esphome:", "virtual", "virtual:desk")
    choices = dict.fromkeys([*kinds, *(f"virtual:{name}" for name in known_radios())])
    return [choice for choice in choices if choice.startswith(incomplete)]


def _checked_adapter(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> str | None:
    if value is None or context.resilient_parsing:
        return value
    from bleio.errors import CallerError
    from bleio.runtime.selection import backend_for

    try:
        backend_for(value)
    except CallerError as error:
        text = str(error)
        raise click.BadParameter(text if text.endswith("?") else f"{text}.") from None
    return value


def _checked_pairing(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> str | None:
    if value is None or context.resilient_parsing:
        return value
    from bleio.api._delegates import delegate_for
    from bleio.errors import CallerError

    try:
        delegate_for(value)
    except CallerError as error:
        raise click.BadParameter(f"{error}.") from None
    return value
