"""Faults as text: `KIND [DEVICE] @TIME [for TIME] [NAME=VALUE ...]`, as in

    drop sensor @1.25s
    power-cut "my reader" @2s for 3s
    jam @500ms for 2s channels=37,38

Words are parted as a shell does, so names with blanks are quoted. What is as usual is not written.
"""

from __future__ import annotations

import shlex
from dataclasses import MISSING, Field, fields
from typing import Any

from bleio.core.durations import seconds_of
from bleio.testing.faults.fault import KINDS, Fault
from bleio.testing.naming import suggestion

_EXAMPLE = "a fault is written as 'drop sensor @1.25s' or 'jam @2s for 500ms channels=37,38'"


def time_text(seconds: float) -> str:
    """Write a time so that it can be read again, to the microsecond."""
    return f"{seconds:.6f}".rstrip("0").rstrip(".") + "s"


def written(fault: Fault) -> str:
    """Write a fault."""
    words, options = [fault.KIND], []
    if hasattr(fault, "device"):
        words.append(shlex.quote(fault.device))
    words.append(f"@{time_text(fault.at_s)}")
    if hasattr(fault, "for_s"):
        words.append(f"for {time_text(fault.for_s)}")
    for field in _own(type(fault)):
        value = getattr(fault, field.name)
        if value != field.default:
            options.append(f"{field.name}={_value_text(value)}")
    return " ".join([*words, *options])


def parse(text: str) -> Fault:
    """Read a fault. Raises: ValueError, with what is wrong in one sentence."""
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise ValueError(f"{text!r} cannot be read ({error}); {_EXAMPLE}") from None
    if not words:
        raise ValueError(f"There is no fault in an empty text; {_EXAMPLE}")
    kind = kind_of(words[0])
    try:
        return kind(**_arguments(kind, words[1:]))
    except _WrongError as error:
        raise ValueError(f"{text!r} {error}; {_EXAMPLE}") from None
    except ValueError as error:
        raise ValueError(f"{text!r}: {error}") from None


def kind_of(name: str) -> type[Fault]:
    """Return the kind of that name. Raises: ValueError."""
    if name not in KINDS:
        raise ValueError(f"There is no fault {name!r}{suggestion(name, KINDS)}")
    return KINDS[name]


class _WrongError(Exception):
    """What is wrong with a text, to follow the text itself."""


def _arguments(kind: type[Fault], words: list[str]) -> dict[str, Any]:
    arguments: dict[str, Any] = {}
    has = {field.name for field in _fields(kind)}
    if "device" in has:
        if not words or words[0].startswith("@"):
            raise _WrongError("names no device")
        arguments["device"] = words.pop(0)
    if not words or not words[0].startswith("@"):
        raise _WrongError("has no time")
    arguments["at_s"] = seconds_of(words.pop(0)[1:])
    if words and words[0] == "for":
        if "for_s" not in has:
            raise _WrongError("is over at once, and takes no 'for'")
        if len(words) < 2:
            raise _WrongError("has no time after 'for'")
        arguments["for_s"] = seconds_of(words[1])
        del words[:2]
    for word in words:
        arguments.update([_option(kind, word)])
    return arguments


def _option(kind: type[Fault], word: str) -> tuple[str, Any]:
    name, equals, value = word.partition("=")
    own = {field.name: field for field in _own(kind)}
    if not equals or name not in own:
        names = [f"{name}=..." for name in own]
        there = f"there is {' and '.join(names)}" if names else "there are none of this fault"
        raise _WrongError(f"has {word!r}, which is no setting ({there})")
    usual: Any = own[name].default
    try:
        if isinstance(usual, tuple):
            return name, tuple(map(int, value.split(",")))
        return name, type(usual)(value)
    except ValueError:
        raise _WrongError(f"has {word!r}, which is no number") from None


def _fields(kind: type[Fault]) -> tuple[Field[Any], ...]:
    return fields(kind)  # type: ignore[arg-type] # all kinds are dataclasses


def _own(kind: type[Fault]) -> list[Field[Any]]:
    """Return the settings that only this kind has."""
    return [each for each in _fields(kind) if each.default is not MISSING and each.name != "for_s"]


def _value_text(value: Any) -> str:
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return f"{value:.12g}" if isinstance(value, float) else str(value)
