"""What is not to be read on a page that is pasted into a bug report.

Each text passes through here on its way to the page, whoever made it: keys, passkeys, addresses of
devices, passwords in URLs, and the user's name in paths. Nothing of bonds is ever read.
"""

from __future__ import annotations

import getpass
import re
from collections.abc import Mapping
from pathlib import Path

_ADDRESS = re.compile(r"\b(?:[0-9A-Fa-f]{2}[:_-]){5}[0-9A-Fa-f]{2}\b")
_HEX_KEY = re.compile(r"\b[0-9A-Fa-f]{32,}\b")
_BASE64_KEY = re.compile(r"(?<![\w+/])[A-Za-z0-9+/]{43}=")
_PASSKEY = re.compile(r"passkey:\S+")
_LOGIN = re.compile(r"//[^/@\s]+@")
_HOMES = re.compile(r"(/home/|/Users/|[A-Za-z]:\\Users\\)([^/\\\s:;'\"]+)")
_SECRET = re.compile(r"KEY|PASS|SECRET|TOKEN", re.IGNORECASE)
_SHORTEST_NAME = 3  # shorter ones are parts of words


class Hider:
    """Hides what is secret. Args: home, user: those of the user; looked up if not given."""

    def __init__(self, home: str | None = None, user: str | None = None) -> None:
        self._home = _home() if home is None else home
        user = _user() if user is None else user
        long_enough = len(user) >= _SHORTEST_NAME and user != "root"
        self._user = re.compile(rf"(?<![\w.-]){re.escape(user)}(?![\w-])") if long_enough else None

    def text(self, text: str) -> str:
        """Return a text without them."""
        if len(self._home) > 1:
            text = re.sub(rf"{re.escape(self._home)}(?=[/\\\s:;,'\")]|$)", "~", text)
        text = _HOMES.sub(r"\1(user)", text)
        if self._user is not None:
            text = self._user.sub("(user)", text)
        text = _ADDRESS.sub("(address)", text)
        text = _HEX_KEY.sub("(key)", text)
        text = _BASE64_KEY.sub("(key)", text)
        text = _PASSKEY.sub("passkey:(hidden)", text)
        return _LOGIN.sub("//(hidden)@", text)

    def setting(self, name: str, value: str, known: Mapping[str, object]) -> str:
        """Return a variable's value, or that it is hidden. One of an unknown name may be a
        secret that was meant for another."""
        switches = ("0", "1", "true", "false", "")
        if value.lower() in switches:
            return repr(value)
        if name not in known or _SECRET.search(name):
            return "(hidden)"
        return self.text(value)


def _home() -> str:
    try:
        return str(Path.home())
    except RuntimeError:
        return ""


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return ""
