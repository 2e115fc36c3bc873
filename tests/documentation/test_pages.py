"""Every code block of the documentation works as it stands there. README.md has the convention."""

from __future__ import annotations

import pytest

from documentation import checking
from documentation.pages import BadPage, Block, blocks_of, pages
from documentation.playing import play


def _skipped() -> list[Block]:
    found = []
    for page in pages():
        try:
            found += [block for block in blocks_of(page) if "skip" in block.marks]
        except BadPage:  # of which the test of the page tells
            continue
    return found


@pytest.mark.interop
@pytest.mark.slow
@pytest.mark.parametrize("page", pages())
def test_every_block_of_a_page(page: str) -> None:
    failures = play(blocks_of(page))
    assert not failures, "\n\n".join(["", *failures])


@pytest.mark.parametrize("block", _skipped(), ids=lambda block: block.place)
def test_what_cannot_be_run_here(block: Block) -> None:
    assert block.marks["skip"], "the mark needs a reason"
    assert checking.problem_of(block) == ""
    pytest.skip(f"{block.place}: {block.marks['skip']}")
