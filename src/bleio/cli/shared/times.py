"""Times on the command line."""

from __future__ import annotations

import click

FOR_EVER_S = 1e9


class Duration(click.ParamType):  # type: ignore[type-arg,unused-ignore]
    """A time such as 500ms, 60s, 5min or 1h; seconds without a unit."""

    name = "time"

    def __init__(self, least_s: float = 0.0, most_s: float = FOR_EVER_S) -> None:
        self._least_s, self._most_s = least_s, most_s

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
        if seconds > self._most_s:
            self.fail(f"{value!r} is longer than {self._most_s:g} s", param, ctx)
        if seconds < self._least_s:
            self.fail(f"{value!r} is shorter than {self._least_s:g} s", param, ctx)
        return seconds
