"""The pictures of the README are those that tools/pictures.py makes, and it draws what is seen."""

from __future__ import annotations

import re
import runpy
import sys
from pathlib import Path

import pytest

from support.terminal import Terminal

ROOT = Path(__file__).parents[2]
TOOL = runpy.run_path(str(ROOT / "tools" / "pictures.py"))
COLOURS = (
    r"print('\x1b[1;32m+\x1b[0m <plain> \x1b[38;2;18;52;86mdeep\x1b[0m \x1b[33m-68\x1b[0m');"
    "input()"
)


OF_THE_PAGE = "docs/pictures/page-"  # which tools/page_pictures.py makes


def test_each_picture_is_made_by_the_tool() -> None:
    page = (ROOT / "README.md").read_text("utf-8")
    shown = re.findall(r"!\[[^\]]+\]\((docs/pictures/[^)]+)\)", page)
    assert shown
    there = {path.relative_to(ROOT).as_posix() for path in (ROOT / "docs/pictures").iterdir()}
    assert set(shown) <= there
    made = {f"docs/pictures/{name}.png" for name in TOOL["PICTURES"]}
    assert {path for path in there if not path.startswith(OF_THE_PAGE)} == made
    for path in there:
        assert (ROOT / path).read_bytes().startswith(b"\x89PNG")


def test_a_terminal_is_drawn_with_its_colours(tmp_path: Path) -> None:
    command = [sys.executable, "-c", COLOURS]
    with Terminal(command, tmp_path, size=(40, 4)) as terminal:
        terminal.expect_picture(lambda lines: "-68" in lines[0], "the text")
        text = TOOL["coloured"](terminal, 1)
    assert text.plain.rstrip() == "+ <plain> deep -68"
    styles = {text.plain[each.start : each.end]: str(each.style) for each in text.spans}
    assert styles["+"] == "green bold"
    assert styles["d"] == "#123456"
    assert styles["8"] == "yellow"


@pytest.mark.parametrize("name", ["scales", "lamp"])
def test_what_others_advertise_has_whole_structures(name: str) -> None:
    octets = eval(re.search(r'(b".*?")', TOOL["OTHERS"][name])[1])  # type: ignore[index]
    while octets:
        length = octets[0]
        assert len(octets) > length
        octets = octets[length + 1 :]
