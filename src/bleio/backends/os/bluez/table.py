"""Our services in BlueZ's table: one application for each, registered when it has settled.

The model is changed in one moment, a registration takes a while. So a change only notes which
service is not as BlueZ has it, and a task registers what was noted, one service after the other in
their order. While no client is connected it waits a moment first, because programs add
characteristics one by one; and `settled` has it done before advertising starts. With a client
connected it waits for nothing.

A service that BlueZ refuses is told to the next `settled`, and is not tried again until it changes.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable

from bleio.backends.os.bluez import flags
from bleio.backends.os.bluez.adapter import Adapter
from bleio.backends.os.bluez.application import Application, Clients, forget_handles
from bleio.backends.os.bluez.bus import BusError
from bleio.backends.os.bluez.objects import GATT_MANAGER
from bleio.core.uuid import to_text
from bleio.errors import CallerError
from bleio.gatt.model import LocalCharacteristic, LocalDescriptor, LocalService

_log = logging.getLogger(__name__)

QUIET_S = 0.05


class Table:
    """The published model as BlueZ has it; see `gatt.server.Publisher`."""

    def __init__(self, adapter: Adapter, clients: Clients) -> None:
        self.hurry = False  # whether a client is connected, which sees the table at any time
        self._adapter, self._clients = adapter, clients
        self._services: dict[LocalService, Application | None] = {}  # in their order
        self._changed: set[LocalService] = set()
        self._refused: dict[LocalService, CallerError] = {}
        self._withdrawn: list[Application] = []
        self._lock = asyncio.Lock()
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None
        self._number = 0

    def open(self, services: Iterable[LocalService]) -> None:
        """Serve what there is. Raises: NotImplementedError for what BlueZ cannot have."""
        for service in services:
            self.service_added(service)

    async def close(self) -> None:
        """Take all back. Idempotent."""
        self._stop_timer()
        if self._task is not None:
            self._task.cancel()
        for service in list(self._services):
            self.service_removed(service)
        self._stop_timer()
        async with self._lock:
            if self._adapter.presence.is_usable:
                await self._work()

    def serving(self, characteristic: LocalCharacteristic) -> Application | None:
        """Return the registered application that has a characteristic, None while there is none."""
        for application in self._services.values():
            if application is not None and characteristic in application.paths:
                return application
        return None

    # Publisher

    def device_name_changed(self, name: str) -> None:
        """BlueZ shows its user's name of the computer; ours is in advertisements."""

    def service_added(self, service: LocalService) -> None:
        flags.check_service(service, self._adapter.platform)
        self._services[service] = None
        self._note(service)

    def characteristic_added(
        self, service: LocalService, characteristic: LocalCharacteristic
    ) -> None:
        flags.check_characteristic(characteristic, self._adapter.platform)
        self._note(service)

    def descriptor_added(
        self,
        service: LocalService,
        characteristic: LocalCharacteristic,
        descriptor: LocalDescriptor,
    ) -> None:
        flags.check_descriptor(descriptor, self._adapter.platform)
        self._note(service)

    def service_removed(self, service: LocalService) -> None:
        self._withdraw(service)
        self._services.pop(service, None)
        self._changed.discard(service)
        self._refused.pop(service, None)
        forget_handles(service)
        self._kick()

    def characteristic_removed(
        self, service: LocalService, characteristic: LocalCharacteristic
    ) -> None:
        self._clients.forget(characteristic)
        self._note(service)

    def forget_clients(self) -> None:
        """They are the parent's, and so is the connection to D-Bus."""

    # The adapter

    def adapter_went(self) -> None:
        """All that was registered is gone."""
        self._stop_timer()
        self._withdrawn.clear()
        for service, application in self._services.items():
            if application is not None:
                application.withdraw()
                self._services[service] = None
            for characteristic in service.characteristics:
                self._clients.stop(characteristic)
            self._changed.add(service)

    def adapter_came(self) -> None:
        """Register all again."""
        self._kick()

    # Registering

    def _note(self, service: LocalService) -> None:
        self._changed.add(service)
        self._refused.pop(service, None)
        self._kick()

    def _withdraw(self, service: LocalService) -> None:
        """Answer no more calls of the service's application, and have it unregistered."""
        application = self._services.get(service)
        if application is not None:
            self._services[service] = None
            application.withdraw()
            self._withdrawn.append(application)
        for characteristic in service.characteristics:
            self._clients.stop(characteristic)

    def _kick(self) -> None:
        self._stop_timer()
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(0 if self.hurry else QUIET_S, self._start)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _start(self) -> None:
        self._timer = None
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._settle_quietly())

    async def _settle_quietly(self) -> None:
        if self._adapter.presence.is_usable:
            async with self._lock:
                await self._work()

    async def settled(self) -> None:
        """Have BlueZ's table be as the model is. Raises: BusError; CallerError for a service that
        BlueZ refuses."""
        self._stop_timer()
        self._adapter.presence.require()
        async with self._lock:
            await self._work()
        for error in self._refused.values():
            raise error

    async def _work(self) -> None:
        """Register and unregister until nothing is left to do."""
        while self._withdrawn or self._changed:
            if not self._adapter.presence.is_usable:
                return
            while self._withdrawn:
                await self._unregister(self._withdrawn.pop(0))
            changed = [service for service in self._services if service in self._changed]
            self._changed.intersection_update(self._services)
            if changed:
                await self._register(changed[0])

    async def _register(self, service: LocalService) -> None:
        self._withdraw(service)
        while self._withdrawn:
            await self._unregister(self._withdrawn.pop(0))
        if service not in self._services:
            return  # it was removed while we waited
        self._changed.discard(service)
        self._number += 1
        bus = self._adapter.objects.bus
        application = Application(bus, f"/bleio/service{self._number}", service, self._clients)
        try:
            await self._call("RegisterApplication", "oa{sv}", application.root, {})
        except BusError as error:
            application.withdraw()
            if self._adapter.presence.is_usable:
                self._refuse(service, error)
            else:
                self._changed.add(service)
            return
        except BaseException:
            application.withdraw()
            self._withdrawn.append(application)
            self._changed.add(service)
            raise
        if service in self._services:
            self._services[service] = application
        else:
            application.withdraw()
            self._withdrawn.append(application)

    def _refuse(self, service: LocalService, error: BusError) -> None:
        sentence = (
            f"{self._adapter.name} refuses the service {to_text(service.uuid)} ({error}): what the"
            f" program asks for may need a newer BlueZ than {self._adapter.platform}"
        )
        _log.warning("%s", sentence)
        self._refused[service] = CallerError(sentence)

    async def _unregister(self, application: Application) -> None:
        try:
            await self._call("UnregisterApplication", "o", application.root)
        except BusError as error:
            _log.debug("Unregistering a service: %s", error)

    async def _call(self, member: str, signature: str, *body: object) -> None:
        await self._adapter.call(GATT_MANAGER, member, signature, *body)
