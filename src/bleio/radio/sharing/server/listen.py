"""Opens the addresses a radio listens to; each connection gets a controller of its own.

An address that cannot be opened is the user's to correct, so every error of the system becomes a
sentence that says what to do. What a killed radio left behind, the file of a Unix socket, is
removed; but only when no program accepts connections on it, and never a file of another kind.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import stat
import sys
from functools import partial
from pathlib import Path
from typing import Protocol

from bleio.core.address import DeviceAddress
from bleio.errors import ControllerLost
from bleio.radio.sharing.server.address import ListenAddress
from bleio.radio.sharing.server.connection import HostConnection, ServedRadio


class OpenAddress(Protocol):
    """An address that the radio listens to."""

    addresses: list[str]  # with the port that was really taken

    def close(self) -> None:
        """Take no more connections and leave nothing behind."""


async def open_address(served: ServedRadio, address: ListenAddress, number: int) -> OpenAddress:
    """Listen to an address.

    Args: number: of the listener, from 1; it decides about the public addresses of its hosts.

    Raises: ControllerLost with a sentence.
    """
    public = address.first_public_address(number)
    try:
        match address.scheme:
            case "tcp":
                return await _open_tcp(served, address, public)
            case "unix":
                return await _open_unix(served, address, public)
            case _:
                return _open_pty(served, address, public)
    except OSError as error:
        raise _failed(address, _why(error)) from None


class _Sockets:
    """One or several listening sockets, and the file of a Unix socket."""

    def __init__(
        self, server: asyncio.Server, addresses: list[str], path: Path | None = None
    ) -> None:
        self.addresses = addresses
        self._server = server
        self._path = path

    def close(self) -> None:
        """Close the sockets and remove the file."""
        self._server.close()
        if self._path is not None:
            self._path.unlink(missing_ok=True)


async def _open_tcp(
    served: ServedRadio, address: ListenAddress, public: DeviceAddress
) -> OpenAddress:
    """Listen on all addresses of a host; asyncio sends each packet at once (TCP_NODELAY)."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        partial(_TcpConnection, served, str(address), public=public), address.host, address.port
    )
    bound = [listening.getsockname()[:2] for listening in server.sockets]
    return _Sockets(
        server, [str(ListenAddress("tcp", host=host, port=port)) for host, port in bound]
    )


class _TcpConnection(HostConnection):
    """Named after the peer's address."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        peer = transport.get_extra_info("peername")
        if peer:
            self.name = str(ListenAddress("tcp", host=peer[0], port=peer[1]))
        super().connection_made(transport)


async def _open_unix(
    served: ServedRadio, address: ListenAddress, public: DeviceAddress
) -> OpenAddress:
    if sys.platform == "win32":
        raise _failed(address, "Windows has no Unix sockets; listen on tcp:127.0.0.1:0 instead")
    path = Path(address.path).absolute()
    _remove_dead_socket(address, path)
    listening = socket.socket(socket.AF_UNIX)
    mask = os.umask(0o177)  # connecting is for this user alone
    try:
        listening.bind(str(path))
    except OSError as error:
        listening.close()
        if error.errno is None:  # too long, says the socket module, which has no number for it
            raise _failed(address, "the path is too long for a socket; use a shorter one") from None
        raise
    finally:
        os.umask(mask)
    loop = asyncio.get_running_loop()
    server = await loop.create_unix_server(
        partial(HostConnection, served, str(address), public=public), sock=listening
    )
    return _Sockets(server, [f"unix:{path}"], path)


def _remove_dead_socket(address: ListenAddress, path: Path) -> None:
    """Remove a socket to which no program listens any more, as a killed radio leaves it."""
    try:
        kind = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(kind):
        raise _failed(address, "there is something else of that name; remove it or use another")
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
            return
    raise _failed(address, _IN_USE)


def _open_pty(served: ServedRadio, address: ListenAddress, public: DeviceAddress) -> OpenAddress:
    if sys.platform == "win32":
        raise _failed(address, "Windows has no pseudo terminals; listen on tcp:127.0.0.1:0 instead")
    from bleio.radio.sharing.server.pty import PtyListener

    protocol = partial(HostConnection, served, str(address), serial=True, public=public)
    return PtyListener(protocol, Path(address.path).absolute())


def _failed(address: ListenAddress, why: str) -> ControllerLost:
    return ControllerLost(f"Cannot listen on {address}: {why}.")


def _why(error: OSError) -> str:
    """Say what is wrong and what to do about it."""
    if isinstance(error, socket.gaierror):
        return "no host of that name is known; correct it or use an IP address of this machine"
    if error.errno is None and "could not bind" in str(error):
        return _BY_ERRNO[errno.EADDRNOTAVAIL]  # asyncio from Python 3.12 on skips such addresses
    # asyncio words other errors of bind itself, without strerror.
    return _BY_ERRNO.get(error.errno or 0) or f"{error.strerror or error}; use another address"


_IN_USE = "another program listens there; end it or use another address"

_BY_ERRNO = {
    errno.EADDRINUSE: _IN_USE,
    errno.EADDRNOTAVAIL: "this machine has no such address; use one of its own or 127.0.0.1",
    errno.EACCES: "this user may not do that; use a port above 1023 or a folder of your own",
    errno.EPERM: "this user may not do that; use a port above 1023 or a folder of your own",
    errno.EROFS: "the folder cannot be written; use one of your own",
    errno.ENOENT: "there is no such folder; make it or use another",
    errno.ENOTDIR: "there is no such folder; make it or use another",
    errno.EEXIST: "there is something of that name; remove it or use another",
}
