"""`_bleio.Characteristic`.

Local or remote is a matter of its end, see `_ends`. The constants are not in the order of the bits
on air, so properties are translated here and nowhere else.

What may surprise: reading a local value costs nothing, reading a remote one is a request each time;
no value of a peer's is kept. Setting a local one returns when it is on its way to each subscriber,
or, where it is indicated, confirmed by each. A write permission that asks for signatures makes
"write without response" mean signed writes too, for which programs have no property. After `deinit`
every member raises, but the records stay: clients' writes under way may still hold them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bleio.api._arguments import (
    DEINITIALIZED,
    ReadableBuffer,
    described,
    instance,
    integer,
    no_constructor,
    public,
)
from bleio.api._ends import LocalEnd, RemoteEnd
from bleio.api._later import is_put_off
from bleio.api._values import checked_max_length, initial_octets
from bleio.api.attribute import Attribute, security_mode
from bleio.api.descriptor import Descriptor
from bleio.api.uuid import UUID
from bleio.core.codes import GattUuid, Properties, SecurityMode
from bleio.core.uuid import uuid16
from bleio.errors import RoleError
from bleio.gatt.model import MAX_VALUE_OCTETS, LocalCharacteristic, LocalDescriptor

if TYPE_CHECKING:
    from bleio.api.service import Service
    from bleio.runtime.session import Session

_USER_DESCRIPTION = uuid16(GattUuid.CHARACTERISTIC_USER_DESCRIPTION)
_SIGNED = (SecurityMode.SIGNED_NO_MITM, SecurityMode.SIGNED_WITH_MITM)


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
    _end: LocalEnd | RemoteEnd
    _descriptors: list[Descriptor]
    _deinitialized: bool

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        no_constructor(Characteristic)

    @classmethod
    def _of(cls, service: Service, end: LocalEnd | RemoteEnd) -> Characteristic:
        characteristic = cls.__new__(cls)
        characteristic._service = service
        characteristic._session = end.session
        characteristic._end = end
        characteristic._deinitialized = False
        characteristic._descriptors = []
        return characteristic

    @classmethod
    def _discovered(cls, service: Service, end: RemoteEnd) -> Characteristic:
        characteristic = cls._of(service, end)
        characteristic._descriptors = [
            Descriptor._of(characteristic, end.descriptor(each)) for each in end.model.descriptors
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
        model = LocalCharacteristic(
            uuid._octets,
            _to_air(properties),
            security_mode("read_perm", read_perm),
            security_mode("write_perm", write_perm),
            checked_max_length(max_length),
            bool(fixed_length),
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
        session.engine.run(session.server.add_characteristic, service._local, model)
        end = LocalEnd(session, service._local, model)
        characteristic = cls._of(service, end)
        characteristic._descriptors = [
            Descriptor._of(characteristic, end.descriptor(each)) for each in model.descriptors
        ]
        service._characteristics.append(characteristic)
        return characteristic

    def _alive(self) -> LocalEnd | RemoteEnd:
        if self._deinitialized:
            raise ValueError(DEINITIALIZED)
        return self._end

    # Members

    @property
    def properties(self) -> int:
        """An or of the class's constants."""
        return _from_air(self._alive().model.properties)

    @property
    def uuid(self) -> UUID:
        """The characteristic's UUID, in the size that is used over the air."""
        return UUID._on_air(self._alive().model.uuid)

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
        return self._alive().max_length

    @property
    def value(self) -> bytearray:
        """The value. Local: what is stored, also by clients; setting it stores it and then
        notifies or indicates each subscriber, cut at its MTU - 3, and waits until the first of them
        has it; slower ones get it later, or miss it if they stay behind. Remote: read from the peer
        each time, up to 512 octets; written without response where the characteristic allows that
        and the value fits, else with response.

        Raises: TypeError, ValueError for a local value of a wrong length; ConnectionError,
            SecurityError, BluetoothError, TimeoutError for a remote one.
        Thread: any; waits for the peer's answer, for room to send, or for a confirmation.
        """
        return bytearray(self._alive().read())

    @value.setter
    def value(self, value: ReadableBuffer) -> None:
        if self._deinitialized:
            raise ValueError(DEINITIALIZED)
        self._end.write(value)

    def set_cccd(self, *, notify: bool = False, indicate: bool = False) -> None:
        """Write the peer's Client Characteristic Configuration: subscribe or unsubscribe.

        Spec: Vol 3, Part G, 3.3.3.3.
        Raises: RoleError for a local one; BluetoothError if there is no CCCD; ConnectionError;
            what a write raises.
        """
        end = self._alive()
        call = end.subscribing(bool(notify), bool(indicate))
        if not is_put_off(end.session.engine, call):
            end.session.engine.wait(call)

    def deinit(self) -> None:
        """Give the object up, and take a local one out of the table. Idempotent."""
        if self._deinitialized:
            return
        self._deinitialized = True
        if self in self._service._characteristics:
            self._service._characteristics.remove(self)
        self._end.withdraw()

    @described
    def __repr__(self) -> str:
        return f"Characteristic({UUID._on_air(self._end.model.uuid)!r})"


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
