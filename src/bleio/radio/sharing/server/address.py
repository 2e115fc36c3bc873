"""The addresses a radio can listen to: `tcp:HOST:PORT`, `unix:PATH`, `pty:LINK`.

Only the form is judged here; whether an address can be had shows when it is opened. An IPv6 host
is in brackets, since it has colons itself.
"""

from __future__ import annotations

from typing import NamedTuple

from bleio.errors import CallerError

_FORMS = "tcp:HOST:PORT, unix:PATH or pty:LINK"


class ListenAddress(NamedTuple):
    """One parsed address; `path` is for unix and pty, `host` and `port` for tcp."""

    scheme: str
    host: str = ""
    port: int = 0
    path: str = ""

    def __str__(self) -> str:
        if self.scheme != "tcp":
            return f"{self.scheme}:{self.path}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"tcp:{host}:{self.port}"


def parse_listen_address(text: str) -> ListenAddress:
    """Parse an address to listen to.

    Raises: CallerError with a sentence.
    """
    scheme, _, rest = text.partition(":")
    if scheme in ("unix", "pty"):
        if not rest or "\0" in rest:
            raise CallerError(
                f"Cannot listen on {text!r}: the path is missing; write {scheme}:PATH"
            )
        return ListenAddress(scheme, path=rest)
    if scheme != "tcp":
        raise CallerError(f"Cannot listen on {text!r}: no such kind of address; write {_FORMS}")
    host, _, port = rest.rpartition(":")
    host = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if not host:
        raise CallerError(
            f"Cannot listen on {text!r}: the host or port is missing; write tcp:HOST:PORT, "
            "for example tcp:127.0.0.1:6402"
        )
    if not (port.isascii() and port.isdigit()) or int(port) > 65535:
        raise CallerError(
            f"Cannot listen on {text!r}: the port must be a number up to 65535, or 0 for any"
        )
    return ListenAddress(scheme, host=host, port=int(port))
