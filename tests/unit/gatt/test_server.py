"""The published model, and what its publisher hears."""

from __future__ import annotations

from typing import Any

import pytest

from bleio.core.codes import Properties
from bleio.core.uuid import uuid16
from bleio.errors import CallerError
from bleio.gatt.model import LocalCharacteristic, LocalDescriptor, LocalService
from bleio.gatt.server import LocalServer
from bleio.gatt.table import AttributeTable


class Heard:
    """A publisher that remembers; `refuse` is raised at everything that is added."""

    def __init__(self) -> None:
        self.log: list[tuple[Any, ...]] = []
        self.refuse: Exception | None = None

    def _added(self, *what: object) -> None:
        if self.refuse is not None:
            raise self.refuse
        self.log.append(what)

    def device_name_changed(self, name: str) -> None:
        self.log.append((name,))

    def service_added(self, service: Any) -> None:
        self._added("service", service)

    def characteristic_added(self, service: Any, characteristic: Any) -> None:
        self._added("characteristic", service, characteristic)

    def descriptor_added(self, service: Any, characteristic: Any, descriptor: Any) -> None:
        self._added("descriptor", service, characteristic, descriptor)

    def service_removed(self, service: Any) -> None:
        self.log.append(("no service", service))

    def characteristic_removed(self, service: Any, characteristic: Any) -> None:
        self.log.append(("no characteristic", service, characteristic))

    def forget_clients(self) -> None:
        self.log.append(("forget",))


def some() -> tuple[LocalService, LocalCharacteristic, LocalDescriptor]:
    return (
        LocalService(uuid16(0x1810)),
        LocalCharacteristic(uuid16(0x2A37), Properties.READ),
        LocalDescriptor(uuid16(0x2904)),
    )


def test_a_publisher_hears_of_each_change_once_it_is_made() -> None:
    server, heard = LocalServer(), Heard()
    service, characteristic, descriptor = some()
    server.add_service(LocalService(uuid16(0x1811)))  # nothing publishes yet
    server.publish_by(heard)
    server.set_device_name("name")
    server.add_service(service)
    server.add_characteristic(service, characteristic)
    server.add_descriptor(characteristic, descriptor)
    server.remove_characteristic(service, characteristic)
    server.remove_service(service)
    server.forget_clients()
    server.withdraw(heard)
    server.set_device_name("not told")
    assert heard.log == [
        ("name",),
        ("service", service),
        ("characteristic", service, characteristic),
        ("descriptor", service, characteristic, descriptor),
        ("no characteristic", service, characteristic),
        ("no service", service),
        ("forget",),
    ]


def test_what_it_refuses_is_not_offered() -> None:
    server, heard = LocalServer(), Heard()
    service, characteristic, descriptor = some()
    server.publish_by(heard)
    heard.refuse = NotImplementedError("os cannot")
    with pytest.raises(NotImplementedError):
        server.add_service(service)
    assert server.services == []
    heard.refuse = None
    server.add_service(service)
    heard.refuse = CallerError("No attribute handles left")
    with pytest.raises(CallerError):
        server.add_characteristic(service, characteristic)
    assert service.characteristics == []
    heard.refuse = None
    server.add_characteristic(service, characteristic)
    heard.refuse = CallerError("No attribute handles left")
    with pytest.raises(CallerError):
        server.add_descriptor(characteristic, descriptor)
    assert characteristic.descriptors == []


def test_there_is_one_publisher_at_most() -> None:
    server, heard = LocalServer(), Heard()
    server.publish_by(heard)
    for another in (server.publish_by, AttributeTable.of):
        with pytest.raises(CallerError):
            another(server)  # type: ignore[arg-type]
    server.withdraw(Heard())
    assert server.publisher is heard


def test_the_table_is_built_from_what_is_there_and_stays() -> None:
    server = LocalServer("name")
    service, characteristic, descriptor = some()
    server.add_service(service)
    server.add_characteristic(service, characteristic)
    server.add_descriptor(characteristic, descriptor)
    assert (service.handle, characteristic.handle, descriptor.handle) == (0, 0, 0)
    table = AttributeTable.of(server)
    assert (service.handle, characteristic.handle, descriptor.handle) == (16, 18, 19)
    assert AttributeTable.of(server) is table
