"""What a page asks for, checked: it comes from a browser, so it may be anything."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

MOST_METRES = 10_000.0
LONGEST_JAM_S = 3_600.0
MOST_PACKETS = 10_000
MOST_STEP_MS = 3_600_000
SPEEDS = (0.1, 1.0, 10.0, 100.0)


@dataclass(frozen=True)
class Move:
    """Put a device somewhere, in metres."""

    device: int
    x: float
    y: float


@dataclass(frozen=True)
class Lose:
    """Let the next packets of a device be lost."""

    device: int
    packets: int


@dataclass(frozen=True)
class BreakLinks:
    """Let a device's links end."""

    device: int


@dataclass(frozen=True)
class Power:
    """Take a device's power, or its radio's, or give it back."""

    device: int
    on: bool


@dataclass(frozen=True)
class JamAir:
    """Disturb channels for a time."""

    seconds: float
    channels: tuple[int, ...]


@dataclass(frozen=True)
class TakeBack:
    """Undo what a line of the log says."""

    entry: int


@dataclass(frozen=True)
class Pause:
    """Let simulated time stand still, or go on."""

    paused: bool


@dataclass(frozen=True)
class Speed:
    """How fast simulated time goes, in times of real time; None is as fast as it can."""

    times: float | None


@dataclass(frozen=True)
class Step:
    """Go on to the next packet, to the next event, or, with milliseconds, for so long."""

    to: str
    ms: float = 0.0


Command = Move | Lose | BreakLinks | Power | JamAir | TakeBack | Pause | Speed | Step


def read_command(text: str | bytes) -> Command:
    """Read a command. Raises: ValueError with a sentence."""
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError("A page says what it wants in JSON") from None
    if not isinstance(told, dict):
        raise ValueError("A page says what it wants as an object")
    do = told.get("do")
    read = _READ.get(do) if isinstance(do, str) else None
    if read is None:
        raise ValueError("A page wants something that is not known here; reload it")
    return read(told)


def _number(told: dict[str, Any], name: str, least: float, most: float) -> float:
    value: Any = told.get(name)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    # Whole numbers of JSON may be too large to be compared as floats.
    if not is_number or not (isinstance(value, int) or math.isfinite(value)):
        raise ValueError(f"{name} must be a number from {least:g} to {most:g}")
    if not least <= value <= most:
        raise ValueError(f"{name} must be a number from {least:g} to {most:g}")
    return float(value)


def _whole(told: dict[str, Any], name: str, least: int, most: int) -> int:
    value = _number(told, name, least, most)
    if value != int(value):
        raise ValueError(f"{name} must be a whole number")
    return int(value)


def _device(told: dict[str, Any]) -> int:
    return _whole(told, "device", 0, 1_000_000)


def _flag(told: dict[str, Any], name: str) -> bool:
    value = told.get(name)
    if not isinstance(value, bool):
        raise ValueError(f"{name} must be true or false")
    return value


def _move(told: dict[str, Any]) -> Move:
    x, y = (_number(told, name, -MOST_METRES, MOST_METRES) for name in "xy")
    return Move(_device(told), x, y)


def _jam(told: dict[str, Any]) -> JamAir:
    channels = told.get("channels")
    if not isinstance(channels, list) or not 1 <= len(channels) <= 40:
        raise ValueError("channels must be a list of some of 0 to 39")
    numbers = {_whole({"channel": each}, "channel", 0, 39) for each in channels}
    return JamAir(_number(told, "seconds", 0.001, LONGEST_JAM_S), tuple(sorted(numbers)))


def _speed(told: dict[str, Any]) -> Speed:
    times = told.get("times")
    if times is None:
        return Speed(None)
    if times not in SPEEDS:
        raise ValueError(f"times must be one of {', '.join(f'{each:g}' for each in SPEEDS)}")
    return Speed(float(times))


def _step(told: dict[str, Any]) -> Step:
    to = told.get("to")
    if to not in ("packet", "event", "ms"):
        raise ValueError("to must be packet, event or ms")
    return Step(to, _number(told, "ms", 0.001, MOST_STEP_MS) if to == "ms" else 0.0)


_READ: dict[str, Callable[[dict[str, Any]], Command]] = {
    "move": _move,
    "lose": lambda told: Lose(_device(told), _whole(told, "packets", 1, MOST_PACKETS)),
    "links": lambda told: BreakLinks(_device(told)),
    "power": lambda told: Power(_device(told), _flag(told, "on")),
    "jam": _jam,
    "undo": lambda told: TakeBack(_whole(told, "entry", 0, 1_000_000_000)),
    "pause": lambda told: Pause(_flag(told, "paused")),
    "speed": _speed,
    "step": _step,
}
