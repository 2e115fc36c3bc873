"""API objects on a link that the test plays: no backend, no radio, but the real engine thread."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from bleio.api import Connection
from bleio.backends.base import Backend, Link
from bleio.core.address import DeviceAddress
from bleio.core.codes import Properties
from bleio.core.security import LinkSecurity
from bleio.errors import CallerError, LinkLost, TransactionTimeout
from bleio.gatt.model import (
    LocalCharacteristic,
    RemoteCharacteristic,
    RemoteDescriptor,
    RemoteListener,
    RemoteService,
    RemoteValue,
    cccd_of,
)
from bleio.runtime.session import Session
from support.fake_backend import FakeBackend
from support.patience import PATIENCE_S

PEER = DeviceAddress(bytes.fromhex("a1a2a3a4a5c1"), random=True)
CCCD = b"\x02\x29"


def until(condition: Callable[[], object]) -> None:
    """Wait for a condition, with patience."""
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.001)


@contextmanager
def raises(error: type[BaseException], text: str) -> Iterator[Any]:
    """Expect `error` with exactly this text, whatever its notes say."""
    with pytest.raises(error) as caught:
        yield caught
    assert str(caught.value) == text


class PlayedLink(Link):
    """Keeps in `log` what it was told to do. `failing` maps a method's name to what it raises.

    While `open` is cleared, everything that would go on air waits.
    """

    def __init__(self, mtu: int = 23) -> None:
        self.peer, self.is_central, self.connected = PEER, True, True
        self.security, self.mtu, self.interval_us = LinkSecurity(), mtu, 50_000
        self.log: list[tuple[Any, ...]] = []
        self.failing: dict[str, Exception] = {}
        self.values: dict[int, bytes] = {}
        self.services: list[RemoteService] = []
        self.subscribed: dict[LocalCharacteristic, tuple[bool, bool]] = {}
        self.listeners: dict[int, list[RemoteListener]] = {}
        self.open = asyncio.Event()
        self.open.set()
        self.waiting = 0

    async def _do(self, what: str, *args: Any) -> None:
        if not self.connected:
            raise LinkLost
        self.waiting += 1
        await self.open.wait()
        self.waiting -= 1
        self.log.append((what, *args))
        if what in self.failing:
            raise self.failing[what]

    async def discover(self, uuids: Sequence[bytes] | None) -> list[RemoteService]:
        await self._do("discover", uuids)
        return self.services

    async def read(self, value: RemoteValue) -> bytes:
        await self._do("read", value.handle)
        return self.values[value.handle]

    async def write(self, value: RemoteValue, octets: bytes) -> None:
        await self._do("write", value.handle, octets)

    async def write_command(
        self, characteristic: RemoteCharacteristic, octets: bytes, signed: bool = False
    ) -> None:
        await self._do("write_command", characteristic.handle, octets)

    async def subscribe(
        self, characteristic: RemoteCharacteristic, notify: bool, indicate: bool
    ) -> None:
        cccd = cccd_of(characteristic)
        if cccd is None:
            raise CallerError("No CCCD for this Characteristic")
        await self.write(cccd, bytes((notify | indicate << 1, 0)))

    async def notify(self, characteristic: LocalCharacteristic, value: bytes) -> None:
        await self._do("notify", value)

    async def indicate(self, characteristic: LocalCharacteristic, value: bytes) -> None:
        await self._do("indicate", value)

    def subscription(self, characteristic: LocalCharacteristic) -> tuple[bool, bool]:
        return self.subscribed.get(characteristic, (False, False))

    def listen(self, characteristic: RemoteCharacteristic, listener: RemoteListener) -> None:
        self.listeners.setdefault(characteristic.handle, []).append(listener)

    def unlisten(self, characteristic: RemoteCharacteristic, listener: RemoteListener) -> None:
        if listener in self.listeners.get(characteristic.handle, []):
            self.listeners[characteristic.handle].remove(listener)

    async def pair(self) -> None:
        await self._do("pair")
        self.security.encrypted = True

    async def set_interval(self, interval_us: int) -> None:
        await self._do("set_interval", interval_us)

    async def disconnect(self) -> None:
        await self._do("disconnect")
        self.connected = False


class PlayedBackend(FakeBackend):
    """Tells the subscribers among the links of the test."""

    def __init__(self, links: list[PlayedLink]) -> None:
        super().__init__()
        self._played = links

    @property
    def subscribers(self) -> tuple[Link, ...]:
        return tuple(self._played)

    async def publish(self, characteristic: LocalCharacteristic, value: bytes) -> None:
        characteristic.value = value
        for link in self.subscribers:
            notify, indicate = link.subscription(characteristic)
            with suppress(LinkLost, TransactionTimeout):
                if notify:
                    await link.notify(characteristic, value)
                if indicate:
                    await link.indicate(characteristic, value)


class Bench:
    """A session whose backend does nothing, and links that come and go as the test says."""

    def __init__(self) -> None:
        self.links: list[PlayedLink] = []
        self.session = Session(self._make_backend, Connection._create)

    def _make_backend(self, former: DeviceAddress | None) -> Backend:
        return PlayedBackend(self.links)

    def connect(self, mtu: int = 23) -> PlayedLink:
        """A link comes up."""

        _ = self.session.engine.finish(self.session.address)  # which opens the backend

        def come_up() -> PlayedLink:
            link = PlayedLink(mtu)
            self.links.append(link)
            self.session.gap.link_opened(link)
            return link

        return self.session.engine.run(come_up)

    def connection(self, link: PlayedLink) -> Connection:
        connection = self.session.gap.connections.of(link)
        assert isinstance(connection, Connection)
        return connection

    def drop(self, link: PlayedLink) -> None:
        """A link is lost: what waits on it fails, and every listener is told."""
        self.session.engine.run(self._drop, link)

    def _drop(self, link: PlayedLink) -> None:
        link.connected = False
        link.failing = dict.fromkeys(
            ("read", "write", "write_command", "notify", "indicate", "discover", "pair"),
            LinkLost(0x08),
        )
        link.open.set()
        for characteristic in tuple(link.subscribed):
            self._subscribe(link, characteristic, False, False)
        for service in self.session.server.services:
            for local in service.characteristics:
                for hears in tuple(local.listeners):
                    hears.link_closed(link)
        for group in tuple(link.listeners.values()):
            for listener in tuple(group):
                listener.link_closed()
        self.links.remove(link)
        self.session.gap.link_closed(link)

    def client_writes(self, link: PlayedLink, model: LocalCharacteristic, value: bytes) -> None:
        """A client writes a local characteristic's value."""

        def write() -> None:
            model.value = value
            for listener in tuple(model.listeners):
                listener.written(link, value)

        self.session.engine.run(write)

    def subscribe(
        self,
        link: PlayedLink,
        model: LocalCharacteristic,
        notify: bool = False,
        indicate: bool = False,
    ) -> None:
        """A client writes the CCCD of a local characteristic."""
        self.session.engine.run(self._subscribe, link, model, notify, indicate)

    def _subscribe(
        self, link: PlayedLink, model: LocalCharacteristic, notify: bool, indicate: bool
    ) -> None:
        link.subscribed[model] = (notify, indicate)
        for listener in tuple(model.listeners):
            listener.subscribed(link, notify, indicate)

    def notify(self, link: PlayedLink, handle: int, value: bytes) -> None:
        """The peer notifies a value."""

        def deliver() -> None:
            for listener in tuple(link.listeners.get(handle, ())):
                listener.notified(value)

        self.session.engine.run(deliver)

    def hold(self, link: PlayedLink) -> None:
        """Nothing goes on air until `release`."""
        self.session.engine.run(link.open.clear)

    def release(self, link: PlayedLink) -> None:
        self.session.engine.run(link.open.set)

    def remote(self, link: PlayedLink, properties: Properties, *, cccd: bool = True) -> Any:
        """Discover one characteristic with value handle 3, CCCD 4 and a descriptor 5."""
        descriptors = [RemoteDescriptor(CCCD, 4)] if cccd else []
        descriptors.append(RemoteDescriptor(b"\x08\x29", 5))
        model = RemoteCharacteristic(b"\x19\x2a", properties, 2, 3, 5, descriptors)
        link.services = [RemoteService(b"\x0f\x18", 1, 5, [model])]
        (service,) = self.connection(link).discover_remote_services()
        link.log.clear()
        return service.characteristics[0]


class InThread:
    """A call in a thread of its own, and how it ended."""

    def __init__(self, function: Callable[[], Any]) -> None:
        self.result: Any = None
        self.error: BaseException | None = None
        self._function = function
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self.result = self._function()
        except BaseException as error:
            self.error = error

    @property
    def running(self) -> bool:
        return self._thread.is_alive()

    def join(self) -> Any:
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive()
        if self.error is not None:
            raise self.error
        return self.result
