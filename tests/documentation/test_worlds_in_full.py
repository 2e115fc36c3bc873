"""docs/worlds-in-full.md has every argument, with its default."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any

import pytest

from bleio.testing import Limits, Propagation, World
from documentation.pages import ROOT

TEXT = (ROOT / "docs" / "worlds-in-full.md").read_text("utf-8")


def rows(heading: str) -> list[list[str]]:
    section = TEXT.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    found = re.findall(r"^\| (`.*) \|$", section, re.MULTILINE)
    return [[cell.strip() for cell in row.split("|")] for row in found]


def described(call: Callable[..., Any]) -> dict[str, str]:
    """The arguments with their defaults, as a page has them."""
    return {
        parameter.name: "" if parameter.default is parameter.empty else f"`{parameter.default!r}`"
        for parameter in inspect.signature(call).parameters.values()
        if parameter.name != "self" and parameter.kind is not parameter.VAR_POSITIONAL
    }


@pytest.mark.parametrize(
    ("heading", "call"),
    [
        ("World", World),
        ("World.add", World.add),
        ("Propagation", Propagation),
        ("Limits", Limits),
    ],
)
def test_every_argument_has_a_row_with_its_default(heading: str, call: Any) -> None:
    expected = described(call)
    if "limits" in expected:
        assert expected["limits"] == f"`{Limits()!r}`"
        expected["limits"] = "no limits"
    assert {name.strip("`"): default for name, default, *_ in rows(heading)} == expected


def test_every_argument_of_what_happens_has_a_row() -> None:
    calls: dict[str, dict[str, str]] = {}
    for call, name, default, _ in rows("World.run, World.run_for, World.inject"):
        calls.setdefault(call.strip("`"), {})[name.strip("`")] = default
    assert calls == {
        name: described(getattr(World, name))
        for name in ("run", "run_for", "inject", "jam", "wifi")
    }
