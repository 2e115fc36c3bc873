"""The local GATT server of one adapter: its services, their handles, and who is connected.

Handles are dense and in creation order as long as nobody is connected, so that a restarted program
has the same table. While clients are connected, no attribute changes its handle in place: a service
that cannot grow where it is moves as a whole to unused handles, and Service Changed tells.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from bleio.att.codec import MAX_HANDLE
from bleio.att.database import Database
from bleio.att.permissions import MIN_KEY_OCTETS
from bleio.errors import CallerError
from bleio.gatt import attributes
from bleio.gatt.builtin import BuiltinServices
from bleio.gatt.hash import database_hash
from bleio.gatt.model import LocalCharacteristic, LocalDescriptor, LocalService

MAX_DEVICE_NAME_OCTETS = 248  # Vol 3, Part C, 12.1


class AttachedClient(Protocol):
    """What the server needs of a bearer."""

    def table_changed(self, start: int, end: int) -> None:
        """Handles from `start` to `end` now mean something else."""

    def characteristic_removed(self, characteristic: LocalCharacteristic) -> None:
        """Forget what was configured for it."""


class LocalServer:
    """All that clients of this adapter can see. Outlives controllers; engine thread only."""

    def __init__(self, device_name: str = "", appearance: int = 0) -> None:
        self.services: list[LocalService] = []  # the user's; GAP and GATT are not in it
        self.database = Database()
        self.min_key_octets = MIN_KEY_OCTETS
        self._clients: dict[AttachedClient, None] = {}  # a dict keeps their order
        self._hash: bytes | None = None
        self._builtin = BuiltinServices(self.database_hash)
        self.builtin_services = self._builtin.services
        self.service_changed = self._builtin.service_changed
        for service in self.builtin_services:
            self._place(service, self._end_of_table() + 1)
        self.set_device_name(device_name)
        self._builtin.appearance.value = appearance.to_bytes(2, "little")

    # What the runtime and the API call

    def set_device_name(self, name: str) -> None:
        """Set the GAP Device Name, cut at a character to what the specification allows."""
        octets = name.encode()[:MAX_DEVICE_NAME_OCTETS]
        self._builtin.device_name.value = octets.decode(errors="ignore").encode()

    def add_service(self, service: LocalService) -> None:
        """Publish a service at once; connected clients get Service Changed.

        Raises: CallerError if no handles are left.
        """
        self._place(service, self._room_for(_handle_count(service)))
        self.services.append(service)
        self._changed(service.handle, service.end_handle)

    def add_characteristic(
        self, service: LocalService, characteristic: LocalCharacteristic
    ) -> None:
        """Publish a characteristic, its descriptors and its CCCD at the end of its service.

        Raises: CallerError if no handles are left.
        """
        count = attributes.handle_count(characteristic)

        def append() -> None:
            service.characteristics.append(characteristic)

        if self._can_grow(service, count):
            append()
            service.end_handle = (
                attributes.assign_handles(characteristic, service.end_handle + 1) - 1
            )
            self._install(service)
            self._changed(service.handle, service.end_handle)
        else:
            self._relocate(service, _handle_count(service) + count, append)

    def add_descriptor(
        self, characteristic: LocalCharacteristic, descriptor: LocalDescriptor
    ) -> None:
        """Publish a descriptor after the others of its characteristic.

        Raises: CallerError if no handles are left.
        """
        service = self._service_of(characteristic)

        def append() -> None:
            characteristic.descriptors.append(descriptor)

        at_the_end = attributes.last_handle(characteristic) == service.end_handle
        if at_the_end and self._can_grow(service, 1):
            append()
            descriptor.handle = service.end_handle = service.end_handle + 1
            self._install(service)
            self._changed(service.handle, service.end_handle)
        else:
            self._relocate(service, _handle_count(service) + 1, append)

    def remove_service(self, service: LocalService) -> None:
        """Take a service and all it holds out of the table."""
        self.services.remove(service)
        start, end = service.handle, service.end_handle
        self.database.replace(start, end, ())
        service.handle = service.end_handle = 0
        for characteristic in service.characteristics:
            self._forget(characteristic)
        self._changed(start, end)

    def remove_characteristic(
        self, service: LocalService, characteristic: LocalCharacteristic
    ) -> None:
        """Take a characteristic out of the table; the others keep their handles."""
        service.characteristics.remove(characteristic)
        self._forget(characteristic)
        self._install(service)
        self._changed(service.handle, service.end_handle)

    # What bearers call

    def attach(self, client: AttachedClient) -> None:
        """A client is connected; it hears of changes from now on."""
        self._clients[client] = None

    def detach(self, client: AttachedClient) -> None:
        """A client is gone."""
        self._clients.pop(client, None)

    def database_hash(self) -> bytes:
        """Give the Database Hash of the present table."""
        if self._hash is None:
            self._hash = database_hash(self.database)
        return self._hash

    def characteristics(self) -> list[LocalCharacteristic]:
        """Give all characteristics, the built-in ones first."""
        every = (*self.builtin_services, *self.services)
        return [characteristic for service in every for characteristic in service.characteristics]

    # Handles

    def _can_grow(self, service: LocalService, count: int) -> bool:
        end = service.end_handle
        free = end + count <= MAX_HANDLE
        return free and not self.database.in_range(end + 1, min(end + count, MAX_HANDLE))

    def _relocate(self, service: LocalService, count: int, grow: Callable[[], None]) -> None:
        """Make a service larger that cannot grow where it is."""
        old_start, old_end = service.handle, service.end_handle
        if not self._clients:
            if self._end_of_table() + count > MAX_HANDLE:
                raise CallerError(_FULL)
            grow()
            self._lay_out_anew()
            return
        start = self._room_for(count)
        grow()
        self.database.replace(old_start, old_end, ())
        self._place(service, start)
        self._changed(min(old_start, service.handle), max(old_end, service.end_handle))

    def _lay_out_anew(self) -> None:
        self.database.replace(1, MAX_HANDLE, ())
        start = 1
        for service in (*self.builtin_services, *self.services):
            self._place(service, start)
            start = service.end_handle + 1
        self._changed(1, MAX_HANDLE)

    def _room_for(self, count: int) -> int:
        """Find unused handles: after all others, else in the first gap that is large enough."""
        after = self._end_of_table() + 1
        if after + count - 1 <= MAX_HANDLE:
            return after
        start = 1
        for service in sorted((*self.builtin_services, *self.services), key=lambda s: s.handle):
            if service.handle - start >= count:
                return start
            start = service.end_handle + 1
        raise CallerError(_FULL)

    def _end_of_table(self) -> int:
        every = (*self.builtin_services, *self.services)
        return max((service.end_handle for service in every), default=0)

    def _place(self, service: LocalService, start: int) -> None:
        """Give a service and all it holds handles from `start` on, and its attributes."""
        service.handle = start
        following = start + 1
        for characteristic in service.characteristics:
            following = attributes.assign_handles(characteristic, following)
        service.end_handle = following - 1
        self._install(service)

    def _install(self, service: LocalService) -> None:
        """Make the attributes of a service that has its handles."""
        new = attributes.service_attributes(service, self._builtin.special)
        self.database.replace(service.handle, service.end_handle, new)
        self._hash = None

    def _changed(self, start: int, end: int) -> None:
        self._hash = None
        for client in tuple(self._clients):
            client.table_changed(start, end)

    def _forget(self, characteristic: LocalCharacteristic) -> None:
        for client in tuple(self._clients):
            client.characteristic_removed(characteristic)
        attributes.drop_handles(characteristic)

    def _service_of(self, characteristic: LocalCharacteristic) -> LocalService:
        for service in self.services:
            if characteristic in service.characteristics:
                return service
        raise CallerError("The characteristic's service is not published")


_FULL = "No attribute handles left"


def _handle_count(service: LocalService) -> int:
    return 1 + sum(attributes.handle_count(item) for item in service.characteristics)
