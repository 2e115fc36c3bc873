"""docs/first-evening.md is what a new user sees: it is lived through once more, and compared."""

from __future__ import annotations

import difflib
import runpy
from pathlib import Path
from typing import Any

import pytest

from support.evening import normal

ROOT = Path(__file__).parents[2]
TOOL: dict[str, Any] = runpy.run_path(str(ROOT / "tools" / "first_evening.py"))


@pytest.mark.interop
@pytest.mark.slow
def test_the_page_is_what_is_shown() -> None:
    said, shown = TOOL["PAGE"].read_text("utf-8"), TOOL["page"]()
    differs = difflib.unified_diff(normal(said), normal(shown), "the page", "is shown", lineterm="")
    assert "\n".join(differs) == "", "tools/first_evening.py --write writes it anew"


def test_two_devices_may_be_heard_in_either_order() -> None:
    lines = [
        '   0.250 s  + c0:55:66:77:88:99 static     -60 dBm  connectable  "Pulse"',
        '   0.261 s  + c0:11:22:33:44:55 static     -61 dBm  connectable  "Pulse"',
    ]
    assert normal("\n".join(lines)) == normal("\n".join(reversed(lines)))
    assert normal(lines[0]) != normal(lines[1])
