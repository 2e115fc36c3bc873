"""A page is put together of its parts: one file without anything that has to be fetched."""

from __future__ import annotations

import json
import re
from importlib import resources

_PART = re.compile(r"^/\*PART ([\w.]+)\*/\n", re.MULTILINE)


def joined(name: str) -> str:
    """Return a page with the parts that it names, each in place of the line that does."""
    return _PART.sub(lambda match: read(match[1]), read(f"{name}.html"))


def read(name: str) -> str:
    """Return the text of one part."""
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


def as_script(data: object) -> str:
    """Return JSON that no text of a program can end before its time."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").encode("utf-8", "replace").decode()
