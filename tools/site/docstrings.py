"""What docstrings say of arguments, as lists and paragraphs. An extension of griffe, for the API
reference.

Ours have `Args: name: text. other: text.`, or a line for each below `Args:`, and `Returns: ...`,
`Raises: ...` and `Thread: ...` at the beginnings of lines, which Markdown would run together.
"""

from __future__ import annotations

import re
from typing import Any

import griffe

_PART = re.compile(
    r"^(Args|Attributes|Returns|Yields|Raises|Thread):\s"  # and what it says, up to the next one
    r"(.*?)(?=^(?:Args|Attributes|Returns|Yields|Raises|Thread):\s|\n\n|\Z)",
    re.MULTILINE | re.DOTALL,
)
_LISTS = ("Args", "Attributes")
_NAMES = re.compile(r"(?:^|(?<=[.;] ))([a-z_]\w*(?:, [a-z_]\w*)*): ")  # no sentence begins so


class Parts(griffe.Extension):
    """Begins a paragraph where a docstring begins to speak of something else."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        if obj.docstring:
            obj.docstring.value = parted(obj.docstring.value)


def parted(docstring: str) -> str:
    """Return it as Markdown."""
    return _PART.sub(lambda part: f"\n{_paragraph(part[1], part[2])}\n\n", docstring).strip()


def _paragraph(name: str, text: str) -> str:
    text = " ".join(text.split())
    before, *items = _NAMES.split(text) if name in _LISTS else [text]
    lines = [f"**{name}:** {before}".rstrip()]
    if items:
        lines.append("")
    for names, said in zip(items[::2], items[1::2], strict=True):
        shown = ", ".join(f"`{each}`" for each in names.split(", "))
        lines.append(f"- {shown}: {said.strip()}")
    return "\n".join(lines)
