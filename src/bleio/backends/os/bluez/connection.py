"""The way to the system's D-Bus: which address, who we are to it, whether descriptors can pass."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
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
    bus = MessageBus(
        bus_address=address,
        bus_type=BusType.SYSTEM,
        auth=AuthExternal(UID_NOT_SPECIFIED),
        negotiate_unix_fd=descriptors,
    )
    return await asyncio.wait_for(bus.connect(), OPEN_TIMEOUT_S)
