"""A pseudo terminal as the serial line of a controller; POSIX only.

A link with a name of the user's choice leads to the terminal. A host opens it as it would a serial
port; its first octets begin a connection, its closing ends it, and the next host gets a fresh
controller. Between hosts we hold the terminal open ourselves, for a terminal that no program has
open reports its hang-up without end; as soon as a host speaks we let go, so that its hang-up shows.

Where a link leads does not tell whether it is still in use, as a terminal's number goes to the next
program that opens one. So a radio has a claim to the path of its link. A link that lies there is
replaced only if it leads to a terminal, and is known to be a dead radio's.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import stat
import termios
import tty
from collections.abc import Callable
from pathlib import Path

from bleio.radio.sharing.server.claim import Claim

_READ_OCTETS = 65536


class PtyListener:
    """A pseudo terminal with a link; one host at a time.

    Raises: OSError if the link cannot be made.
    """

    def __init__(self, protocol: Callable[[], asyncio.Protocol], link: Path) -> None:
        self.addresses = [f"pty:{link}"]
        self._protocol = protocol
        self._link = link
        self._host: _PtyTransport | None = None
        with contextlib.ExitStack() as on_error:
            self._claim = Claim(link)
            on_error.callback(self._claim.release)
            self._master, slave = os.openpty()
            on_error.callback(os.close, self._master)
            on_error.callback(os.close, slave)
            self._slave: int | None = slave
            self._slave_name = os.ttyname(slave)
            os.set_blocking(self._master, False)
            tty.setraw(slave)
            self._remove_dead_link()
            link.symlink_to(self._slave_name)
            on_error.pop_all()
        asyncio.get_running_loop().add_reader(self._master, self._readable)

    def _remove_dead_link(self) -> None:
        """Remove this user's link to a terminal that has gone, as a killed radio leaves it.

        The terminal may be there again: as another program's where a radio was killed that had
        this link, or as our own.
        """
        with contextlib.suppress(FileNotFoundError):
            status = self._link.lstat()
            if not stat.S_ISLNK(status.st_mode) or status.st_uid != os.geteuid():
                return
            terminal = os.readlink(self._link)
            if terminal.rstrip("0123456789") != self._slave_name.rstrip("0123456789"):
                return
            if (
                self._claim.inherited
                or terminal == self._slave_name
                or not os.path.exists(terminal)
            ):
                self._link.unlink()

    def close(self) -> None:
        """Hang up and remove the link."""
        asyncio.get_running_loop().remove_reader(self._master)
        if self._host is not None:
            self._host.lost()
        with contextlib.suppress(OSError):
            if os.readlink(self._link) == self._slave_name:
                self._link.unlink()
        self._claim.release()
        self._let_go()
        os.close(self._master)

    def _readable(self) -> None:
        try:
            data = os.read(self._master, _READ_OCTETS)
        except BlockingIOError:
            return
        except OSError:
            data = b""  # how Linux tells that the host has closed
        if not data:
            self._hung_up()
            return
        if self._host is None:
            self._host = _PtyTransport(self._master, self._protocol(), self._hung_up)
            self._host.protocol.connection_made(self._host)
            self._let_go()
        self._host.protocol.data_received(data)

    def _hung_up(self) -> None:
        """The host has gone, or is to go: wait for the next."""
        host, self._host = self._host, None
        if self._slave is None:
            self._slave = os.open(self._slave_name, os.O_RDWR | os.O_NOCTTY)
            tty.setraw(self._slave)
        termios.tcflush(self._slave, termios.TCIOFLUSH)
        if host is not None:
            host.lost()

    def _let_go(self) -> None:
        slave, self._slave = self._slave, None
        if slave is not None:
            os.close(slave)


class _PtyTransport(asyncio.Transport):
    """The writing side, with asyncio's flow control."""

    def __init__(
        self, master: int, protocol: asyncio.Protocol, hang_up: Callable[[], None]
    ) -> None:
        super().__init__()
        self.protocol = protocol
        self._loop = asyncio.get_running_loop()
        self._master = master
        self._hang_up = hang_up
        self._unsent = bytearray()
        self._high = 65536
        self._paused = False
        self._ended = False

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Set from how much on the protocol is paused; it resumes when all is sent."""
        if low is not None:
            raise ValueError("a pseudo terminal resumes when all is sent")
        self._high = 65536 if high is None else high

    def get_write_buffer_size(self) -> int:
        return len(self._unsent)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self._ended:
            return
        idle = not self._unsent
        self._unsent += data
        if idle:
            self._send()
            if self._unsent:
                self._loop.add_writer(self._master, self._writable)
        if not self._paused and len(self._unsent) > self._high:
            self._paused = True
            self.protocol.pause_writing()

    def _writable(self) -> None:
        self._send()
        if self._unsent:
            return
        self._loop.remove_writer(self._master)
        if self._paused:
            self._paused = False
            self.protocol.resume_writing()

    def _send(self) -> None:
        try:
            sent = os.write(self._master, self._unsent)
        except BlockingIOError:
            return
        except OSError:
            sent = len(self._unsent)  # the host has closed; reading tells it too
        del self._unsent[:sent]

    def abort(self) -> None:
        """End the connection; the host is not told, as with a serial line."""
        if not self._ended:
            self._ended = True
            self._loop.call_soon(self._hang_up)

    def close(self) -> None:
        self.abort()

    def lost(self) -> None:
        """Tell the protocol of the end."""
        self._ended = True
        self._unsent.clear()
        self._loop.remove_writer(self._master)
        self.protocol.connection_lost(None)
