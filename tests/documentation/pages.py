"""Which files are documentation, and their code blocks with the marks that stand before these."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).parents[2]
# What belongs to the workplace of whoever develops, or is data of tests.
NOT_DOCUMENTATION = (".venv", ".tools", "tests/catalogue", "tests/fuzz/corpus", "tests/vectors")
NOT_OURS = {".venv", ".tools", "node_modules", ".pytest_cache", "site", "build", "dist"}

MARKS = {
    "background",
    "continues",
    "ctrl-c",
    "env",
    "exit",
    "fails",
    "file",
    "input",
    "needs",
    "prints",
    "shown",
    "skip",
    "terminal",
    "with",
    "world",
}
_MARK = re.compile(r"<!--\s*([a-z-]+)(?:\s*:\s*(.*?))?\s*-->", re.DOTALL)
_NAME_AT_THE_END = re.compile(r"`([\w./-]+\.\w+)`:?\s*$")


class BadPage(Exception):
    """A page that does not keep to the convention."""


@dataclass
class Block:
    """A code block. marks: what the comments before it say; file: the name under which it is
    saved, if it is."""

    page: str
    line: int
    language: str
    text: str
    marks: dict[str, str] = field(default_factory=dict)
    file: str = ""

    @property
    def place(self) -> str:
        return f"{self.page}:{self.line}"


def pages() -> list[str]:
    """The Markdown files of the project, those that are not committed yet too."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    ).stdout.split("\n")  # fmt: skip
    names = [name for name in listed if name and (ROOT / name).exists()]
    if not names:  # no clone, or one that git does not trust
        found = (path.relative_to(ROOT) for path in ROOT.rglob("*.md"))
        names = [path.as_posix() for path in found if not NOT_OURS.intersection(path.parts)]
    return sorted({name for name in names if not name.startswith(NOT_DOCUMENTATION)})


def blocks_of(page: str) -> list[Block]:
    return list(blocks(page, (ROOT / page).read_text("utf-8")))


def blocks(page: str, text: str) -> Iterator[Block]:
    """The code blocks of a page's text, also of those within lists."""
    before: list[Token] = []  # what stands between the last code block and here
    for token in MarkdownIt("commonmark").parse(text):
        if token.type in ("fence", "code_block"):
            assert token.map is not None
            yield _block(page, token, before)
            before = []
        elif token.content:
            before.append(token)


def _block(page: str, token: Token, before: list[Token]) -> Block:
    line = (token.map or [0])[0] + 1
    if token.type == "code_block":
        raise BadPage(f"{page}:{line}: an indented block has no language; fence it with ```")
    language = token.info.strip()
    if not language:
        raise BadPage(f"{page}:{line}: a block without a language: ```python, ```console, ```text")
    marks = _marks(f"{page}:{line}", before)
    file = marks.get("file") or _named(before)
    return Block(page, line, language, token.content, marks, file)


def _marks(place: str, before: list[Token]) -> dict[str, str]:
    """The marks in the comments directly before a block."""
    marks: dict[str, str] = {}
    for token in reversed(before):
        if token.type != "html_block":
            break
        for name, value in _MARK.findall(token.content):
            if name not in MARKS:
                raise BadPage(f"{place}: there is no mark {name!r}: {', '.join(sorted(MARKS))}")
            marks[name] = " ".join(value.split())
    return marks


def _named(before: list[Token]) -> str:
    """The file that the paragraph before the block names at its end: "Save this as `it.py`:"."""
    for token in reversed(before):
        if token.type != "html_block":
            found = _NAME_AT_THE_END.search(token.content)
            return found[1] if found else ""
    return ""
