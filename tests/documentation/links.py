"""Links of the documentation, and what they lead to."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass

from markdown_it import MarkdownIt
from markdown_it.token import Token

from documentation.pages import ROOT


@dataclass(frozen=True)
class Link:
    """A link or a picture of a page."""

    page: str
    line: int
    target: str

    @property
    def place(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def is_outside(self) -> bool:
        return re.match(r"[a-z]+:", self.target) is not None


def _tokens(text: str) -> list[Token]:
    return MarkdownIt("commonmark", {"html": True}).enable("table").parse(text)


def links(page: str, text: str) -> Iterator[Link]:
    for token in _tokens(text):
        line = (token.map or [0])[0] + 1
        for child in token.children or ():
            target = child.attrGet("href") or child.attrGet("src")
            if target:
                yield Link(page, line, str(target))
        if token.type in ("html_block", "inline"):
            for target in re.findall(
                r"<(?:a|img|source)\b[^>]*?(?:href|src|srcset)=\"([^\"]+)\"", token.content
            ):
                yield Link(page, line, target)


def anchors(text: str) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    found: set[str] = set()
    tokens = _tokens(text)
    for token, inline in itertools.pairwise(tokens):
        if token.type == "heading_open":
            said = "".join(_.content for _ in inline.children or () if _.type != "html_inline")
            slug = re.sub(r"[^\w\- ]", "", said.lower()).replace(" ", "-")
            number = 0
            while (name := f"{slug}-{number}" if number else slug) in found:
                number += 1
            found.add(name)
    found |= set(re.findall(r"<a (?:id|name)=\"([^\"]+)\"", text))
    # Names of the API reference, which mkdocstrings makes; the strict build checks these.
    found |= set(re.findall(r"^::: (\S+)", text, re.MULTILINE))
    return found


def dead(link: Link) -> str:
    """What is wrong with a link within the project; "" if nothing is."""
    path, _, anchor = link.target.partition("#")
    file = (ROOT / link.page).parent / path if path else ROOT / link.page
    if not file.exists():
        return f"{link.place}: {path} is not there"
    if ROOT not in file.resolve().parents and file.resolve() != ROOT:
        return f"{link.place}: {path} is outside of the project"
    if anchor and file.suffix == ".md" and anchor not in anchors(file.read_text("utf-8")):
        return f"{link.place}: {path or link.page} has no heading #{anchor}"
    return ""
