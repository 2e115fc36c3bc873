"""Times on the command line."""

from __future__ import annotations

import click

FOR_EVER_S = 1e9


class Duration(click.ParamType):  # type: ignore[type-arg,unused-ignore]
    """A time such as 500ms, 60s, 5min or 1h; seconds without a unit."""

    name = "time"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return seconds."""
        from bleio.core.durations import seconds_of

        if isinstance(value, float):
            return value
        try:
            seconds = seconds_of(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)
        if seconds > FOR_EVER_S:
            self.fail(f"{value!r} is longer than {FOR_EVER_S:g} s", param, ctx)
        return seconds
