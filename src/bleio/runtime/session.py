"""A session: what one adapter is while the program runs.

It opens its backend at first use, hears the backend's events and keeps what programs look at.
Its local server outlives the controller, so services stay when the adapter is switched off or
its controller is lost.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from bleio.backends.base import (
    AdvertisingParameters,
    Backend,
    Link,
    OobData,
    Report,
    ScanParameters,
)
from bleio.core.address import DeviceAddress
from bleio.core.advertising import Prefixes
from bleio.core.pairing import SecuritySettings
from bleio.errors import CallerError, ControllerLost, LinkLost
from bleio.gatt.server import LocalServer
from bleio.runtime import identity
from bleio.runtime.activity import Activity
from bleio.runtime.clock import Clock
from bleio.runtime.connections import Connections
from bleio.runtime.delegate import Delegate
from bleio.runtime.policy import Policy
from bleio.runtime.portal import Portal, portal, portal_of_context
from bleio.runtime.scan_buffer import ScanBuffer
from bleio.runtime.tasks import Tasks

T = TypeVar("T")

ALREADY_ADVERTISING = "Already advertising."
ALREADY_SCANNING = "Scan already in progress. Stop with stop_scan."
NOT_ENABLED = "Adapter not enabled"


class Session:
    """The engine's side of one Adapter; it is also the backend's `Events`.

    Args:
        make_backend: makes a backend that is not open yet. It is given the identity address that
            this session had before, which it should get again if it can.
        make_connection: makes the program's object for a new link; called on the engine thread.
        default_delegate: gives who answers in pairing if the program sets nobody.

    Thread: public methods may be called from any thread but the engine's and wait for the engine,
        except where they say otherwise; properties never wait unless they say so.
    """

    def __init__(
        self,
        make_backend: Callable[[DeviceAddress | None], Backend],
        make_connection: Callable[[Session, Link], Any],
        default_delegate: Callable[[], Delegate | None] = lambda: None,
    ) -> None:
        self._own_portal = portal_of_context()
        self.server = LocalServer()
        self._policy = Policy(default_delegate)
        self._make_backend = make_backend
        self._make_connection = make_connection
        self._enabled = True
        self._loss: Exception | None = None
        self._name: str | None = None
        self._address: DeviceAddress | None = None
        self._reset()

    def _reset(self) -> None:
        """Make everything that is bound to one engine thread."""
        self._backend: Backend | None = None
        self._opening = asyncio.Lock()
        self._closing: asyncio.Task[None] | None = None
        self._users: set[asyncio.Task[Any]] = set()
        self._tasks = Tasks()
        self._scan_buffer: ScanBuffer | None = None
        self._connections = Connections(lambda link: self._make_connection(self, link))
        self._advertiser = Activity(
            ALREADY_ADVERTISING, lambda: self._open_backend().stop_advertising(), self._tasks
        )
        self._scanner = Activity(
            ALREADY_SCANNING, lambda: self._open_backend().stop_scan(), self._tasks
        )

    # The way to the engine, for objects of this adapter

    @property
    def _portal(self) -> Portal:
        return self._own_portal or portal()

    @property
    def clock(self) -> Clock:
        """The clock that everything of this session waits by."""
        return self._portal.clock

    def look(self) -> None:
        """The program looks at what may change while it looks; see `Clock.look`."""
        if self._own_portal is not None:  # real time, where it costs nothing, is the process's
            self._own_portal.clock.look()

    def call(
        self,
        function: Callable[..., Coroutine[Any, Any, T]],
        *args: Any,
        timeout_s: float | None = None,
    ) -> T:
        """Run a coroutine function on the engine and wait for it; see `Portal.call`."""
        return self._portal.call(function, *args, timeout_s=timeout_s)

    def run(self, function: Callable[..., T], *args: Any) -> T:
        """Run a plain function on the engine and wait for it; see `Portal.run`."""
        return self._portal.run(function, *args)

    def post(self, function: Callable[..., object], *args: Any) -> None:
        """Run a plain function on the engine soon, without waiting; see `Portal.post`."""
        self._portal.post(function, *args)

    # The adapter

    @property
    def enabled(self) -> bool:
        """Whether the program wants the adapter on and its controller was not lost."""
        return self._enabled

    def set_enabled(self, enabled: bool) -> None:
        """Switch off, which ends everything on the air, or on, which opens the backend anew.

        Raises: BluetoothError if it cannot be opened; it stays off then.
        """
        if enabled != self._enabled:
            self.call(self._enable if enabled else self.shut_down)

    @property
    def address(self) -> DeviceAddress:
        """The own identity address; opens the backend and waits for it at first use.

        If the adapter is off it stays so: the backend is closed again.
        """
        return self._address or self.call(self._learn_address)

    def set_address(self, address: DeviceAddress) -> None:
        """Use another random static address, also when the backend is opened again."""

        async def change(backend: Backend) -> None:
            await backend.set_address(address)
            self._address = address

        self.call(self._use, change)

    @property
    def name(self) -> str:
        """The GAP Device Name; opens the backend if the name comes from the address."""
        if self._name is None:
            self._name = identity.configured_name() or identity.default_name(self.address)
        return self._name

    def set_name(self, name: str) -> None:
        """Set the GAP Device Name, cut to 28 octets. Does not wait."""
        self._name = identity.cut_name(name)
        self.post(self.server.set_device_name, self._name)

    @property
    def security(self) -> SecuritySettings:
        """How it pairs and what it demands. Does not wait. Raises: CallerError."""
        return self._policy.settings

    def set_security(self, settings: SecuritySettings) -> None:
        """Pair and demand like this from now on. Does not wait."""
        self._policy.settings = settings
        self._policy_changed()

    @property
    def pairing_delegate(self) -> Delegate | None:
        """Who answers in pairing. Does not wait. Raises: CallerError."""
        return self._policy.delegate

    def set_pairing_delegate(self, delegate: Delegate | None) -> None:
        """Ask it from now on; None is Just Works with everybody. Does not wait."""
        self._policy.delegate = delegate
        self._policy_changed()

    def _policy_changed(self) -> None:
        if (backend := self._backend) is not None:
            self.post(self._policy.apply, backend)

    def local_oob(self) -> OobData:
        """Give the own out-of-band data."""
        data: OobData = self.call(self._use, lambda backend: backend.local_oob())
        return data

    @property
    def advertising(self) -> bool:
        """True from a successful start until it ends for whatever reason."""
        return self._advertiser.active

    @property
    def links(self) -> tuple[Link, ...]:
        """The live links."""
        return self._connections.links

    @property
    def connections(self) -> tuple[Any, ...]:
        """The objects of the live links, the same one for a link each time."""
        return self._connections.objects

    def connection_of(self, link: Link) -> Any | None:
        """Give the object of a link; None if the link is gone. Does not wait."""
        return self._connections.of(link)

    def start_advertising(self, parameters: AdvertisingParameters, timeout_s: float) -> None:
        """Advertise until stopped, connected to, switched off, or for `timeout_s` if not 0."""
        self.call(
            self._use,
            lambda backend: self._advertiser.start(
                lambda: backend.start_advertising(parameters), timeout_s
            ),
        )

    def stop_advertising(self) -> None:
        """End advertising; does nothing when idle."""
        if self._backend is not None:
            self.call(self._use, lambda _: self._advertiser.stop())

    def start_scan(
        self,
        parameters: ScanParameters,
        timeout_s: float,
        *,
        buffer_octets: int,
        prefixes: bytes,
        minimum_rssi_dbm: int,
    ) -> ScanBuffer:
        """Scan until stopped, connecting, switched off, or for `timeout_s` if not 0."""
        buffer = ScanBuffer(self.clock, buffer_octets, Prefixes(prefixes), minimum_rssi_dbm)

        async def start(backend: Backend) -> None:
            async def begin() -> None:
                self._scan_buffer = buffer
                await backend.start_scan(parameters)

            await self._scanner.start(begin, timeout_s, on_end=buffer.finish)

        self.call(self._use, start)
        return buffer

    def stop_scan(self) -> None:
        """End the scan; does nothing when idle. What was received stays readable."""
        if self._backend is not None:
            self.call(self._use, lambda _: self._scanner.stop())

    def connect(self, address: DeviceAddress, timeout_s: float) -> Any:
        """Connect, ending a running scan, and give the new link's object. 0: no time limit."""

        async def connect(backend: Backend) -> Any:
            await self._scanner.stop()
            link = await backend.connect(address, timeout_s)
            connection = self._connections.of(link)
            if connection is None:
                raise LinkLost
            return connection

        return self.call(self._use, connect)

    def erase_bonds(self) -> None:
        """Forget all bonds."""
        self.call(self._use, lambda backend: backend.erase_bonds())

    # Life of the backend: engine thread

    async def _use(self, operation: Callable[[Backend], Awaitable[T]]) -> T:
        """Run an operation on the open backend; it ends with an error if the backend goes."""
        backend = await self._ready()
        task = asyncio.current_task()
        assert task is not None
        self._users.add(task)
        try:
            return await operation(backend)
        except (asyncio.CancelledError, ControllerLost):
            if self._backend is backend:
                raise
            raise self._why_closed() from None
        finally:
            self._users.discard(task)

    async def _ready(self) -> Backend:
        """Give the backend, opened if it is not."""
        async with self._opening:
            if not self._enabled:
                raise self._why_closed()
            if self._backend is None:
                self._backend = await self._open()
                self._portal.join(self)
            return self._backend

    async def _open(self) -> Backend:
        await self._closed()
        backend = self._make_backend(self._address)
        self._policy.apply(backend)
        name = self._name or identity.configured_name()
        try:
            await backend.open(self.server, name or identity.NAME_PREFIX, self)
        except BaseException:
            await backend.close()
            raise
        self._policy.apply(backend)  # it may have changed meanwhile
        self._address = backend.address
        self._name = name or identity.default_name(backend.address)
        self.server.set_device_name(self._name)
        return backend

    async def _learn_address(self) -> DeviceAddress:
        if self._enabled:
            return (await self._ready()).address
        async with self._opening:
            if self._address is None:
                await (await self._open()).close()
            assert self._address is not None
            return self._address

    async def _enable(self) -> None:
        async with self._opening:
            if not self._enabled:
                self._backend = await self._open()
                self._portal.join(self)
                self._enabled, self._loss = True, None

    async def shut_down(self) -> None:
        """Switch off: end everything on the air and release the controller."""
        async with self._opening:
            self._enabled, self._loss = False, None
            self._release()
            await self._closed()

    def _release(self) -> None:
        """Let go of the backend, if there is one, and start closing it."""
        backend, self._backend = self._backend, None
        if backend is not None:
            self._advertiser.ended()
            self._scanner.ended()
            for task in self._users:
                task.cancel()
            self._closing = self._tasks.spawn(self._close(backend))

    async def _close(self, backend: Backend) -> None:
        try:
            await backend.close()
        finally:
            self._connections.clear()
            self._portal.leave(self)

    async def _closed(self) -> None:
        """Wait until the former backend is closed, if there was one."""
        if self._closing is not None:
            await asyncio.wait((self._closing,))

    def _open_backend(self) -> Backend:
        if self._backend is None:
            raise self._why_closed()
        return self._backend

    def _why_closed(self) -> Exception:
        if self._loss is None:
            return CallerError(NOT_ENABLED)
        what = str(self._loss).rstrip(".")
        return ControllerLost(f"{what}; set adapter.enabled = True to open it again")

    def forget(self) -> None:
        """Let go of all that belongs to the parent process; this is a forked child."""
        if self._scan_buffer is not None:
            self._scan_buffer.forget()
        for link in self.links:
            link.connected = False
        self.server.forget_clients()
        self._address = None
        self._reset()

    # Events: engine thread

    def reported(self, report: Report) -> None:
        if self._scan_buffer is not None:
            self._scan_buffer.offer(report)

    def advertising_ended(self) -> None:
        self._advertiser.ended()

    def link_opened(self, link: Link) -> None:
        self._connections.add(link)

    def link_closed(self, link: Link) -> None:
        self._connections.remove(link)

    def lost(self, error: Exception) -> None:
        self._enabled, self._loss = False, error
        self._release()
