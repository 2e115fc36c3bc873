"""The addresses a radio can listen to: `tcp:HOST:PORT`, `unix:PATH`, `pty:LINK`.

Only the form is judged here; whether an address can be had shows when it is opened. An IPv6 host
is in brackets, since it has colons itself. `,address=00:11:22:33:44:55` behind an address names the
public address of the controller of the first host that comes there.

Hosts keep their bonds by that address, so it must be the same when the radio is started again. Were
it the number of the controller on the radio, it would depend on all other programs that have come
and gone. So each listener has its own range, from which a host takes the first one that is free.
"""

from __future__ import annotations

from typing import NamedTuple

from bleio.core.address import DeviceAddress, parse_address
from bleio.errors import CallerError

# Company 0xFFFF belongs to no company; behind it the listener and, from 0 on, its host.
_PUBLIC_PREFIX = bytes.fromhex("00fff1")
_NAMES_ADDRESS = ",address="
_FORMS = "tcp:HOST:PORT, unix:PATH or pty:LINK"


class ListenAddress(NamedTuple):
    """One parsed address; `path` is for unix and pty, `host` and `port` for tcp.

    `public_address` is that of the first host's controller, None where none was named.
    """

    scheme: str
    host: str = ""
    port: int = 0
    path: str = ""
    public_address: DeviceAddress | None = None

    def __str__(self) -> str:
        if self.scheme != "tcp":
            return f"{self.scheme}:{self.path}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"tcp:{host}:{self.port}"

    def first_public_address(self, number: int) -> DeviceAddress:
        """The public address of the first host's controller; `number`: of the listener, from 1."""
        if self.public_address is not None:
            return self.public_address
        return DeviceAddress((_PUBLIC_PREFIX + bytes((number, 0, 0)))[::-1])


def parse_listen_address(text: str) -> ListenAddress:
    """Parse an address to listen to.

    Raises: CallerError with a sentence.
    """
    place, names, public = text.partition(_NAMES_ADDRESS)
    address = _parse_place(place)
    if not names:
        return address
    try:
        return address._replace(public_address=DeviceAddress(parse_address(public)))
    except ValueError as error:
        raise CallerError(f"Cannot listen on {text!r}: {error}") from None


def _parse_place(text: str) -> ListenAddress:
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
