"""Python blocks: programs, tests, and programs of a world."""

from __future__ import annotations

import re
import shlex

from documentation.pages import BadPage, Block

_TEST = re.compile(r"^(?:async )?(?:def test_|class Test)", re.MULTILINE)

# What runs a program in a world. Its exit status is 1 if a device fails.
IN_A_WORLD = """\
import sys
from bleio.testing import World

program, *others = sys.argv[1:]
with World(seed=1) as world:
    for other in others:
        world.add(other)
    device = world.add(program)
    world.run(until=lambda: not device.running, within_s=3600)
    print(device.text, end="")
"""


def is_test(text: str) -> bool:
    return bool(_TEST.search(text))


def whole(block: Block, before: list[Block]) -> str:
    """The block's text below those that it continues, each in its lines of the page: a traceback
    has the page's numbers."""
    blocks = [block]
    for earlier in reversed(before):
        if "continues" not in blocks[0].marks:
            break
        blocks.insert(0, earlier)
    if "continues" in blocks[0].marks:
        raise BadPage(f"{block.place}: there is nothing before it that it continues")
    lines: list[str] = []
    for each in blocks:
        lines += [""] * (each.line - len(lines)) + each.text.rstrip("\n").split("\n")
    return "\n".join(lines) + "\n"


def file_of(block: Block) -> str:
    """What the block is saved as to be run."""
    if block.file:
        return block.file
    kind = "test" if is_test(block.text) else "program"
    return f"{kind}_of_line_{block.line}.py"


def command_of(block: Block) -> str:
    """What runs it."""
    name = shlex.quote(file_of(block))
    if is_test(block.text):
        return f"python -m pytest -q -p no:cacheprovider {name}"
    if "world" in block.marks:
        return f"python -c {shlex.quote(IN_A_WORLD)} {name} {block.marks['world']}"
    return f"python {name}"
