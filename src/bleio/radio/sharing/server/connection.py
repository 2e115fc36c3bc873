"""One host on a byte stream, and the virtual controller it has for itself.

A controller is made when the host has come and detached when its stream ends, which on air is a
device that falls silent; its peers notice by their time-outs.

Nothing here may pile up, whatever a host does. One that sends is served at once. One that does not
read is first given less: past `SLOW_OCTETS` asyncio calls `pause_writing`, and its controller drops
advertising reports and lets peers keep their data. Past `MAX_UNREAD_OCTETS` it is disconnected.
Both are judged where octets are written, inside the simulation; so nothing there may run it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from typing import Protocol

from bleio.core.address import DeviceAddress
from bleio.radio.air.propagation import Propagation
from bleio.radio.air.radio import Radio
from bleio.radio.controller import Controller
from bleio.radio.sharing.driver import Driver
from bleio.radio.sharing.h4 import HARDWARE_ERROR, H4Error, H4Framer
from bleio.radio.sharing.hello import (
    DECIPHER,
    JOIN,
    MAX_OCTETS,
    REFUSED,
    WELCOME,
    Member,
    is_question,
    member_of,
    wish_of,
)
from bleio.radio.sharing.server.watching import MOST_WATCHERS, Watching

# A host that leaves more than this unread is slow: its controller holds back (`congested`).
SLOW_OCTETS = 64 * 1024
# One that leaves more than this unread does not read at all, and is disconnected.
MAX_UNREAD_OCTETS = 1024 * 1024
_HELLO_TIMEOUT_S = 10.0

_log = logging.getLogger(__name__)


class HostWatcher(Protocol):
    """What is told of a radio's hosts."""

    def host_came(self, name: str) -> None:
        """A host has a controller."""

    def host_left(self, name: str) -> None:
        """A host has gone, and its controller with it."""


class Reporter(Protocol):
    """Answers questions how the radio is."""

    def status(self) -> bytes:
        """Return one line of JSON."""


class ServedRadio:
    """A radio in real time and the hosts on it.

    Args: watcher: is told when a host comes or goes.
    Attributes: reporter: answers questions; None lets them go unanswered.
    """

    reporter: Reporter | None = None

    def __init__(
        self, seed: int, watcher: HostWatcher, propagation: Propagation | None = None
    ) -> None:
        self.driver = Driver(Radio(seed, propagation or Propagation()))
        self.connections: set[HostConnection] = set()
        self.watching: set[Watching] = set()
        self.hosts = 0
        self._public_addresses: set[DeviceAddress] = set()  # of hosts that came to a listener
        self.watcher = watcher

    @property
    def users(self) -> int:
        """Hosts, and programs that watch: as long as there are any, the radio is of use."""
        return self.hosts + len(self.watching)

    def free_name(self, wanted: str) -> str:
        """Return a device's name that no other on the air has, such as `beacon-2`."""
        names = {each.device for each in self.connections}
        number, name = 1, wanted
        while name and name in names:
            number += 1
            name = f"{wanted}-{number}"
        return name

    def take_public_address(self, first: DeviceAddress) -> DeviceAddress:
        """Take the first address that is free, counted from the listener's first one."""
        number = int.from_bytes(first.octets, "little")
        while (address := _numbered(number)) in self._public_addresses:
            number += 1
        self._public_addresses.add(address)
        return address

    def give_back(self, address: DeviceAddress) -> None:
        """The controller with this public address has gone; the next host may have it."""
        self._public_addresses.discard(address)

    def close(self) -> None:
        """Disconnect all and stop the time."""
        for watching in list(self.watching):
            watching.finish()
        for connection in list(self.connections):
            connection.abort()
        self.driver.close()


def _numbered(number: int) -> DeviceAddress:
    return DeviceAddress((number % (1 << 48)).to_bytes(6, "little"))


class HostConnection(asyncio.Protocol):
    """Carries HCI packets between a host's stream and a fresh controller.

    Attributes: device: what captures call it; without, by what it advertises.

    Args:
        name: what the user is told about this host.
        serial: whether the stream is a serial line, which goes on after a fault; see `h4`.
        public: the first public address of the listener; None for one of the radio's own.
    """

    def __init__(
        self,
        served: ServedRadio,
        name: str,
        *,
        serial: bool = False,
        public: DeviceAddress | None = None,
    ) -> None:
        self.name = self.device = name
        self._served = served
        self._serial = serial
        self._public = public
        self._framer = H4Framer()
        self._transport: asyncio.Transport | None = None
        self._controller: Controller | None = None

    @property
    def controller(self) -> Controller | None:
        """What its host has, while it is there."""
        return self._controller

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.set_write_buffer_limits(high=SLOW_OCTETS)
        self._served.connections.add(self)
        self._open()

    def _open(self) -> None:
        """Do what comes before the first octets."""
        self._attach()

    def _attach(self) -> None:
        """Make a controller for the host."""
        served = self._served
        served.driver.catch_up()
        public = served.take_public_address(self._public) if self._public else None
        self._controller = Controller(served.driver.radio, self._to_host, self.device, public)
        served.hosts += 1
        served.watcher.host_came(self.name)

    def data_received(self, data: bytes) -> None:
        packets: Iterable[bytes] = self._framer.feed(data)
        # One read of a serial line may have several faults in it, each with a HCI_Reset behind it.
        while self._transport is not None:
            try:
                self._deliver(packets)
                return
            except H4Error as error:
                packets = self._find_again(error)

    def _deliver(self, packets: Iterable[bytes]) -> None:
        assert self._controller is not None
        for packet in packets:
            if self._transport is None:
                return
            self._served.driver.deliver(self._controller, packet)

    def _find_again(self, error: H4Error) -> Iterable[bytes]:
        """After a fault: close a socket. Returns: what a serial line has from its reset on."""
        if not self._serial:
            _log.error("%s: %s; closing the connection", self.name, error)
            self.abort()
            return ()
        _log.error("%s: %s; waiting for its HCI Reset", self.name, error)
        self._to_host(HARDWARE_ERROR)
        return self._framer.resynchronise()

    def _to_host(self, packet: bytes) -> None:
        # Called from inside the simulation, so nothing here may run it.
        transport = self._transport
        if transport is None:
            return
        transport.write(packet)
        if transport.get_write_buffer_size() > MAX_UNREAD_OCTETS:
            _log.error(
                "%s: it leaves more than %d octets unread; closing the connection",
                self.name,
                MAX_UNREAD_OCTETS,
            )
            self.abort()

    # asyncio calls these two when what is unsent passes the limit, and when it has gone down again.
    # The first may come from inside the simulation, by `_to_host`, so it must not run it; the
    # second comes from the loop, and lets time catch up before data flows again.

    def pause_writing(self) -> None:
        if self._controller is not None:
            self._controller.congested = True

    def resume_writing(self) -> None:
        if self._controller is not None:
            self._served.driver.set_congested(self._controller, False)

    def abort(self) -> None:
        """Close the connection now."""
        transport, self._transport = self._transport, None
        if transport is not None:
            transport.abort()

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        served = self._served
        served.connections.discard(self)
        controller, self._controller = self._controller, None
        if controller is not None:
            served.driver.detach(controller)
            served.give_back(controller.layer.public_address)
            served.hosts -= 1
            served.watcher.host_left(self.name)


class MemberConnection(HostConnection):
    """A process that joins by the radio's name; it says hello before it gets what it wants."""

    def __init__(self, served: ServedRadio, name: str, secret: bytes) -> None:
        super().__init__(served, f"virtual:{name}")
        self.device = ""  # until it has said what it is
        self._radio_name = name
        self._secret = secret
        self._heard = bytearray()
        self.member = Member()
        self._timeout: asyncio.TimerHandle | None = None

    def _open(self) -> None:
        loop = asyncio.get_running_loop()
        self._timeout = loop.call_later(_HELLO_TIMEOUT_S, self.abort)

    def data_received(self, data: bytes) -> None:
        if self._controller is not None:
            super().data_received(data)
            return
        # A hello may come in pieces, and HCI packets in the same piece after it.
        self._heard += data
        end = self._heard.find(b"\n") + 1
        if end == 0 and len(self._heard) <= MAX_OCTETS:
            return
        line = bytes(self._heard[:end])
        wish = wish_of(line, self._radio_name, self._secret)
        if is_question(line, self._radio_name, self._secret):
            self._answer()
        elif wish is None:
            _log.error("%s: a program connected that does not speak our language", self.name)
            self.abort()
        elif self._transport is not None:
            self._stop_timeout()
            if wish == JOIN:
                self.member = member_of(line, self._radio_name, self._secret)
                self.device = self._served.free_name(self.member.device)
                self._transport.write(WELCOME)
                self._attach()
                super().data_received(bytes(self._heard[end:]))
            else:
                self._watch(self._transport, decipher=wish == DECIPHER)

    def _watch(self, transport: asyncio.Transport, *, decipher: bool) -> None:
        """Leave the connection to what sends a capture."""
        served = self._served
        if len(served.watching) >= MOST_WATCHERS:
            transport.write(REFUSED)
            transport.close()
            return
        served.connections.discard(self)
        self._transport = None
        transport.write(WELCOME)
        watching = Watching(served.driver, transport, self._watching_ended, decipher=decipher)
        served.watching.add(watching)
        served.watcher.host_came(f"capture of {self.name}")

    def _watching_ended(self, watching: Watching) -> None:
        self._served.watching.discard(watching)
        self._served.watcher.host_left(f"capture of {self.name}")

    def _answer(self) -> None:
        """Say how the radio is, and end the connection."""
        transport, reporter = self._transport, self._served.reporter
        if transport is not None and reporter is not None:
            transport.write(reporter.status())
            transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        self._stop_timeout()
        super().connection_lost(error)

    def _stop_timeout(self) -> None:
        if self._timeout is not None:
            self._timeout.cancel()
            self._timeout = None
