"""An engine that writes down what a backend tells it."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from bleio.backends.base import Link, Report
from bleio.core.codes import Properties
from bleio.core.uuid import uuid16
from bleio.gatt.model import LocalCharacteristic, LocalService
from bleio.gatt.server import LocalServer
from support.patience import PATIENCE_S

T = TypeVar("T")


def asynchronous(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Run a coroutine as a test, in a loop of its own that must end with no task left."""

    @functools.wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        asyncio.run(checked(test(*args, **kwargs)))

    return run


async def checked(test: Coroutine[Any, Any, None]) -> None:
    complaints: list[str] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: complaints.append(repr(context)))
    await test
    await asyncio.sleep(0)
    left = asyncio.all_tasks() - {asyncio.current_task()}
    assert not left, f"tasks left over: {left}"
    assert not complaints, complaints


async def until(condition: Callable[[], T], what: str = "") -> T:
    """Wait for a condition that the loop's callbacks make true."""
    deadline_s = asyncio.get_running_loop().time() + PATIENCE_S
    while not (result := condition()):
        if asyncio.get_running_loop().time() > deadline_s:
            raise AssertionError(f"waited in vain for {what or condition}")
        await asyncio.sleep(0.002)
    return result


class Engine:
    """`Events`, with the order in which they came in `log`."""

    def __init__(self) -> None:
        self.server = LocalServer("engine")
        self.reports: list[Report] = []
        self.links: list[Link] = []
        self.log: list[str] = []
        self.error: Exception | None = None

    def reported(self, report: Report) -> None:
        self.reports.append(report)

    def advertising_ended(self) -> None:
        self.log.append("advertising ended")

    def link_opened(self, link: Link) -> None:
        self.links.append(link)
        self.log.append("link opened")

    def link_closed(self, link: Link) -> None:
        self.links.remove(link)
        self.log.append("link closed")

    def lost(self, error: Exception) -> None:
        self.error = error
        self.log.append("lost")


class Heard:
    """A listener of either kind that remembers."""

    def __init__(self) -> None:
        self.values: list[bytes] = []
        self.clients: list[Any] = []
        self.subscriptions: list[tuple[bool, bool]] = []
        self.closed = 0

    def written(self, client: Any, value: bytes) -> None:
        self.clients.append(client)
        self.values.append(value)

    def subscribed(self, client: Any, notify: bool, indicate: bool) -> None:
        self.clients.append(client)
        self.subscriptions.append((notify, indicate))

    def notified(self, value: bytes) -> None:
        self.values.append(value)

    def doubled(self, value: bytes, indicated: bool) -> None:
        self.values.append(value)

    def link_closed(self, link: Any = None) -> None:
        self.closed += 1


ECHO_SERVICE = uuid16(0xA000)
ECHO = uuid16(0xA001)
ALL = (
    Properties.READ
    | Properties.WRITE
    | Properties.WRITE_WITHOUT_RESPONSE
    | Properties.NOTIFY
    | Properties.INDICATE
)


def add_echo(server: LocalServer, **kwargs: Any) -> LocalCharacteristic:
    """Publish a service with one characteristic that can do everything."""
    service = LocalService(ECHO_SERVICE)
    server.add_service(service)
    characteristic = LocalCharacteristic(ECHO, ALL, max_length=512, **kwargs)
    server.add_characteristic(service, characteristic)
    return characteristic


async def read_echo(link: Link) -> bytes:
    """Find that characteristic on the peer and read its value."""
    (service,) = await link.discover([ECHO_SERVICE])
    return await link.read(service.characteristics[0])
