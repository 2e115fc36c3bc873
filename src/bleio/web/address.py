"""Where a page is to listen, as typed: HOST:PORT, HOST, PORT, [IPV6]:PORT, or nothing."""

from __future__ import annotations

import ipaddress
import re
from typing import NamedTuple

DEFAULT_HOST = "127.0.0.1"
_TYPED = re.compile(
    r"(?:(?P<host>\[[^\[\]]+\]|[^:\[\]]*):)?(?P<port>\d{1,5})|(?P<alone>\[[^\[\]]+\]|[^\s/\[\]]+)"
)
_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?")


class PageAddress(NamedTuple):
    """Where to listen. Port 0 takes any that is free."""

    host: str = DEFAULT_HOST
    port: int = 0

    @property
    def is_loopback(self) -> bool:
        """Whether nobody can connect but this machine."""
        if self.host.lower() == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def url(self, port: int, token: str) -> str:
        """Return what to type into a browser."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{port}/?token={token}"


def parse_page_address(text: str) -> PageAddress:
    """Read an address. Raises: ValueError with a sentence."""
    if not text:
        return PageAddress()
    match = _TYPED.fullmatch(text)
    if match is None:
        raise _wrong(text)
    host = (match["host"] if match["port"] else match["alone"]) or DEFAULT_HOST
    host, port = _unwrapped(host, text), int(match["port"] or 0)
    if port > 65535:
        raise ValueError(f"{text!r} has a port above 65535; use another, or 0 for any that is free")
    return PageAddress(host, port)


def _unwrapped(host: str, text: str) -> str:
    try:
        return str(ipaddress.ip_address(host.strip("[]")))
    except ValueError:
        if _NAME.fullmatch(host):
            return host
        raise _wrong(text) from None


def _wrong(text: str) -> ValueError:
    return ValueError(f"{text!r} is no place for a page; use HOST:PORT, such as 127.0.0.1:8080")
