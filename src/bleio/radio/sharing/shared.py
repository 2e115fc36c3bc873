"""The radio that all processes of this user share by its name: join it, start it if need be.

To join is to get a controller there, or to watch what is on the air (`watch`).

Several programs may want the same radio at the same moment, and one may be just ending. So nothing
is decided by looking whether the radio is there: a program tries to connect, and only the one that
gets the lock `NAME.starting` launches a radio, after it has tried once more under the lock. The
radio says with its welcome that it has really taken the program in; a socket that was about to be
closed accepts connections too. Whatever fails on the way is tried again until the time is over.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from bleio.errors import ControllerLost
from bleio.locks import FileLock
from bleio.radio.sharing.h4 import H4Error, H4Framer
from bleio.radio.sharing.hello import DECIPHER, JOIN, REFUSED, WATCH, WELCOME, hello
from bleio.radio.sharing.launch import launch
from bleio.radio.sharing.member import this_program
from bleio.radio.sharing.place import RadioPlace
from bleio.radio.sharing.port import HciPort, OnLost, OnPacket

JOIN_TIMEOUT_S = 30.0
_WELCOME_TIMEOUT_S = 10.0
_POLL_S = 0.02

_log = logging.getLogger(__name__)

Connection = TypeVar("Connection", bound="_Connection")


async def join(name: str, on_packet: OnPacket, on_lost: OnLost) -> HciPort:
    """Get a new controller on the radio `name`, which is started if it does not run.

    Raises: CallerError if the name is no good, ControllerLost if it cannot be; with sentences.
    """
    return await _reach(name, JOIN, partial(_SharedPort, name, on_packet, on_lost))


async def watch(
    name: str, on_octets: Callable[[bytes], None], on_lost: OnLost, *, decipher: bool = False
) -> Watch:
    """Have the octets of a pcapng file of what is on the air of the radio `name`, from now on.

    The radio is started if it does not run.

    Args:
        on_octets: takes them, as they come.
        on_lost: the radio has ended, or ends this.
        decipher: encrypted packets are in clear text.
    Raises: as `join`.
    """
    wish = DECIPHER if decipher else WATCH
    return await _reach(name, wish, partial(Watch, name, on_octets, on_lost))


async def _reach(name: str, wish: bytes, make: Callable[[], Connection]) -> Connection:
    """Connect to the radio, and be taken in for what is wished."""
    place = await asyncio.to_thread(RadioPlace, name)
    try:
        return await asyncio.wait_for(_join(place, wish, make), JOIN_TIMEOUT_S)
    except (TimeoutError, asyncio.TimeoutError):
        raise ControllerLost(
            f"Cannot join the shared radio {name!r} (BLEIO_ADAPTER=virtual:{name}): it does not "
            f"answer; end its process, {place.lock.holder() or 'unknown'}, and try again"
        ) from None
    except OSError as error:
        raise ControllerLost(
            f"Cannot join the shared radio {name!r} (BLEIO_ADAPTER=virtual:{name}) in "
            f"{place.folder}: "
            f"{error.strerror or error}; check that folder"
        ) from None


async def _join(place: RadioPlace, wish: bytes, make: Callable[[], Connection]) -> Connection:
    """Connect; start the radio when there is none; again when it was just leaving."""
    while True:
        port = await _connect(place, wish, make)
        if port is None and await _acquire(place.starting):
            try:
                port = await _connect(place, wish, make)
                if port is None and await launch(place):
                    port = await _connect(place, wish, make)
            finally:
                await asyncio.to_thread(place.starting.release)
        if port is not None:
            return port
        await asyncio.sleep(_POLL_S)


async def _acquire(lock: FileLock) -> bool:
    """Take the lock if nobody has it; one that is taken too late for its task is given back."""
    taking = asyncio.ensure_future(asyncio.to_thread(lock.try_acquire))
    try:
        return await asyncio.shield(taking)
    except asyncio.CancelledError:
        await asyncio.wait({taking})
        if taking.exception() is None:
            await asyncio.to_thread(lock.release)
        raise


async def _connect(
    place: RadioPlace, wish: bytes, make: Callable[[], Connection]
) -> Connection | None:
    """Connect to the radio. Returns: None if none runs, or none that takes us in."""
    try:
        family, address, secret = await asyncio.to_thread(place.target)
    except OSError:
        return None
    loop = asyncio.get_running_loop()
    sock = socket.socket(family)
    try:
        sock.setblocking(False)
        await loop.sock_connect(sock, address)
        _, port = await loop.create_connection(make, sock=sock)
    except OSError:
        sock.close()
        return None
    except BaseException:
        sock.close()
        raise
    return port if await port.greet(hello(place.name, secret, this_program(), wish)) else None


class _Connection(asyncio.Protocol):
    """A connection to the radio's process."""

    def __init__(self, name: str, on_lost: OnLost) -> None:
        self._name = name
        self._on_lost = on_lost
        self._heard = bytearray()
        self._welcome = asyncio.get_running_loop().create_future()
        self._taken_in = False  # not the same as a welcome that is done: it may be given up
        self._transport: asyncio.Transport | None = None

    async def greet(self, words: bytes) -> bool:
        """Say hello on the new connection. Returns: whether the radio took us in."""
        if self._transport is None:
            return False
        self._transport.write(words)
        welcome = False
        try:
            welcome = await asyncio.wait_for(self._welcome, _WELCOME_TIMEOUT_S)
        except (TimeoutError, asyncio.TimeoutError):
            _log.warning("The shared radio %s does not answer", self._name)
        finally:
            if not welcome:
                self._abort()
        return welcome

    def _hear_welcome(self, data: bytes) -> bytes:
        """Take the radio's first words. Returns: what came after them."""
        self._heard += data
        if self._heard == REFUSED:
            self._welcome.set_exception(
                ControllerLost(
                    f"The radio {self._name!r} is watched by as many programs as it can have;"
                    " end one of them"
                )
            )
        elif REFUSED.startswith(self._heard):
            pass  # until all is heard
        elif not WELCOME.startswith(self._heard[: len(WELCOME)]):
            self._welcome.set_result(False)
            self._abort()
        elif len(self._heard) >= len(WELCOME):
            self._taken_in = True
            self._welcome.set_result(True)
            return bytes(self._heard[len(WELCOME) :])
        return b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        if not self._welcome.done():
            data = self._hear_welcome(data)
        if self._taken_in and data:
            self._take(data)

    def _take(self, data: bytes) -> None:
        """Take what comes after the welcome."""
        raise NotImplementedError

    def connection_lost(self, error: Exception | None) -> None:
        if not self._welcome.done():
            self._welcome.set_result(False)
        elif self._taken_in and self._transport is not None:
            self._lose()

    def _lose(self) -> None:
        self._abort()
        self._on_lost()

    def _abort(self) -> None:
        transport, self._transport = self._transport, None
        if transport is not None:
            transport.abort()

    def close(self) -> None:
        """Leave the radio."""
        transport, self._transport = self._transport, None
        if transport is not None:
            transport.close()


class _SharedPort(_Connection):
    """A controller there."""

    def __init__(self, name: str, on_packet: OnPacket, on_lost: OnLost) -> None:
        super().__init__(name, on_lost)
        self._on_packet = on_packet
        self._framer = H4Framer()

    def _take(self, data: bytes) -> None:
        try:
            for packet in self._framer.feed(data):
                if self._transport is None:
                    return
                self._on_packet(packet)
        except H4Error as error:
            _log.error("The shared radio %s sent what is no HCI: %s", self._name, error)
            self._lose()

    def send(self, packet: bytes) -> None:
        """Hand the controller one packet."""
        if self._transport is not None:
            self._transport.write(packet)


class Watch(_Connection):
    """What is on the air there, as the octets of a pcapng file; `close` ends it."""

    def __init__(self, name: str, on_octets: Callable[[bytes], None], on_lost: OnLost) -> None:
        super().__init__(name, on_lost)
        self._on_octets = on_octets

    def _take(self, data: bytes) -> None:
        self._on_octets(data)

    def pause(self) -> None:
        """Take no more for now. What the radio cannot keep meanwhile is left out, and counted."""
        if self._transport is not None:
            self._transport.pause_reading()

    def resume(self) -> None:
        """Go on."""
        if self._transport is not None:
            self._transport.resume_reading()
