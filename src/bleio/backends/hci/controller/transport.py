"""Ways to a controller: bumble's transports, and the door to the simulated radio.

Each failure to open becomes one sentence, see `troubles`. Four things are done in bumble's place.
What comes by a line is cut into packets by `h4`, for bumble drops all that it has read behind an
octet that begins no packet. Opening is bounded, for some transports wait for ever for a peer that
never comes. And an HCI socket is read here: bumble's reader does not notice when the adapter is
unplugged and would spin, and one that reads all there is keeps the loop from other work. Device
files are opened by `device`, for asyncio's pipes fail too late at what is no device, and so are
terminals, with their links.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import importlib
import logging
import os
import socket
import stat
import sys
from collections.abc import Awaitable, Callable
from typing import Any

from bleio.backends.hci.controller import troubles
from bleio.backends.hci.controller.device import DevicePort, TerminalPort, open_device
from bleio.backends.hci.controller.h4 import H4Parser
from bleio.backends.hci.controller.port import OnLost, OnPacket, Port
from bleio.backends.hci.counters import HciCounters
from bleio.errors import ControllerLost

_log = logging.getLogger(__name__)

OPEN_TIMEOUT_S = 10.0
_CLOSE_S = 1.0
_READS_AT_ONCE = 64  # packets from an HCI socket before the loop goes on


async def open_port(name: str, on_packet: OnPacket, on_lost: OnLost, counters: HciCounters) -> Port:
    """Open `virtual`, `virtual:NAME` or one of bumble's transports by its name.

    Raises: ControllerLost with a sentence.
    """
    scheme, _, parameters = name.partition(":")
    if scheme == "virtual":
        open_virtual = await asyncio.to_thread(_load_virtual)
        return await open_virtual(parameters, on_packet, on_lost)
    try:
        if sys.platform != "win32" and scheme == "file":
            return DevicePort(open_device(parameters), on_packet, on_lost, counters)
        if sys.platform != "win32" and scheme == "pty":
            return TerminalPort(parameters, on_packet, on_lost, counters)
        if sys.platform != "win32" and scheme == "vhci":  # which bumble opens as a pipe, too
            os.close(open_device(parameters or "/dev/vhci"))
        if sys.platform != "win32" and scheme == "unix-server":
            await asyncio.to_thread(_check_free, parameters)
        open_transport = await asyncio.to_thread(_load_bumble, scheme)
        opened = await asyncio.wait_for(open_transport(name), OPEN_TIMEOUT_S)
    except asyncio.CancelledError:
        raise
    except Exception as error:
        raise ControllerLost(troubles.sentence(name, error)) from None
    return _BumblePort(opened, on_packet, on_lost, counters)


# What is loaded only when it is wanted is loaded in a thread: other links stand still meanwhile.


def _load_virtual() -> Callable[[str, OnPacket, OnLost], Awaitable[Port]]:
    """Programs on real controllers do not load the simulated radio."""
    from bleio.backends.hci.controller.virtual import open_virtual

    return open_virtual


def _load_bumble(scheme: str) -> Any:
    """Programs on the simulated radio load none of bumble's transports."""
    from bumble.transport import open_transport

    with contextlib.suppress(ImportError):  # which says more when it is opened
        importlib.import_module(f"bumble.transport.{scheme.replace('-', '_')}")
    return open_transport


def _check_free(path: str) -> None:
    """Raise OSError if anything but a dead socket has this name.

    asyncio removes a socket of the name in which it is to listen, also one where a program listens.
    """
    try:
        kind = os.lstat(path).st_mode
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX) as probe:
        probe.setblocking(False)  # what takes no connections is alive too
        if not stat.S_ISSOCK(kind) or probe.connect_ex(path) != errno.ECONNREFUSED:
            raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))


class _BumblePort:
    """A transport of bumble's.

    It is the sink of the transport's packets itself (`on_packet`), so nothing lies between.
    """

    def __init__(
        self, opened: Any, on_packet: OnPacket, on_lost: OnLost, counters: HciCounters
    ) -> None:
        from bumble.transport.common import StreamPacketSink

        self.metadata: dict[str, Any] = dict(getattr(opened.source, "metadata", {}))
        self.on_packet = on_packet
        self._opened = opened
        self._on_lost = on_lost
        self._closed = False
        self._line = isinstance(opened.sink, StreamPacketSink)  # octets in a row
        self._outgoing: list[bytes] = []  # of this turn of the loop
        self._loop = asyncio.get_running_loop()
        self._parser = H4Parser(self, counters)
        opened.source.set_packet_sink(self)
        if hasattr(opened.source, "parser"):
            opened.source.parser = self._parser
        opened.source.terminated.add_done_callback(self._terminated)
        if hasattr(opened, "socket"):
            _read_hci_socket(opened)

    def send(self, packet: bytes) -> None:
        """Send one packet; on a line, together with others of the same turn of the loop.

        To give each to the operating system by itself costs more than all else that is done for it.
        """
        if not self._line:
            self._opened.sink.on_packet(packet)
            return
        if not self._outgoing:
            self._loop.call_soon(self._flush)
        self._outgoing.append(packet)

    def _flush(self) -> None:
        outgoing, self._outgoing = self._outgoing, []
        if outgoing:
            self._opened.sink.on_packet(b"".join(outgoing))

    async def close(self) -> None:
        if self._closed:
            return
        self._flush()
        self._closed = True
        self.on_packet = _ignore
        self._parser.close()
        try:
            await asyncio.wait_for(self._opened.close(), _CLOSE_S)
            # Some of bumble's go on to listen, and keep the controller that came.
            for left in (self._opened, "server"), (self._opened.sink, "transport"):
                if (part := getattr(*left, None)) is not None:
                    part.close()
        except Exception:  # an unplugged device cannot be closed in order
            _log.debug("The transport did not close in order", exc_info=True)
        # Sockets close in the loop's next round, and their end is to be seen before it stops.
        await asyncio.sleep(0)

    def on_noise(self, why: str) -> None:
        """The line carries no packets."""
        self._on_lost(why)

    def on_transport_lost(self) -> None:
        """Part of bumble's interface; `terminated` tells the same, for all transports."""

    def _terminated(self, future: asyncio.Future[None]) -> None:
        if future.cancelled() or self._closed:
            return  # its end is our own doing
        error = future.exception()
        detail = f" ({error})" if error else ""
        self._on_lost(f"the connection to it has ended{detail}; plug it in or start it again")


def _ignore(packet: bytes) -> None:
    """Take what comes from a transport that is being closed."""


def _read_hci_socket(opened: Any) -> None:
    """Read an HCI socket in place of bumble, which would spin when the adapter is unplugged."""
    loop, sock = asyncio.get_running_loop(), opened.socket

    def readable() -> None:
        try:
            for _ in range(_READS_AT_ONCE):
                packet = sock.recv(4096)
                if not packet:
                    raise ConnectionResetError("end of data")
                opened.source.parser.feed_data(packet)
        except BlockingIOError:
            return
        except OSError:
            loop.remove_reader(sock.fileno())
            opened.source.on_transport_lost()

    loop.remove_reader(sock.fileno())  # bumble's
    loop.add_reader(sock.fileno(), readable)
