"""What is behind a `Characteristic` or `Descriptor`: our own server's, or one found on a peer.

CircuitPython has one class for both, but nothing is alike in them: a local value is a reference to
octets that the engine also sees; a remote one is a request over the air. So each has an end, chosen
when it is made, and no member of the public classes asks which it is.

What waits has two forms: `reading` returns the call, which both blocking programs and `bleio.aio`
wait for in their way, `read` waits for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bleio.api._arguments import ReadableBuffer, readable
from bleio.api._values import checked_value
from bleio.core.codes import Properties
from bleio.errors import BluetoothError, ConnectionError, RoleError, link_gone
from bleio.gatt.model import is_signed
from bleio.runtime.calls import Call

if TYPE_CHECKING:
    from bleio.backends.base import Link
    from bleio.gatt.model import (
        LocalCharacteristic,
        LocalDescriptor,
        LocalService,
        RemoteCharacteristic,
        RemoteDescriptor,
    )
    from bleio.runtime.session import Session

# Programs know no property for signed writes: such a characteristic is one that takes commands.
_COMMANDS = Properties.WRITE_WITHOUT_RESPONSE | Properties.AUTHENTICATED_SIGNED_WRITES
_REMOTE_MAX_LENGTH = 20  # what every port says of a peer's characteristic


class LocalEnd:
    """A characteristic of our server. Its methods wait for the engine, those that read do not."""

    link_gone = False  # it needs no link

    def __init__(self, session: Session, service: LocalService, model: LocalCharacteristic) -> None:
        self.session = session
        self.model = model
        self.max_length = model.max_length
        self._service = service

    def read(self) -> bytes:
        self.session.engine.look()
        return self.model.value

    async def reading(self) -> bytes:
        return self.read()

    def write(self, value: ReadableBuffer) -> None:
        self.session.engine.wait(self.writing(value))

    def writing(self, value: ReadableBuffer, response: bool | None = None) -> Call[None]:
        """Store it and tell the clients that subscribed."""
        if response is not None:
            raise RoleError("Can't write a local Characteristic with or without response")
        return self.session.publishing(self.model, checked_value(value, self.model))

    def subscribing(self, notify: bool, indicate: bool) -> Call[None]:
        raise RoleError("Can't set CCCD on local Characteristic")

    def descriptor(self, model: LocalDescriptor) -> LocalDescriptorEnd:
        """Return the end of a descriptor of it."""
        return LocalDescriptorEnd(self.session, model)

    def add_descriptor(self, model: LocalDescriptor) -> LocalDescriptorEnd:
        """Publish one more descriptor. Raises: what `LocalServer.add_descriptor` raises."""
        self.session.engine.run(self.session.server.add_descriptor, self.model, model)
        return self.descriptor(model)

    def withdraw(self) -> None:
        """Take it out of the table, unless its service is out already."""
        if self._service in self.session.server.services:
            server = self.session.server
            self.session.engine.run(server.remove_characteristic, self._service, self.model)


class RemoteEnd:
    """A characteristic of a peer. Every use of it is a request, and waits for the peer.

    Raises: ConnectionError if the link is gone; what requests raise.
    """

    max_length = _REMOTE_MAX_LENGTH

    def __init__(self, session: Session, link: Link, model: RemoteCharacteristic) -> None:
        self.session = session
        self.link = link
        self.model = model

    @property
    def link_gone(self) -> bool:
        return not self.link.connected

    def live_link(self) -> Link:
        """Return the link. Raises: ConnectionError if it is gone."""
        if not self.link.connected:
            raise self.gone()
        return self.link

    def gone(self) -> ConnectionError:
        """Return what is raised where the link is needed and gone."""
        from bleio.runtime.attempts import value_words

        link = self.link
        return link_gone(link.reason, f"using {value_words(self.model)}", f"of {link.peer}")

    def read(self) -> bytes:
        return self.session.engine.wait(self.reading())

    def reading(self) -> Call[bytes]:
        return Call(self.live_link().read, self.model)

    def write(self, value: ReadableBuffer) -> None:
        self.session.engine.wait(self.writing(value))

    def writing(self, value: ReadableBuffer, response: bool | None = None) -> Call[None]:
        """Write without response where the characteristic allows that and the value fits, else
        with response; or as `response` says, whatever the properties are."""
        octets = readable(value)
        link, model = self.live_link(), self.model
        if response or (response is None and not model.properties & _COMMANDS):
            return Call(link.write, model, octets)
        if len(octets) <= link.max_value_octets:
            return Call(link.write_command, model, octets, is_signed(model))
        if response is None and model.properties & Properties.WRITE:
            return Call(link.write, model, octets)
        raise BluetoothError(
            f"Value of {len(octets)} octets is too long for a write without response,"
            f" which holds {link.max_value_octets}"
        )

    def subscribing(self, notify: bool, indicate: bool) -> Call[None]:
        """Have the peer send its values, or with neither no longer.

        Raises: when waited for BluetoothError, also without a link, if it cannot be subscribed to.
        """
        return Call(self.link.subscribe, self.model, notify, indicate)

    def descriptor(self, model: RemoteDescriptor) -> RemoteDescriptorEnd:
        """Return the end of a descriptor of it."""
        return RemoteDescriptorEnd(self, model)

    def add_descriptor(self, model: LocalDescriptor) -> LocalDescriptorEnd:
        raise RoleError("Can't add a Descriptor to a remote Characteristic")

    def withdraw(self) -> None:
        """It stays where it is: it is the peer's."""


class LocalDescriptorEnd:
    """A descriptor of our server; nothing waits."""

    def __init__(self, session: Session, model: LocalDescriptor) -> None:
        self.uuid = model.uuid
        self.session = session
        self.model = model

    def read(self) -> bytes:
        self.session.engine.look()
        return self.model.value

    async def reading(self) -> bytes:
        return self.read()

    def write(self, value: ReadableBuffer) -> None:
        self.model.value = checked_value(value, self.model)

    async def writing(self, value: ReadableBuffer) -> None:
        self.write(value)


class RemoteDescriptorEnd:
    """A descriptor of a peer; see `RemoteEnd`. It is always written with response."""

    def __init__(self, characteristic: RemoteEnd, model: RemoteDescriptor) -> None:
        self.uuid = model.uuid
        self.session = characteristic.session
        self.model = model
        self._characteristic = characteristic

    def read(self) -> bytes:
        return self.session.engine.wait(self.reading())

    def reading(self) -> Call[bytes]:
        return Call(self._characteristic.live_link().read, self.model)

    def write(self, value: ReadableBuffer) -> None:
        self.session.engine.wait(self.writing(value))

    def writing(self, value: ReadableBuffer) -> Call[None]:
        octets = readable(value)
        return Call(self._characteristic.live_link().write, self.model, octets)
