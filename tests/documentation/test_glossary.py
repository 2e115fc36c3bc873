"""Names of CircuitPython in docs/glossary.md are there."""

from __future__ import annotations

import re

import _bleio
import pytest

from documentation.pages import ROOT

TEXT = (ROOT / "docs" / "glossary.md").read_text("utf-8")


@pytest.mark.parametrize("name", ["Address", "Attribute", "Characteristic"])
def test_constants_are_there(name: str) -> None:
    found = set(re.findall(rf"`{name}\.([A-Z_]+)`", TEXT))
    assert found
    assert all(hasattr(getattr(_bleio, name), constant) for constant in found)


def test_sections_have_a_volume_and_a_part() -> None:
    for row in re.findall(r"^\| (?!word|-)(.+) \|$", TEXT, re.MULTILINE):
        cells = [cell.strip() for cell in row.split(" | ")]
        if len(cells) == 4:
            assert re.fullmatch(r"Vol \d(, Part [A-H](, [\d.]+( (and|to) [\d.]+)?)?)?", cells[2]), (
                row
            )


def test_members_are_there() -> None:
    for owner, member in re.findall(r"`(adapter|connection|characteristic)\.(\w+)", TEXT):
        assert hasattr(getattr(_bleio, owner.capitalize()), member), f"{owner}.{member}"
