"""Which program this is, in words that its user would know it by."""

from __future__ import annotations

import os
import sys

from bleio.radio.sharing.hello import Member

_MODULE = "__main__.py"


def this_program() -> Member:
    """Return this process and its program, such as `beacon.py --fast`, or `-m beacon`."""
    return Member(os.getpid(), " ".join(each for each in _command() if each.strip()))


def _command() -> list[str]:
    first, *rest = sys.argv or [""]
    if first in ("", "-c"):
        return [os.path.basename(sys.executable) or "python", *([first] if first else [])]
    if os.path.basename(first) == _MODULE:  # of a package
        return [os.path.basename(os.path.dirname(first)), *rest]
    return [os.path.basename(first), *rest]
