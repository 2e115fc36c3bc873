"""What faults under way do to settings, such as a device's antenna.

Two faults may hold one setting at a time. It is then what the stronger of them wants, and what it
was before only when the last is over: in whatever order they begin and end.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

_Combine = Callable[[Any, list[Any]], Any]
_COMBINED: dict[str, _Combine] = {
    "slowness": lambda before, values: before * max(values),
    "loss": lambda before, values: max(before, *values),
}


class Holds:
    """All settings of one world that faults hold. Thread: that which has the turn."""

    def __init__(self) -> None:
        self._values: dict[tuple[int, str], list[Any]] = {}
        self._before: dict[tuple[int, str], Any] = {}

    def begin(self, target: Any, setting: str, value: Any) -> None:
        """One more fault wants this."""
        key = id(target), setting
        values = self._values.setdefault(key, [])
        if not values:
            self._before[key] = getattr(target, setting)
        values.append(value)
        self._apply(target, setting)

    def end(self, target: Any, setting: str, value: Any) -> None:
        """It wants it no more."""
        self._values[id(target), setting].remove(value)
        self._apply(target, setting)

    def _apply(self, target: Any, setting: str) -> None:
        key = id(target), setting
        values, before = self._values[key], self._before[key]
        if values:
            before = _COMBINED.get(setting, _any)(before, values)
        setattr(target, setting, before)


def _any(before: Any, values: list[Any]) -> Any:
    return values[0]
