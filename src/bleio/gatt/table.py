"""The attribute table that our own ATT server serves: the published model in handles.

It is built from a `LocalServer` and from then on hears of its changes as its `Publisher`. To each
it assigns handles (`layout`), makes attributes (`attributes`) and tells the clients that are
attached, which send Service Changed. GAP and GATT services are in the table but not in the model:
programs neither make nor see them, and an operating system has its own (`builtin`).

A table belongs to a model for the model's life, not for a backend's. What a client has learned of
its handles, and what a bond stores by them, must not change because an adapter was switched off
and on. So `AttributeTable.of` returns the one that is there, if there is one.

Handles are written into the model's records, where notifications find them without a look-up. No
one else may use them: on another backend they stay 0.
"""

from __future__ import annotations

from functools import partial
from typing import Protocol

from bleio.att.permissions import MIN_KEY_OCTETS
from bleio.gatt.attributes import assign_handles, drop_handles, handle_count, last_handle
from bleio.gatt.builtin import BuiltinServices
from bleio.gatt.hash import database_hash
from bleio.gatt.layout import Layout, Range
from bleio.gatt.model import LocalCharacteristic, LocalDescriptor, LocalService
from bleio.gatt.server import LocalServer


class AttachedClient(Protocol):
    """What the table needs of a bearer."""

    def table_changed(self, start: int, end: int) -> None:
        """Handles from `start` to `end` now mean something else."""

    def characteristic_removed(self, characteristic: LocalCharacteristic) -> None:
        """Forget what was configured for it."""


class AttributeTable:
    """All attributes that clients of an adapter can see, and which are attached. Engine thread.

    `database`: the attributes. `service_changed`: the characteristic of that name.
    `min_key_octets`: shortest encryption key that the permissions accept.
    Raises: CallerError if the model needs more handles than there are.
    """

    def __init__(self, server: LocalServer) -> None:
        self.min_key_octets = MIN_KEY_OCTETS
        self._clients: dict[AttachedClient, None] = {}  # a dict keeps their order
        self._hash: bytes | None = None
        builtin = BuiltinServices(self.database_hash)
        self._device_name = builtin.device_name
        self._layout = Layout(builtin.special)
        self.database = self._layout.database
        self.service_changed = builtin.service_changed
        for service in (*builtin.services, *server.services):
            self._layout.add(service, in_use=False)
        self.device_name_changed(server.device_name)
        builtin.appearance.value = server.appearance.to_bytes(2, "little")
        server.publish_by(self)

    @classmethod
    def of(cls, server: LocalServer) -> AttributeTable:
        """Return the table of a model, built at first need.

        Raises: CallerError if something else publishes it.
        """
        table = server.publisher
        return table if isinstance(table, AttributeTable) else cls(server)

    # What the model tells

    def device_name_changed(self, name: str) -> None:
        self._device_name.value = name.encode()

    def service_added(self, service: LocalService) -> None:
        self._tell(self._layout.add(service, self._in_use))

    def characteristic_added(
        self, service: LocalService, characteristic: LocalCharacteristic
    ) -> None:
        """Lay out a characteristic, its descriptors and its CCCD at the end of its service."""
        place = partial(assign_handles, characteristic)
        count = handle_count(characteristic)
        self._tell(self._layout.extend(service, count, place, self._in_use))

    def descriptor_added(
        self,
        service: LocalService,
        characteristic: LocalCharacteristic,
        descriptor: LocalDescriptor,
    ) -> None:
        # Any other place than the last moves attributes that come after it.
        comes_last = last_handle(characteristic) == service.end_handle
        place = partial(setattr, descriptor, "handle") if comes_last else None
        self._tell(self._layout.extend(service, 1, place, self._in_use))

    def service_removed(self, service: LocalService) -> None:
        changed = self._layout.remove(service, self._in_use)
        for characteristic in service.characteristics:
            self._forget(characteristic)
        self._tell(changed)

    def characteristic_removed(
        self, service: LocalService, characteristic: LocalCharacteristic
    ) -> None:
        """Leave a hole; the others keep their handles."""
        self._forget(characteristic)
        self._tell(self._layout.shrink(service, self._in_use))

    def forget_clients(self) -> None:
        self._clients.clear()

    # What bearers call

    def attach(self, client: AttachedClient) -> None:
        """A client is connected; it hears of changes from now on."""
        self._clients[client] = None

    def detach(self, client: AttachedClient) -> None:
        """A client is gone."""
        self._clients.pop(client, None)

    def database_hash(self) -> bytes:
        """Return the Database Hash of the present table, 16 octets as read by a client."""
        if self._hash is None:
            self._hash = database_hash(self.database)
        return self._hash

    def characteristics(self) -> list[LocalCharacteristic]:
        """Return all characteristics, the built-in ones first."""
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
