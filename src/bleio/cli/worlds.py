"""What options of commands that run worlds share: times, the air, programs and promises."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from bleio.cli.options import no_nan
from bleio.cli.shared.times import FOR_EVER_S as FOR_EVER_S, Duration as Duration

Command = TypeVar("Command", bound=Callable[..., Any])


class FaultText(click.ParamType):  # type: ignore[type-arg,unused-ignore]
    """A fault such as "drop sensor @1.25s"."""

    name = "fault"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> object:
        """Return the fault."""
        from bleio.testing.faults.text import parse

        try:
            return parse(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


def _all(*options: Callable[[Command], Command]) -> Callable[[Command], Command]:
    """Put several options on a command, the first one first."""

    def put(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return put


air_options = _all(
    click.option(
        "--path-loss",
        type=click.FloatRange(0, 200),
        callback=no_nan,
        metavar="DB",
        help="Between any two devices; RSSI is transmit power minus this.  [default: 60]",
    ),
    click.option(
        "--distance",
        type=click.FloatRange(0, 100_000),
        callback=no_nan,
        metavar="M",
        help="Metres from each device to the next, in a row; far ones lose packets.",
    ),
    click.option(
        "--loss",
        type=click.FloatRange(0, 1),
        callback=no_nan,
        metavar="P",
        help="Part of all packets that is lost, 0 to 1.",
    ),
    click.option(
        "--jitter",
        "jitter_s",
        type=Duration(),
        metavar="TIME",
        help="Let hosts and programs take that much longer on average, by chance, such as 1ms.",
    ),
)

promise_options = _all(
    click.option(
        "--until",
        multiple=True,
        metavar="TEXT",
        help="What must be printed, by any program or as 'NAME: TEXT'; then the world ends.",
    ),
    click.option(
        "--never",
        multiple=True,
        metavar="TEXT",
        help="What must not be printed, by any program or as 'NAME: TEXT'.",
    ),
)


class ProgramFile(click.Path):
    """A program's file, or a file and its arguments as a shell has them, which stay as typed."""

    def convert(
        self,
        value: Any,
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> str:
        """Return the text. Fails if there is no such file."""
        from bleio.testing.programs.program import words_of

        try:
            path, _ = words_of(value)
        except ValueError as error:
            self.fail(f"{value!r} cannot be parted into words: {error}", param, ctx)
        super().convert(path, param, ctx)
        return str(value)


programs_argument = click.argument(
    "programs",
    nargs=-1,
    required=True,
    type=ProgramFile(exists=True, dir_okay=False, readable=True),
)


def check_air(path_loss: float | None, distance: float | None, jitter_s: float | None) -> None:
    """Raise click.UsageError for options that exclude each other, or are too much."""
    if jitter_s is not None and jitter_s > 1:
        raise click.UsageError("--jitter can be 1s at most")
    if path_loss is not None and distance is not None:
        raise click.UsageError("--path-loss and --distance exclude each other")
