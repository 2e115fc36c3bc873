"""What options of commands that run worlds share: times, the air, programs and promises."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

import click

from bleio.cli.shared.options import NumberRange
from bleio.cli.shared.times import FOR_EVER_S as FOR_EVER_S, Duration as Duration

if TYPE_CHECKING:
    from bleio.testing.world import World

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


class PlaceText(click.ParamType):  # type: ignore[type-arg,unused-ignore]
    """A place such as sensor=3,4: a device's name, and metres along x and y."""

    name = "place"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, float, float]:
        """Return name, x and y."""
        if isinstance(value, tuple):
            return value
        name, _, numbers = str(value).rpartition("=")
        try:
            x, y = (float(each) for each in numbers.split(","))
        except ValueError:
            x = y = math.nan
        if not name or not (math.isfinite(x) and math.isfinite(y)):
            self.fail(f"{value!r} is no place such as sensor=3,4", param, ctx)
        return name, x, y


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
        type=NumberRange(0, 200),
        metavar="DB",
        help="What a signal loses between any two devices; RSSI is transmit power minus this."
        "  [default: 60]",
    ),
    click.option(
        "--distance",
        type=NumberRange(0, 100_000),
        metavar="M",
        help="Metres from each device to the next, in a row; far ones lose packets.",
    ),
    click.option(
        "--loss",
        type=NumberRange(0, 1),
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

# For `sim` alone: the others run worlds that nobody looks at.
place_options = _all(
    click.option(
        "--place",
        "places",
        type=PlaceText(),
        multiple=True,
        metavar="NAME=X,Y",
        help="Put a device there, in metres; distances from it matter then. May be repeated.",
    ),
    click.option(
        "--exponent",
        type=NumberRange(0.5, 10),
        metavar="N",
        help="How fast signals fade with distance: 2 in the open, 3 to 4 indoors."
        "  [default: 2 with --distance, else 3]",
    ),
)
DEFAULT_EXPONENT = 3.0

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


def put(
    world: World,
    places: tuple[tuple[str, float, float], ...],
    exponent: float | None,
    distance: float | None,
) -> None:
    """Put devices at their places, and say how much distances take. Raises: click.UsageError."""
    if exponent is None and distance is None:
        exponent = DEFAULT_EXPONENT
    if exponent is not None:
        medium = world.radio.medium
        medium.propagation = replace(medium.propagation, exponent=exponent)
    for name, x, y in places:
        try:
            device = world.devices[name]
        except KeyError as error:
            raise click.UsageError(f"--place: {error.args[0]}") from None
        device.radio.position, device.radio.placed = (x, y, 0.0), True
