"""What is behind a `Characteristic` or `Descriptor`: our own server's, or one found on a peer.

CircuitPython has one class for both, but nothing is alike in them: a local value is a reference to
octets that the engine also sees; a remote one is a request over the air. So each has an end, chosen
when it is made, and no member of the public classes asks which it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bleio.api._arguments import ReadableBuffer, readable
from bleio.api._values import checked_value
from bleio.core.codes import Properties
from bleio.errors import BluetoothError, ConnectionError, RoleError, link_gone
from bleio.gatt.model import is_signed

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
    """A characteristic of our server. Its methods wait for the engine, `read` does not."""

    link_gone = False  # it needs no link

    def __init__(self, session: Session, service: LocalService, model: LocalCharacteristic) -> None:
        self.session = session
        self.model = model
        self.max_length = model.max_length
        self._service = service

    def read(self) -> bytes:
        self.session.engine.look()
        return self.model.value

    def write(self, value: ReadableBuffer) -> None:
        """Store it and tell the clients that subscribed."""
        self.session.publish(self.model, checked_value(value, self.model))

    def subscribe(self, notify: bool, indicate: bool) -> None:
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
        return self.session.engine.call(self.live_link().read, self.model)

    def write(self, value: ReadableBuffer) -> None:
        """Write without response where the characteristic allows that and the value fits, else
        with response."""
        octets = readable(value)
        link, model = self.live_link(), self.model
        if not model.properties & _COMMANDS:
            self.session.engine.call(link.write, model, octets)
        elif len(octets) <= link.max_value_octets:
            self.session.engine.call(link.write_command, model, octets, is_signed(model))
        elif model.properties & Properties.WRITE:
            self.session.engine.call(link.write, model, octets)
        else:
            raise BluetoothError(
                f"Value of {len(octets)} octets is too long for a write without response,"
                f" which holds {link.max_value_octets}"
            )

    def subscribe(self, notify: bool, indicate: bool) -> None:
        """Have the peer send its values, or with neither no longer.

        Raises: BluetoothError, also without a link, if it cannot be subscribed to.
        """
        self.session.engine.call(self.link.subscribe, self.model, notify, indicate)

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
        self._session = session
        self._model = model

    def read(self) -> bytes:
        self._session.engine.look()
        return self._model.value

    def write(self, value: ReadableBuffer) -> None:
        self._model.value = checked_value(value, self._model)


class RemoteDescriptorEnd:
    """A descriptor of a peer; see `RemoteEnd`. It is always written with response."""

    def __init__(self, characteristic: RemoteEnd, model: RemoteDescriptor) -> None:
        self.uuid = model.uuid
        self._characteristic = characteristic
        self._model = model

    def read(self) -> bytes:
        link = self._characteristic.live_link()
        return self._characteristic.session.engine.call(link.read, self._model)

    def write(self, value: ReadableBuffer) -> None:
        octets = readable(value)
        link = self._characteristic.live_link()
        self._characteristic.session.engine.call(link.write, self._model, octets)
