"""What one adapter offers to its clients: services, device name and appearance.

This is the published model, and all that a program changes. It knows of no handles, no clients and
no radio, since those are not the same everywhere: on a controller our own attribute table serves
the model (`gatt.table`), on an operating system's Bluetooth the system has a table of its own and
wants objects registered. Whichever it is, it is the model's `Publisher`, and hears of each change
by one method for each kind. The model outlives it: an adapter that is switched off or loses its
controller still has its services, and the next backend publishes what is there.

A change is made first and told then, so a publisher always finds the model as it is to be. If it
refuses (no handles are left, or a system knows no such permission), the change is taken back and
the program gets the error; nothing is half published.

There is one publisher at most. Two would need an order, and a way back for the first when the
second refuses; and no adapter has two backends.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol, TypeVar

from bleio.core.codes import SecurityMode
from bleio.errors import CallerError
from bleio.gatt.model import LocalCharacteristic, LocalDescriptor, LocalService

MAX_DEVICE_NAME_OCTETS = 248  # Vol 3, Part C, 12.1

T = TypeVar("T")


class Publisher(Protocol):
    """What makes the model visible to clients; told after each change, on the engine thread.

    The methods with `added` may raise CallerError or NotImplementedError; the others must not.
    """

    def device_name_changed(self, name: str) -> None:
        """The GAP Device Name is another one."""

    def service_added(self, service: LocalService) -> None:
        """A service is the last one now; it may have characteristics already."""

    def characteristic_added(
        self, service: LocalService, characteristic: LocalCharacteristic
    ) -> None:
        """A characteristic is the last one of a service now; it may have descriptors already."""

    def descriptor_added(
        self,
        service: LocalService,
        characteristic: LocalCharacteristic,
        descriptor: LocalDescriptor,
    ) -> None:
        """A descriptor is the last one of a characteristic now."""

    def service_removed(self, service: LocalService) -> None:
        """A service and all it holds is no more."""

    def characteristic_removed(
        self, service: LocalService, characteristic: LocalCharacteristic
    ) -> None:
        """A characteristic and its descriptors are no more."""

    def forget_clients(self) -> None:
        """Drop all clients without a word: in a forked child they are the parent's."""


class LocalServer:
    """The services of one adapter. Outlives backends; engine thread only, except reading."""

    def __init__(self, device_name: str = "", appearance: int = 0) -> None:
        self.services: list[LocalService] = []  # the program's; GAP and GATT are not in it
        self.appearance = appearance
        self.device_name = _cut(device_name)
        self.publisher: Publisher | None = None

    @property
    def asks_for_security(self) -> bool:
        """Whether a value of a characteristic takes more than an open link."""
        plain = (SecurityMode.OPEN, SecurityMode.NO_ACCESS)
        return any(
            each.read_perm not in plain or each.write_perm not in plain
            for service in self.services
            for each in service.characteristics
        )

    def publish_by(self, publisher: Publisher) -> None:
        """Tell a publisher of every change from now on; it takes what is there by itself.

        Raises: CallerError if there is another one.
        """
        if self.publisher is not None:
            raise CallerError("The services are published already")
        self.publisher = publisher

    def withdraw(self, publisher: Publisher) -> None:
        """Tell it no more; does nothing if it is not the one that publishes."""
        if self.publisher is publisher:
            self.publisher = None

    def set_device_name(self, name: str) -> None:
        """Set the GAP Device Name, cut at a character to what the specification allows."""
        self.device_name = _cut(name)
        if self.publisher is not None:
            self.publisher.device_name_changed(self.device_name)

    def add_service(self, service: LocalService) -> None:
        """Offer a service, at once where something publishes. Raises: what its publisher does."""
        with _appended(self.services, service):
            if self.publisher is not None:
                self.publisher.service_added(service)

    def add_characteristic(
        self, service: LocalService, characteristic: LocalCharacteristic
    ) -> None:
        """Offer a characteristic with its descriptors at the end of its service.

        Raises: what the publisher does.
        """
        with _appended(service.characteristics, characteristic):
            if self.publisher is not None:
                self.publisher.characteristic_added(service, characteristic)

    def add_descriptor(
        self, characteristic: LocalCharacteristic, descriptor: LocalDescriptor
    ) -> None:
        """Offer a descriptor after the others of its characteristic.

        Raises: CallerError if that is not offered; what the publisher does.
        """
        service = self._service_of(characteristic)
        with _appended(characteristic.descriptors, descriptor):
            if self.publisher is not None:
                self.publisher.descriptor_added(service, characteristic, descriptor)

    def remove_service(self, service: LocalService) -> None:
        """Offer a service and all it holds no longer."""
        self.services.remove(service)
        if self.publisher is not None:
            self.publisher.service_removed(service)

    def remove_characteristic(
        self, service: LocalService, characteristic: LocalCharacteristic
    ) -> None:
        """Offer a characteristic and its descriptors no longer."""
        service.characteristics.remove(characteristic)
        if self.publisher is not None:
            self.publisher.characteristic_removed(service, characteristic)

    def forget_clients(self) -> None:
        """Drop all clients without a word; in a forked child they are the parent's."""
        if self.publisher is not None:
            self.publisher.forget_clients()

    def _service_of(self, characteristic: LocalCharacteristic) -> LocalService:
        for service in self.services:
            if characteristic in service.characteristics:
                return service
        raise CallerError("The characteristic's service is not published")


@contextmanager
def _appended(members: list[T], member: T) -> Iterator[None]:
    """Append a member; take it out again if publishing it fails."""
    members.append(member)
    try:
        yield
    except BaseException:
        members.remove(member)
        raise


def _cut(name: str) -> str:
    return name.encode()[:MAX_DEVICE_NAME_OCTETS].decode(errors="ignore")
