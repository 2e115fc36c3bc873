"""The local GATT server of one adapter: its services and who is connected."""

from __future__ import annotations

from typing import Protocol

from bleio.att.permissions import MIN_KEY_OCTETS
from bleio.errors import CallerError
from bleio.gatt.attributes import assign_handles, drop_handles, handle_count, last_handle
from bleio.gatt.builtin import BuiltinServices
from bleio.gatt.hash import database_hash
from bleio.gatt.layout import Layout, Range
from bleio.gatt.model import LocalCharacteristic, LocalDescriptor, LocalService

MAX_DEVICE_NAME_OCTETS = 248  # Vol 3, Part C, 12.1


class AttachedClient(Protocol):
    """What the server needs of a bearer."""

    def table_changed(self, start: int, end: int) -> None:
        """Handles from `start` to `end` now mean something else."""

    def characteristic_removed(self, characteristic: LocalCharacteristic) -> None:
        """Forget what was configured for it."""


class LocalServer:
    """All that clients of this adapter can see. Outlives controllers; engine thread only.

    `min_key_octets`: shortest encryption key that counts.
    """

    def __init__(self, device_name: str = "", appearance: int = 0) -> None:
        self.services: list[LocalService] = []  # the user's; GAP and GATT are not in it
        self.min_key_octets = MIN_KEY_OCTETS
        self._clients: dict[AttachedClient, None] = {}  # a dict keeps their order
        self._hash: bytes | None = None
        builtin = BuiltinServices(self.database_hash)
        self._device_name = builtin.device_name
        self._layout = Layout(builtin.special)
        self.database = self._layout.database
        self.service_changed = builtin.service_changed
        for service in builtin.services:
            self._layout.add(service, in_use=False)
        self.set_device_name(device_name)
        builtin.appearance.value = appearance.to_bytes(2, "little")

    # What the runtime and the API call

    def set_device_name(self, name: str) -> None:
        """Set the GAP Device Name, cut at a character to what the specification allows."""
        octets = name.encode()[:MAX_DEVICE_NAME_OCTETS]
        self._device_name.value = octets.decode(errors="ignore").encode()

    def add_service(self, service: LocalService) -> None:
        """Publish a service at once; connected clients get Service Changed.

        Raises: CallerError if no handles are left.
        """
        changed = self._layout.add(service, self._in_use)
        self.services.append(service)
        self._tell(changed)

    def add_characteristic(
        self, service: LocalService, characteristic: LocalCharacteristic
    ) -> None:
        """Publish a characteristic, its descriptors and its CCCD at the end of its service.

        Raises: CallerError if no handles are left.
        """

        def append() -> None:
            service.characteristics.append(characteristic)

        def place(start: int) -> None:
            assign_handles(characteristic, start)

        count = handle_count(characteristic)
        self._tell(self._layout.extend(service, count, append, place, self._in_use))

    def add_descriptor(
        self, characteristic: LocalCharacteristic, descriptor: LocalDescriptor
    ) -> None:
        """Publish a descriptor after the others of its characteristic.

        Raises: CallerError if no handles are left.
        """
        service = self._service_of(characteristic)

        def append() -> None:
            characteristic.descriptors.append(descriptor)

        def place(start: int) -> None:
            descriptor.handle = start

        comes_last = last_handle(characteristic) == service.end_handle
        changed = self._layout.extend(
            service, 1, append, place if comes_last else None, self._in_use
        )
        self._tell(changed)

    def remove_service(self, service: LocalService) -> None:
        """Take a service and all it holds out of the table."""
        self.services.remove(service)
        changed = self._layout.remove(service, self._in_use)
        for characteristic in service.characteristics:
            self._forget(characteristic)
        self._tell(changed)

    def remove_characteristic(
        self, service: LocalService, characteristic: LocalCharacteristic
    ) -> None:
        """Take a characteristic out of the table; the others keep their handles."""
        service.characteristics.remove(characteristic)
        self._forget(characteristic)
        self._tell(self._layout.shrink(service, self._in_use))

    # What bearers call

    def attach(self, client: AttachedClient) -> None:
        """A client is connected; it hears of changes from now on."""
        self._clients[client] = None

    def detach(self, client: AttachedClient) -> None:
        """A client is gone."""
        self._clients.pop(client, None)

    def forget_clients(self) -> None:
        """Drop all clients without a word; in a forked child they are the parent's."""
        self._clients.clear()

    def database_hash(self) -> bytes:
        """Give the Database Hash of the present table, 16 octets as read by a client."""
        if self._hash is None:
            self._hash = database_hash(self.database)
        return self._hash

    def characteristics(self) -> list[LocalCharacteristic]:
        """Give all characteristics, the built-in ones first."""
        return [
            characteristic
            for service in self._layout.services
            for characteristic in service.characteristics
        ]

    @property
    def _in_use(self) -> bool:
        return bool(self._clients)

    def _tell(self, changed: Range) -> None:
        self._hash = None
        for client in tuple(self._clients):
            client.table_changed(*changed)

    def _forget(self, characteristic: LocalCharacteristic) -> None:
        for client in tuple(self._clients):
            client.characteristic_removed(characteristic)
        drop_handles(characteristic)

    def _service_of(self, characteristic: LocalCharacteristic) -> LocalService:
        for service in self.services:
            if characteristic in service.characteristics:
                return service
        raise CallerError("The characteristic's service is not published")
