"""The way to the system's D-Bus: which address, who we are to it, whether descriptors can pass.

dbus-fast writes a message at once where none waits, and takes a socket that is full at that moment
for one that is broken: it closes the connection. A program that publishes faster than the bus is
scheduled would lose its adapter by that. So its writer is given a socket that takes nothing while
it is full; as after a part of a message, the writer then waits until there is room.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any

from dbus_fast import BusType
from dbus_fast.aio import MessageBus
from dbus_fast.auth import UID_NOT_SPECIFIED, AuthExternal
from dbus_fast.errors import AuthError

OPEN_TIMEOUT_S = 5.0
DEFAULT_ADDRESS = "unix:path=/var/run/dbus/system_bus_socket"


class BusUnavailable(Exception):
    """There is no connection to the system's D-Bus; the text says why."""


class Closing:
    """Closes our copies of descriptors when the bus has its own. A callback of futures."""

    def __init__(self, descriptors: Sequence[int]) -> None:
        self._descriptors = descriptors

    def __call__(self, sent: object) -> None:
        for descriptor in self._descriptors:
            with suppress(OSError):
                os.close(descriptor)


def forget(sent: asyncio.Future[Any]) -> None:
    """Take note of a failure to send: the end of the connection is told elsewhere."""
    if not sent.cancelled():
        sent.exception()


class PatientSocket:
    """A socket as dbus-fast's writer uses it; when it is full, nothing was sent and nothing fails.

    Descriptors go with the first octets of a message, so those of a message that was not begun are
    kept until it is.
    """

    def __init__(self, full: socket.socket) -> None:
        self._socket = full
        self._descriptors: list[Any] = []  # ancillary data that is still to go

    def send(self, octets: memoryview) -> int:
        """Returns: how many octets were taken. Raises: OSError when the connection is gone."""
        return self.sendmsg([octets], self._descriptors)

    def sendmsg(self, octets: Iterable[memoryview], descriptors: list[Any]) -> int:
        """Like `send`, and pass descriptors, too."""
        self._descriptors = descriptors
        try:
            sent = self._socket.sendmsg(octets, descriptors)
        except (BlockingIOError, InterruptedError):
            return 0
        self._descriptors = []
        return sent


class PatientBus(MessageBus):
    """A connection that no burst of messages ends; see the module."""

    async def connect(self) -> PatientBus:
        await super().connect()
        assert self._writer is not None
        assert self._sock is not None
        self._writer.sock = PatientSocket(self._sock)  # type: ignore[assignment]
        return self


async def connected() -> MessageBus:
    """Try each of the addresses, with descriptors first. Raises: BusUnavailable."""
    addresses = os.environ.get("DBUS_SYSTEM_BUS_ADDRESS") or DEFAULT_ADDRESS
    reason: Exception = OSError("no address")
    for address in filter(None, addresses.split(";")):
        for descriptors in (True, False) if address.startswith("unix:") else (False,):
            try:
                return await _connect(address, descriptors)
            except AuthError as error:
                reason = error
            except Exception as error:  # a bad address has many exceptions
                reason = error
                break
    raise BusUnavailable(f"{addresses}: {reason}") from reason


async def _connect(address: str, descriptors: bool) -> MessageBus:
    # Without a number the bus takes the user that the kernel names, which is right in containers
    # and through forwarders, too.
    bus = PatientBus(
        bus_address=address,
        bus_type=BusType.SYSTEM,
        auth=AuthExternal(UID_NOT_SPECIFIED),
        negotiate_unix_fd=descriptors,
    )
    return await asyncio.wait_for(bus.connect(), OPEN_TIMEOUT_S)
