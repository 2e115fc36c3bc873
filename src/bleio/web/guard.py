"""Who may have the page: whoever knows the token, by a browser that was not led here.

The page listens on this machine, where every user and every web site that a browser shows can try
to connect. Three checks keep them out, each against something else:

- The token is in the address that the command prints. Other users of the machine do not know it.
- Host must be this machine by an IP address, by `localhost`, or by the name that was typed. A site
  whose name is made to lead to 127.0.0.1 (DNS rebinding) comes with its own name there.
- Origin, where there is one, must be the page itself. Browsers let any page open a WebSocket
  anywhere, and say with this header which page it is.

The same checks are for the page and for its stream. A refusal does not say which of them failed.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import ipaddress
import re
import secrets
from collections.abc import Sequence
from urllib.parse import parse_qs, urlsplit

_TOKEN_OCTETS = 16
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::(\d{1,5}))?")
_INLINE = re.compile(r"<(script|style)>(.*?)</\1>", re.DOTALL)


def new_token() -> str:
    """Return what nobody can guess."""
    return secrets.token_urlsafe(_TOKEN_OCTETS)


class Guard:
    """Checks requests.

    Args: typed_host: where the user wants the page to be; browsers may name it so.
    """

    def __init__(self, token: str, typed_host: str) -> None:
        self._token = token.encode()
        self._names = {"localhost", typed_host.lower()}

    def lets_in(self, path: str, hosts: Sequence[str], origins: Sequence[str]) -> bool:
        """Whether a request may have what it asks for.

        Args: path: with its query. hosts, origins: all headers of these names.
        """
        if len(hosts) != 1 or len(origins) > 1 or not self._is_here(hosts[0]):
            return False
        if origins and origins[0].lower() != f"http://{hosts[0].lower()}":
            return False
        try:
            tokens = parse_qs(urlsplit(path).query, max_num_fields=8).get("token", [])
        except ValueError:
            return False
        given = tokens[0] if len(tokens) == 1 else ""
        return hmac.compare_digest(given.encode("utf-8", "replace"), self._token)

    def _is_here(self, host: str) -> bool:
        match = _HOST.fullmatch(host)
        if match is None:
            return False
        name = match[1].lower()
        if name.strip("[]") in self._names:
            return True
        try:
            ipaddress.ip_address(name.strip("[]"))
        except ValueError:
            return False
        return True


def headers_for(page: str, host: str) -> dict[str, str]:
    """Return what browsers are told about a page: that it is all there is, and nobody else's.

    Its own script and style are named by their hashes, so that no text that gets into the page by
    whatever mistake is ever run.

    Args: host: under which it was asked for, let in before.
    """
    allowed: dict[str, list[str]] = {"script": [], "style": []}
    for kind, text in _INLINE.findall(page):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        allowed[kind].append(f"'sha256-{digest}'")
    policy = (
        "default-src 'none'",
        f"script-src {' '.join(allowed['script']) or chr(39) + 'none' + chr(39)}",
        f"style-src {' '.join(allowed['style']) or chr(39) + 'none' + chr(39)}",
        f"connect-src 'self'{_stream_of(host)}",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
    return {
        "Content-Security-Policy": "; ".join(policy),
        "Cache-Control": "no-store",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
    }


def _stream_of(host: str) -> str:
    """Return how a policy names the stream: some browsers take 'self' for HTTP alone.

    Policies have no words for IPv6.
    """
    return "" if host.startswith("[") else f" ws://{host}"
