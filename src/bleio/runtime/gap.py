"""What an adapter does on the air: it advertises, scans, connects, and has links.

Programs ask here, by operations (see `calls`); the backend tells here what happens. It is the
backend's `Events`, and passes on what the life of the backend is about.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from bleio.backends.base import AdvertisingParameters, Backend, Link, Report, ScanParameters
from bleio.core.address import DeviceAddress
from bleio.errors import LinkLost
from bleio.runtime import hints, needs
from bleio.runtime.activity import Activity
from bleio.runtime.bell import Bell
from bleio.runtime.calls import Call
from bleio.runtime.life import Life
from bleio.runtime.loop import Tasks
from bleio.runtime.scan_buffer import ScanBuffer

ALREADY_ADVERTISING = "Already advertising."
ALREADY_SCANNING = "Scan already in progress. Stop with stop_scan."


class Connections:
    """One object per link that programs know it by, for as long as the link lives.

    The tuple is replaced, never changed, so every thread reads it without a lock; all else belongs
    to the engine thread. A link ends in steps: it counts as not connected, then its listeners are
    told, which may wake a program, then it is removed here. A program that is awake in between
    must not see it here any more, or `while adapter.connected: buffer.readline()` would read on.

    Attributes: changed: rung when a link has come or is gone.
    """

    def __init__(self, make: Callable[[Link], Any]) -> None:
        self.changed = Bell()
        self._make = make
        self._by_link: dict[Link, Any] = {}
        self._published: tuple[tuple[Link, Any], ...] = ()

    @property
    def links(self) -> tuple[Link, ...]:
        """The live links. Any thread."""
        return tuple(link for link, _ in self._published if link.connected)

    @property
    def objects(self) -> tuple[Any, ...]:
        """Their objects, in the same order. Any thread."""
        return tuple(each for link, each in self._published if link.connected)

    def has_any(self) -> bool:
        """Whether there is a live link. Any thread."""
        for link, _ in self._published:  # noqa: SIM110 - programs spin on this
            if link.connected:
                return True
        return False

    def of(self, link: Link) -> Any | None:
        """Return the link's object; None if the link is gone. Any thread."""
        return self._by_link.get(link)

    def link_of(self, connection: Any) -> Link | None:
        """Return the link of such an object; None if it is gone. Any thread."""
        for link, each in self._published:
            if each is connection:
                return link
        return None

    def add(self, link: Link) -> None:
        """A link came up."""
        if link not in self._by_link:
            self._by_link[link] = self._make(link)
            self._publish()

    def remove(self, link: Link) -> None:
        """A link is gone."""
        if self._by_link.pop(link, None) is not None:
            self._publish()

    def clear(self) -> None:
        """All links are gone."""
        self._by_link.clear()
        self._publish()

    def _publish(self) -> None:
        self._published = tuple(self._by_link.items())
        self.changed.ring()


class Gap:
    """Advertising, scanning and connecting of one adapter; the backend's `Events`.

    Thread: operations and properties may be used on any thread but the engine's; the rest is the
        engine's.
    """

    def __init__(self, life: Life, tasks: Tasks, make_connection: Callable[[Link], Any]) -> None:
        self._life = life
        self._tasks = tasks
        self._make_connection = make_connection
        self._reset()

    def _reset(self) -> None:
        """Make everything that is bound to one engine thread."""
        self.connections = Connections(self._make_connection)
        self._advertiser = Activity(ALREADY_ADVERTISING, self._tasks)
        self._scanner = Activity(ALREADY_SCANNING, self._tasks)
        self._scan_buffer: ScanBuffer | None = None
        self._hearing = hints.Hearing(self._tasks)

    @property
    def advertising(self) -> bool:
        """True from a successful start until it ends for whatever reason."""
        return self._advertiser.active

    def doing(self) -> Iterator[str]:
        """Yield a word for each thing that goes on: for people."""
        if self._advertiser.active:
            yield "advertising"
        if self._scanner.active:
            yield "scanning"
        if count := len(self.connections.links):
            yield f"{count} link{'s' * (count > 1)}"

    # What the program asks for: operations

    async def start_advertising(self, parameters: AdvertisingParameters, timeout_s: float) -> None:
        """Advertise until stopped, connected to, switched off, or for `timeout_s` if not 0."""
        needed, start = needs.of_advertising(parameters), self._start_advertising
        undo = self._unwanted_advertising
        await Call(self._life.use, needed, start, parameters, timeout_s, undo=undo)

    async def stop_advertising(self) -> None:
        """End advertising; does nothing when idle."""
        if self._life.backend is not None:
            await Call(self._life.use, (), self._stop_advertising)

    async def start_scan(
        self, parameters: ScanParameters, timeout_s: float, buffer: ScanBuffer
    ) -> None:
        """Scan into a buffer until stopped, connecting, switched off, or for `timeout_s` if not
        0. The buffer is finished then."""
        needed, start, undo = needs.of_scan(parameters), self._start_scan, self._unwanted_scan
        await Call(self._life.use, needed, start, parameters, timeout_s, buffer, undo=undo)

    async def stop_scan(self) -> None:
        """End the scan; does nothing when idle. What was received stays readable."""
        if self._life.backend is not None:
            await Call(self._life.use, (), self._stop_scan)

    async def connect(self, address: DeviceAddress, timeout_s: float) -> Any:
        """Connect, ending a running scan, and return the new link's object. 0: no time limit."""
        return await Call(self._life.use, (), self._connect, address, timeout_s, undo=self.end_link)

    # The same on the engine

    async def _start_advertising(
        self, backend: Backend, parameters: AdvertisingParameters, timeout_s: float
    ) -> None:
        start = partial(backend.start_advertising, parameters)
        await self._advertiser.start(start, backend.stop_advertising, timeout_s)
        if hints.are_wanted() and backend.name.startswith("virtual:"):
            hints.later(self._tasks, backend, lambda: self.advertising, listens=False)

    async def _stop_advertising(self, backend: Backend) -> None:
        await self._advertiser.stop()

    async def _start_scan(
        self, backend: Backend, parameters: ScanParameters, timeout_s: float, buffer: ScanBuffer
    ) -> None:
        start = partial(self._begin_scan, backend, parameters, buffer)
        await self._scanner.start(start, backend.stop_scan, timeout_s, buffer.finish)

    async def _begin_scan(
        self, backend: Backend, parameters: ScanParameters, buffer: ScanBuffer
    ) -> None:
        self._scan_buffer = buffer  # not before the former scan was ended
        self._hearing.begin(backend, buffer)
        await backend.start_scan(parameters)

    async def _stop_scan(self, backend: Backend) -> None:
        await self._scanner.stop()

    async def _connect(self, backend: Backend, address: DeviceAddress, timeout_s: float) -> Any:
        await self._scanner.stop()
        with hints.while_connecting(self._tasks, backend):
            link = await backend.connect(address, timeout_s)
        connection = self.connections.of(link)
        if connection is None:
            raise LinkLost
        return connection

    # What has begun though nobody waits for it any more

    def _unwanted_advertising(self, nothing: None) -> None:
        self._tasks.spawn(self._advertiser.stop())

    def _unwanted_scan(self, nothing: None) -> None:
        self._tasks.spawn(self._scanner.stop())

    def end_link(self, connection: Any) -> None:
        """Begin to end a link that nobody wants any more. Thread: the engine's."""
        if (link := self.connections.link_of(connection)) is not None:
            self._tasks.spawn(link.disconnect())

    # Events of the backend

    def reported(self, report: Report) -> None:
        if (sink := self._hearing.sink) is not None:
            sink.offer(report)

    def advertising_ended(self) -> None:
        self._advertiser.ended()

    def link_opened(self, link: Link) -> None:
        self.connections.add(link)

    def link_closed(self, link: Link) -> None:
        self.connections.remove(link)

    def lost(self, error: Exception) -> None:
        self._life.lost(error)

    # The end of a backend

    def fall_silent(self, loss: Exception | None) -> None:
        """Nothing is on the air any more, and nothing has to be stopped.

        Args: loss: what uses raise from now on, if the radio was lost.
        """
        if self._scan_buffer is not None:
            self._scan_buffer.finish(loss)
        self._advertiser.ended()
        self._scanner.ended()

    def forget(self) -> None:
        """This is a forked child: the links, and the threads that wait for reports, are the
        parent's."""
        if self._scan_buffer is not None:
            self._scan_buffer.forget()
        for link in self.connections.links:
            link.connected = False
        self._reset()
