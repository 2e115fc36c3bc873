"""A controller behind a device file that carries H4 packets, or one that opens a terminal of ours.

bumble opens such a file as a pipe of asyncio, which finds out only later, in a callback of its own
with a traceback, that the system cannot wait for what comes from `/dev/zero` or `/dev/null`; the
opening looks as if it had worked. So it is opened here, without waiting for anything, and what
cannot be a controller is refused with a sentence: an ordinary file, a pipe, which would give back
what we write, a device that nobody can wait for.

A pseudo terminal (`hci:pty:LINK`) is made here too: bumble would remove whatever has the link's
name when it is closed, and once more at the end of the program.

Not on Windows, where asyncio waits for handles in another way.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import selectors
import stat
import sys
from typing import Any

from bleio.backends.hci.controller.h4 import H4Parser
from bleio.backends.hci.controller.port import OnLost, OnPacket
from bleio.backends.hci.counters import HciCounters

if sys.platform != "win32":
    import tty

_log = logging.getLogger(__name__)

_READ_OCTETS = 4096


class NoControllerError(Exception):
    """What was named is no controller; says what it is and what to do."""


def open_device(path: str) -> int:
    """Return a descriptor of a device that can be waited for.

    Raises: OSError, NoControllerError; ValueError for what is no path.
    """
    if not path:
        raise ValueError("no path")
    descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    try:
        _check(descriptor)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _check(descriptor: int) -> None:
    kind = os.fstat(descriptor).st_mode
    if stat.S_ISFIFO(kind):
        raise NoControllerError("that is a pipe, which carries data one way only; name a device")
    if not stat.S_ISCHR(kind):
        raise NoControllerError("that is an ordinary file or a disk; name a device")
    with selectors.DefaultSelector() as selector:
        try:
            selector.register(descriptor, selectors.EVENT_READ)
        except OSError:
            raise NoControllerError(
                "the system cannot wait for data from that device, so it is no controller; "
                "name another one"
            ) from None


class DevicePort:
    """H4 over an open device file, which is closed with it."""

    def __init__(
        self, descriptor: int, on_packet: OnPacket, on_lost: OnLost, counters: HciCounters
    ) -> None:
        self.metadata: dict[str, Any] = {}
        self.on_packet = on_packet
        self._on_lost = on_lost
        self._parser = H4Parser(self, counters)
        self._unsent = bytearray()
        self._loop = asyncio.get_running_loop()
        self._descriptor: int | None = descriptor
        self._loop.add_reader(self._descriptor, self._readable)

    def send(self, packet: bytes) -> None:
        if self._descriptor is None:
            return
        if not self._unsent:
            self._loop.add_writer(self._descriptor, self._writable)
        self._unsent += packet

    async def close(self) -> None:
        self._end()

    def on_noise(self, why: str) -> None:
        """The line carries no packets."""
        self._lose(why)

    def _readable(self) -> None:
        assert self._descriptor is not None
        try:
            octets = os.read(self._descriptor, _READ_OCTETS)
        except BlockingIOError:
            return
        except OSError as error:
            self._ended(error)
            return
        if octets:
            self._parser.feed_data(octets)
        else:
            self._ended(None)

    def _writable(self) -> None:
        assert self._descriptor is not None
        try:
            del self._unsent[: os.write(self._descriptor, self._unsent)]
        except BlockingIOError:
            return
        except OSError as error:
            self._ended(error)
            return
        if not self._unsent:
            self._loop.remove_writer(self._descriptor)

    def _ended(self, error: OSError | None) -> None:
        detail = f" ({error.strerror or error})" if error else ""
        self._lose(f"the connection to it has ended{detail}; plug it in or start it again")

    def _lose(self, why: str) -> None:
        self._end()
        self._on_lost(why)

    def _end(self) -> None:
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is None:
            return
        self._parser.close()
        self._loop.remove_reader(descriptor)
        self._loop.remove_writer(descriptor)
        os.close(descriptor)


class TerminalPort(DevicePort):
    """H4 over a pseudo terminal of our own, whose other side the controller opens.

    Args: `link`: the name of a symbolic link to that side; "" for none.
    Raises: OSError, if there is something of that name.
    """

    def __init__(
        self, link: str, on_packet: OnPacket, on_lost: OnLost, counters: HciCounters
    ) -> None:
        with contextlib.ExitStack() as on_error:
            ours, other = os.openpty()
            on_error.callback(os.close, ours)
            on_error.callback(os.close, other)
            tty.setraw(other)
            os.set_blocking(ours, False)
            self._link, self._name = link, os.ttyname(other)
            if link:
                os.symlink(self._name, link)
            on_error.pop_all()
        # Held open, for a terminal that no program has open reports its end without end.
        self._other: int | None = other
        _log.info("A controller may open %s", link or self._name)
        super().__init__(ours, on_packet, on_lost, counters)

    def _end(self) -> None:
        super()._end()
        other, self._other = self._other, None
        if other is None:
            return
        if self._link:
            with contextlib.suppress(OSError):
                if os.readlink(self._link) == self._name:  # else it is somebody else's by now
                    os.unlink(self._link)
        os.close(other)
