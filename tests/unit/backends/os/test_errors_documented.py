"""docs/os.md has every error that says why the operating system's Bluetooth cannot be used."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

import pytest

from bleio.backends.capabilities import MACOS
from bleio.backends.os.bluez import troubles
from bleio.backends.os.bluez.bus import ACCESS_DENIED, NO_REPLY, SERVICE_UNKNOWN, BusError
from bleio.backends.os.finding.report import explanation
from bleio.backends.os.platforms import Desktop, this_system
from bleio.errors import ControllerLost

PAGE = Path(__file__).parents[4] / "docs" / "os.md"

# What each function of `troubles` is called with, for each of the sentences that it has.
CALLS: dict[str, list[tuple[Any, ...]]] = {
    "no_bus": [("no such file",)],
    "no_daemon": [
        (BusError(ACCESS_DENIED),),
        (BusError(SERVICE_UNKNOWN),),
        (BusError(NO_REPLY),),
        (BusError("org.freedesktop.DBus.Error.Spawn.ChildExited"),),
    ],
    "no_adapter": [("hci1", ["hci0"]), (None, [])],
    "powered_off": [("hci0", None), ("hci0", "soft"), ("hci0", "hard")],
    "is_off": [("hci0",)],
    "is_away": [("os:hci0",)],
    "is_unplugged": [("hci0",)],
    "is_incomplete": [("hci0", "GattManager1")],
    "incomplete": [("hci0", "GattManager1")],
    "daemon_gone": [()],
    "bus_gone": [()],
    "unplugged": [("hci0",)],
}


def phrases() -> list[str]:
    _, _, rows = PAGE.read_text("utf-8").partition("## Errors, and what helps")
    return [row.partition("` |")[0] for row in re.findall(r"^\| `(.*)$", rows, re.M)]


def sentences() -> list[str]:
    made = [str(getattr(troubles, name)(*each)) for name, calls in CALLS.items() for each in calls]
    return [*made, Desktop(MACOS)._sentence(OSError("odd")), explanation("why", None)]


def test_every_function_is_called_here() -> None:
    found = {
        name
        for name, function in inspect.getmembers(troubles, inspect.isfunction)
        if function.__module__ == troubles.__name__ and not name.startswith("_")
    }
    assert found - {"blocked_by_rfkill"} == set(CALLS)


def test_a_platform_without_bluetooth(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "aix")
    with pytest.raises(ControllerLost, match="cannot be used on"):
        this_system()


@pytest.mark.parametrize("sentence", sentences())
def test_every_sentence_has_its_row(sentence: str) -> None:
    rows = [each for each in phrases() if each in sentence]
    assert len(rows) == 1, rows
