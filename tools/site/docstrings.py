"""What docstrings say of arguments, as paragraphs. An extension of griffe, for the API reference.

Ours have `Args: name: text. other: text.`, `Returns: ...`, `Raises: ...` and `Thread: ...` at
the beginnings of lines, which Markdown would run together.
"""

from __future__ import annotations

import re
from typing import Any

import griffe

_PART = re.compile(r"^(Args|Attributes|Returns|Yields|Raises|Thread): ", re.MULTILINE)


class Parts(griffe.Extension):
    """Begins a paragraph where a docstring begins to speak of something else."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        if obj.docstring:
            obj.docstring.value = _PART.sub(r"\n**\1:** ", obj.docstring.value)
