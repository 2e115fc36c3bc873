"""`_bleio.Characteristic`.

One class for both sides, as CircuitPython has it: `_model` is a local or a discovered record, and
everything that differs goes by its type. The constants are not in the order of the bits on air, so
properties are translated here and nowhere else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bleio.api._arguments import (
    DEINITIALIZED,
    ReadableBuffer,
    instance,
    integer,
    no_constructor,
    public,
    readable,
)
from bleio.api._values import checked_max_length, checked_value, initial_octets
from bleio.api.attribute import Attribute, security_mode
from bleio.api.descriptor import Descriptor
from bleio.api.uuid import UUID
from bleio.core.codes import GattUuid, Properties, SecurityMode
from bleio.core.uuid import uuid16
from bleio.errors import NOT_CONNECTED, BluetoothError, ConnectionError, RoleError
from bleio.gatt.model import (
    MAX_VALUE_OCTETS,
    LocalCharacteristic,
    LocalDescriptor,
    RemoteCharacteristic,
    RemoteValue,
    is_signed,
)
from bleio.runtime.publishing import publish

if TYPE_CHECKING:
    from bleio.api.service import Service
    from bleio.backends.base import Link
    from bleio.runtime.session import Session

_USER_DESCRIPTION = uuid16(GattUuid.CHARACTERISTIC_USER_DESCRIPTION)
_SIGNED = (SecurityMode.SIGNED_NO_MITM, SecurityMode.SIGNED_WITH_MITM)
# Programs know no property for signed writes: such a characteristic is one that takes commands.
_COMMANDS = Properties.WRITE_WITHOUT_RESPONSE | Properties.AUTHENTICATED_SIGNED_WRITES
_REMOTE_MAX_LENGTH = 20  # what every port says of a peer's characteristic


@public
class Characteristic:
    """A GATT characteristic, local or remote. Spec: Vol 3, Part G, 3.3.

    Raises: every member raises ValueError after `deinit`.
    """

    BROADCAST = 0x01
    INDICATE = 0x02
    NOTIFY = 0x04
    READ = 0x08
    WRITE = 0x10
    WRITE_NO_RESPONSE = 0x20

    _service: Service
    _session: Session
    _model: LocalCharacteristic | RemoteCharacteristic
    _descriptors: list[Descriptor]
    _deinitialized: bool

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        no_constructor(Characteristic)

    @classmethod
    def _of(
        cls, service: Service, model: LocalCharacteristic | RemoteCharacteristic
    ) -> Characteristic:
        characteristic = cls.__new__(cls)
        characteristic._service = service
        characteristic._session = service._session
        characteristic._model = model
        characteristic._deinitialized = False
        characteristic._descriptors = [
            Descriptor._of(characteristic, item) for item in model.descriptors
        ]
        return characteristic

    @classmethod
    def add_to_service(
        cls,
        service: Service,
        uuid: UUID,
        *,
        properties: int = 0,
        read_perm: int = Attribute.OPEN,
        write_perm: int = Attribute.OPEN,
        max_length: int = 20,
        fixed_length: bool = False,
        initial_value: ReadableBuffer | None = None,
        user_description: str | None = None,
    ) -> Characteristic:
        """Add a characteristic to a local service; clients see it at once.

        Args: properties: an or of the class's constants. max_length: octets, 0 to 512.
            initial_value: None means zeros if the length is fixed, else nothing.
            user_description: makes a descriptor 0x2901 that clients can read.
        Raises: TypeError; ValueError, also if the service was taken out of the table; RoleError if
            the service is a peer's.
        """
        from bleio.api.service import Service

        instance("service", service, Service)
        instance("uuid", uuid, UUID)
        fixed_length = bool(fixed_length)
        model = LocalCharacteristic(
            uuid._octets,
            _to_air(properties),
            security_mode("read_perm", read_perm),
            security_mode("write_perm", write_perm),
            checked_max_length(max_length, fixed_length),
            fixed_length,
        )
        if model.write_perm in _SIGNED and model.properties & Properties.WRITE_WITHOUT_RESPONSE:
            model.properties |= Properties.AUTHENTICATED_SIGNED_WRITES
        model.value = initial_octets(initial_value, model)
        if user_description is not None and instance("user_description", user_description, str):
            model.descriptors.append(_user_description(user_description))
        if service._local is None:
            raise RoleError("Can't add a Characteristic to a remote Service")
        if not service._published():
            raise ValueError(DEINITIALIZED)
        session = service._session
        session.run(session.server.add_characteristic, service._local, model)
        characteristic = cls._of(service, model)
        service._characteristics.append(characteristic)
        return characteristic

    # What the other classes use

    def _alive(self) -> LocalCharacteristic | RemoteCharacteristic:
        if self._deinitialized:
            raise ValueError(DEINITIALIZED)
        return self._model

    def _local_model(self) -> LocalCharacteristic | None:
        """Give the record of a local one, None for a remote one. Raises: ValueError."""
        model = self._alive()
        return model if isinstance(model, LocalCharacteristic) else None

    def _peer_link(self) -> Link:
        """Give the link that a remote one was discovered on, live or not."""
        connection = self._service._connection
        if connection is None:
            raise RoleError("A local Characteristic has no peer")
        return connection._link

    def _live_link(self) -> Link:
        """Give the link of a remote one. Raises: ConnectionError if it is gone."""
        link = self._peer_link()
        if not link.connected:
            raise ConnectionError(NOT_CONNECTED)
        return link

    def _link_gone(self) -> bool:
        """Whether it is a remote one whose link is gone."""
        connection = self._service._connection
        return connection is not None and not connection._link.connected

    def _read(self, value: RemoteValue) -> bytes:
        return self._session.call(self._live_link().read, value)

    def _write_request(self, value: RemoteValue, data: ReadableBuffer) -> None:
        octets = readable(data)
        self._session.call(self._live_link().write, value, octets)

    # Members

    @property
    def properties(self) -> int:
        """An or of the class's constants."""
        return _from_air(self._alive().properties)

    @property
    def uuid(self) -> UUID:
        """The characteristic's UUID, in the size that is used over the air."""
        return UUID._on_air(self._alive().uuid)

    @property
    def service(self) -> Service:
        """The service it belongs to."""
        self._alive()
        return self._service

    @property
    def descriptors(self) -> tuple[Descriptor, ...]:
        """Local: those that were added; the CCCD is not among them. Remote: all discovered."""
        self._alive()
        return tuple(self._descriptors)

    @property
    def max_length(self) -> int:
        """The largest value, octets; 20 for every remote one."""
        model = self._alive()
        return model.max_length if isinstance(model, LocalCharacteristic) else _REMOTE_MAX_LENGTH

    @property
    def value(self) -> bytearray:
        """The value. Local: what is stored, also by clients; setting it stores it and then
        notifies or indicates each subscriber, cut at its MTU - 3. Remote: read from the peer each
        time, up to 512 octets; written without response where the characteristic allows that and
        the value fits, else with response.

        Raises: TypeError, ValueError for a local value of a wrong length; ConnectionError,
            SecurityError, BluetoothError, TimeoutError for a remote one.
        Thread: any; waits for the peer's answer, for room to send, or for a confirmation.
        """
        model = self._alive()
        if isinstance(model, LocalCharacteristic):
            self._session.look()
            return bytearray(model.value)
        return bytearray(self._read(model))

    @value.setter
    def value(self, value: ReadableBuffer) -> None:
        model = self._alive()
        if isinstance(model, LocalCharacteristic):
            publish(self._session, model, checked_value(value, model))
        elif model.properties & _COMMANDS:
            self._write_command(model, readable(value))
        else:
            self._write_request(model, value)

    def _write_command(self, model: RemoteCharacteristic, octets: bytes) -> None:
        link = self._live_link()
        if len(octets) <= link.max_value_octets:
            self._session.call(link.write_command, model, octets, is_signed(model))
        elif model.properties & Properties.WRITE:
            self._session.call(link.write, model, octets)
        else:
            raise BluetoothError(
                f"Value of {len(octets)} octets is too long for a write without response,"
                f" which holds {link.max_value_octets}"
            )

    def set_cccd(self, *, notify: bool = False, indicate: bool = False) -> None:
        """Write the peer's Client Characteristic Configuration: subscribe or unsubscribe.

        Spec: Vol 3, Part G, 3.3.3.3.
        Raises: RoleError for a local one; BluetoothError if there is no CCCD; ConnectionError;
            what a write raises.
        """
        model = self._alive()
        if isinstance(model, LocalCharacteristic):
            raise RoleError("Can't set CCCD on local Characteristic")
        link = self._peer_link()  # which refuses, live or not, what cannot be subscribed to
        self._session.call(link.subscribe, model, bool(notify), bool(indicate))

    def deinit(self) -> None:
        """Give the object up, and take a local one out of the table. Idempotent."""
        if self._deinitialized:
            return
        self._deinitialized = True
        if self in self._service._characteristics:
            self._service._characteristics.remove(self)
        if self._service._published():
            server = self._session.server
            self._session.run(server.remove_characteristic, self._service._local, self._model)

    def __repr__(self) -> str:
        return f"Characteristic({UUID._on_air(self._model.uuid)!r})"


_ON_AIR = {
    Characteristic.BROADCAST: Properties.BROADCAST,
    Characteristic.INDICATE: Properties.INDICATE,
    Characteristic.NOTIFY: Properties.NOTIFY,
    Characteristic.READ: Properties.READ,
    Characteristic.WRITE: Properties.WRITE,
    Characteristic.WRITE_NO_RESPONSE: Properties.WRITE_WITHOUT_RESPONSE,
}


def _to_air(properties: object) -> Properties:
    bits = integer("properties", properties)
    if bits & ~0x3F:
        raise ValueError("Invalid properties")
    result = Properties(0)
    for constant, on_air in _ON_AIR.items():
        if bits & constant:
            result |= on_air
    return result


def _from_air(properties: Properties) -> int:
    return sum(constant for constant, on_air in _ON_AIR.items() if properties & on_air)


def _user_description(text: str) -> LocalDescriptor:
    octets = text.encode()
    if len(octets) > MAX_VALUE_OCTETS:
        raise ValueError(f"user_description length must be <= {MAX_VALUE_OCTETS}")
    return LocalDescriptor(
        _USER_DESCRIPTION,
        write_perm=SecurityMode.NO_ACCESS,
        max_length=len(octets),
        value=octets,
    )
