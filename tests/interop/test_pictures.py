"""The picture of `bleio scan` can be made anew, and shows what it should."""

from __future__ import annotations

import runpy
import struct
from pathlib import Path

import pytest

from support.browser import chromium

pytestmark = [pytest.mark.interop, pytest.mark.slow]

TOOL = Path(__file__).parents[2] / "tools" / "pictures.py"


def test_the_picture_of_a_scan(tmp_path: Path) -> None:
    chromium()  # skips the test where there is none
    tool = runpy.run_path(str(TOOL))
    scan, texts = tool["scan"], []

    def drawn(text, *arguments):  # type: ignore[no-untyped-def]
        texts.append(text.plain)
        tool["drawn"](text, *arguments)

    scan.__globals__["drawn"] = drawn
    scan(tmp_path, tmp_path / "scan.png")
    (text,) = texts
    for name in ("Pulse", "Bluetooth keyboard", "Lamp", "Bathroom scales", "Heart Rate", "-74"):
        assert name in text
    octets = (tmp_path / "scan.png").read_bytes()
    width, height = struct.unpack_from(">II", octets, 16)
    assert (width, height) == (1240, 44 + round(22.4 * len(text.splitlines())))
    assert len(octets) > 30_000, "something is drawn"
