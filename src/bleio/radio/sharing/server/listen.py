"""Opens the addresses a radio listens to; each connection gets a controller of its own.

An address that cannot be opened is the user's to correct, so every error of the system becomes a
sentence that says what to do. What a killed radio left behind, the file of a Unix socket, is
removed; but only this user's, when no program listens there, and never a file of another kind.
"""

from __future__ import annotations

import asyncio
import contextlib
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
from bleio.radio.sharing.place import SocketFile
from bleio.radio.sharing.server.address import ListenAddress
from bleio.radio.sharing.server.claim import Claim
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


class _Tcp:
    """Listening TCP sockets."""

    def __init__(self, server: asyncio.Server, addresses: list[str]) -> None:
        self.addresses = addresses
        self.close = server.close


async def _open_tcp(
    served: ServedRadio, address: ListenAddress, public: DeviceAddress
) -> OpenAddress:
    """Listen on all addresses of a host; asyncio sends each packet at once (TCP_NODELAY)."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        partial(_TcpConnection, served, str(address), public=public), address.host, address.port
    )
    bound = [listening.getsockname()[:2] for listening in server.sockets]
    return _Tcp(server, [str(ListenAddress("tcp", host=host, port=port)) for host, port in bound])


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
    with contextlib.ExitStack() as on_error:
        claim = Claim(path)
        on_error.callback(claim.release)
        _remove_dead_socket(address, path)
        listening = on_error.enter_context(_bound(address, path))
        file = SocketFile(path)
        on_error.callback(file.remove)
        server = await asyncio.get_running_loop().create_unix_server(
            partial(HostConnection, served, str(address), public=public), sock=listening
        )
        on_error.pop_all()
    return _Unix(path, server, file, claim)


class _Unix:
    """A listening Unix socket."""

    def __init__(self, path: Path, server: asyncio.Server, file: SocketFile, claim: Claim) -> None:
        self.addresses = [f"unix:{path}"]
        self._server = server
        self._file = file
        self._claim = claim

    def close(self) -> None:
        """Remove the file while the socket still listens, so that none takes it for a dead one.

        Raises: OSError if the file cannot be removed; all else is closed then.
        """
        try:
            self._file.remove()
        finally:
            self._server.close()
            self._claim.release()


def _bound(address: ListenAddress, path: Path) -> socket.socket:
    """Make a socket of this name; connecting to it is for this user alone."""
    listening = socket.socket(socket.AF_UNIX)
    mask = os.umask(0o177)
    try:
        listening.bind(str(path))
    except OSError as error:
        listening.close()
        if error.errno is None:  # too long, says the socket module, which has no number for it
            raise _failed(address, "the path is too long for a socket; use a shorter one") from None
        raise
    finally:
        os.umask(mask)
    return listening


def _remove_dead_socket(address: ListenAddress, path: Path) -> None:
    """Remove a socket to which no program listens any more, as a killed radio leaves it."""
    try:
        status = path.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(status.st_mode):
        raise _failed(address, "there is something else of that name; remove it or use another")
    if status.st_uid != os.geteuid():
        raise _failed(address, "another user has a socket of that name; use another")
    with socket.socket(socket.AF_UNIX) as probe:
        # A program that takes no connections, and has as many waiting as it wants, is alive: to
        # wait for it would be to wait for ever. Linux says EAGAIN then.
        probe.setblocking(False)
        if probe.connect_ex(str(path)) not in (errno.ECONNREFUSED, errno.ENOENT):
            raise _failed(address, _IN_USE)
    path.unlink(missing_ok=True)


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
