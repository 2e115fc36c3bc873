"""One service of ours as a GATT application of BlueZ: its objects, and what clients do with them.

BlueZ fetches all objects of an application when it is registered, and takes no notice of what is
added later. So an application is the picture of one service at one moment; a change makes another
one, on paths of its own, and a late call to the one before finds nothing.

What clients read and write is the model's record itself. BlueZ keeps permissions and puts prepared
writes together, but knows neither lengths nor dynamic values: those are here.

- A read with an offset continues one that began before. Of a dynamic value the rest is read from
  what the same device got at its beginning, or parts of two values would be put together.
- A value that is also writable without response is written without waiting for our answer, so its
  client does not hear of an error, and the value stays as it was. It is BlueZ's way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, Protocol, TypeGuard

from dbus_fast import Variant

from bleio.backends.os.bluez import flags
from bleio.backends.os.bluez.bus import UNKNOWN_METHOD, Bus, BusError, Call, Reply
from bleio.backends.os.bluez.objects import OBJECT_MANAGER, PROPERTIES
from bleio.core.codes import SecurityMode
from bleio.core.uuid import expand, to_text
from bleio.gatt.model import (
    MAX_VALUE_OCTETS,
    LocalCharacteristic,
    LocalDescriptor,
    LocalService,
)

SERVICE = "org.bluez.GattService1"
CHARACTERISTIC = "org.bluez.GattCharacteristic1"
DESCRIPTOR = "org.bluez.GattDescriptor1"
MOST_READERS = 64  # devices whose dynamic value is kept until they have read it all

_ERROR = "org.bluez.Error."
NOT_PERMITTED = _ERROR + "NotPermitted"
INVALID_LENGTH = _ERROR + "InvalidValueLength"
INVALID_OFFSET = _ERROR + "InvalidOffset"
NOT_SUPPORTED = _ERROR + "NotSupported"

_Value = LocalCharacteristic | LocalDescriptor
_Method = tuple[Callable[..., Reply], tuple[Any, ...]]  # and the types of its arguments


class Clients(Protocol):
    """What an application tells of the clients that use it, and asks for them."""

    def seen(self, device: str, mtu: int) -> None:
        """A device has read or written. Args: its object path; its ATT_MTU, 0 if not told."""

    def client(self, device: str) -> Any:
        """Return the `Subscriber` that a listener is told of for a device, None if it has none."""

    def start(self, characteristic: LocalCharacteristic) -> None:
        """The first client has subscribed."""

    def stop(self, characteristic: LocalCharacteristic) -> None:
        """The last client has unsubscribed."""

    def forget(self, characteristic: LocalCharacteristic) -> None:
        """A characteristic is offered no longer."""

    def acquire(self, characteristic: LocalCharacteristic, device: str, mtu: int) -> Reply:
        """A client of its own has subscribed; only where `tells_apart`. Raises: BusError."""

    def confirmed(self, characteristic: LocalCharacteristic) -> None:
        """A client has confirmed an indication."""

    @property
    def tells_apart(self) -> bool:
        """Whether each client is to have a descriptor of its own."""


class Application:
    """See the module. Args: `root`: an object path of its own."""

    def __init__(self, bus: Bus, root: str, service: LocalService, clients: Clients) -> None:
        self.root, self.service = root, service
        self.paths: dict[LocalCharacteristic, str] = {}
        self._bus = bus
        objects = self._made(clients)
        self._objects = {path: (interface, properties) for path, interface, properties in objects}
        bus.serve(root, self._manage)

    def _made(self, clients: Clients) -> Iterator[tuple[str, str, dict[str, Variant]]]:
        """Make all objects, in the order in which their handles are to be."""
        service, service_path = self.service, f"{self.root}/service"
        properties = {"Primary": Variant("b", not service.secondary)}
        yield service_path, SERVICE, properties | _common(service.uuid)
        self._bus.serve(service_path, _Handles(service).called)
        for number, characteristic in enumerate(service.characteristics):
            path = f"{service_path}/char{number:04x}"
            self.paths[characteristic] = path
            properties = {
                "Service": Variant("o", service_path),
                "Flags": Variant("as", flags.of_characteristic(characteristic)),
            }
            if clients.tells_apart and flags.is_told(characteristic):
                properties["NotifyAcquired"] = Variant("b", False)
            yield path, CHARACTERISTIC, properties | _common(characteristic.uuid)
            self._bus.serve(path, CharacteristicObject(characteristic, clients).called)
            for index, descriptor in enumerate(characteristic.descriptors):
                below = f"{path}/desc{index:04x}"
                properties = {
                    "Characteristic": Variant("o", path),
                    "Flags": Variant("as", flags.of_descriptor(descriptor)),
                }
                yield below, DESCRIPTOR, properties | _common(descriptor.uuid)
                self._bus.serve(below, DescriptorObject(descriptor, clients).called)

    def withdraw(self) -> None:
        """Have no such objects any more; handles are 0 from now on."""
        self._bus.unserve(self.root)
        for path in self._objects:
            self._bus.unserve(path)
        forget_handles(self.service)

    def notify(self, characteristic: LocalCharacteristic, value: bytes) -> None:
        """Have BlueZ tell a value to all clients that have subscribed."""
        changed = {"Value": Variant("ay", value[:MAX_VALUE_OCTETS])}
        path = self.paths[characteristic]
        self._bus.signal(
            path, PROPERTIES, "PropertiesChanged", "sa{sv}as", CHARACTERISTIC, changed, []
        )

    def _manage(self, call: Call) -> Reply:
        if (call.interface, call.member) != (OBJECT_MANAGER, "GetManagedObjects"):
            raise BusError(UNKNOWN_METHOD, call.member)
        objects = {path: {interface: had} for path, (interface, had) in self._objects.items()}
        return Reply("a{oa{sa{sv}}}", [objects])


def _common(uuid: bytes) -> dict[str, Variant]:
    # With a handle of 0 BlueZ chooses one, and sets the property to it.
    return {"UUID": Variant("s", to_text(expand(uuid))), "Handle": Variant("q", 0)}


def forget_handles(service: LocalService) -> None:
    """Set all handles of a service to 0: BlueZ has it no longer."""
    service.handle = service.end_handle = 0
    for characteristic in service.characteristics:
        characteristic.handle = characteristic.declaration_handle = characteristic.cccd_handle = 0
        for descriptor in characteristic.descriptors:
            descriptor.handle = 0


def _odd() -> BusError:
    return BusError(NOT_SUPPORTED, "The arguments are of other types")


def _is_length(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and value >= 0


class _Handles:
    """An object of ours that is told its handle."""

    def __init__(self, record: LocalService | _Value) -> None:
        self._record = record

    def called(self, call: Call) -> Reply:
        if (call.interface, call.member) != (PROPERTIES, "Set"):
            raise BusError(UNKNOWN_METHOD, call.member)
        if len(call.body) == 3 and call.body[1] == "Handle" and isinstance(call.body[2], int):
            self._set(self._record, call.body[2])
        return Reply()

    def _set(self, record: LocalService | _Value, handle: int) -> None:
        record.handle = handle
        if isinstance(record, LocalCharacteristic):
            record.declaration_handle = handle - 1
            record.cccd_handle = handle + 1 if flags.is_told(record) else 0


class _ValueObject(_Handles):
    """What characteristics and descriptors have in common: a value."""

    _record: _Value

    def __init__(self, record: _Value, clients: Clients) -> None:
        super().__init__(record)
        self._clients = clients
        self._rests: dict[str, bytes] = {}  # of dynamic values, by device

    def called(self, call: Call) -> Reply:
        if call.interface not in (CHARACTERISTIC, DESCRIPTOR):
            return super().called(call)
        found = self._methods.get(call.member)
        if found is None:
            raise BusError(UNKNOWN_METHOD, call.member)
        method, types = found
        is_right = len(call.body) == len(types) and all(map(isinstance, call.body, types))
        if not is_right:
            raise _odd()
        return method(self, *call.body)

    def _read(self, options: Mapping[str, Any]) -> Reply:
        device, offset = self._looked_at(options)
        if self._record.read_perm == SecurityMode.NO_ACCESS:
            raise BusError(NOT_PERMITTED)
        value = self._rests.get(device) if offset else None
        if value is None:
            value = self._current(device)
        if offset > len(value):
            raise BusError(INVALID_OFFSET)
        return Reply("ay", [value[offset:]])

    def _current(self, device: str) -> bytes:
        return self._record.value

    def _write(self, value: Any, options: Mapping[str, Any]) -> Reply:
        device, offset = self._looked_at(options)
        record = self._record
        if record.write_perm == SecurityMode.NO_ACCESS:
            raise BusError(NOT_PERMITTED)
        if options.get("prepare-authorize"):
            return Reply()
        if offset > len(record.value):
            raise BusError(INVALID_OFFSET)
        whole = record.value[:offset] + bytes(value)
        wrong = len(whole) != record.max_length if record.fixed_length else False
        if wrong or len(whole) > record.max_length:
            raise BusError(INVALID_LENGTH)
        self._written(device, whole)
        return Reply()

    def _written(self, device: str, value: bytes) -> None:
        self._record.value = value

    def _looked_at(self, options: Mapping[str, Any]) -> tuple[str, int]:
        """Returns: the device's object path, "" if not told; the offset, octets."""
        device, mtu, offset = [options.get(name) for name in ("device", "mtu", "offset")]
        device, mtu, offset = device or "", mtu or 0, offset or 0
        if not isinstance(device, str) or not all(map(_is_length, (mtu, offset))):
            raise _odd()
        if device:
            self._clients.seen(device, mtu)
        return device, offset

    _methods: ClassVar[Mapping[str, _Method]] = {
        "ReadValue": (_read, (dict,)),
        "WriteValue": (_write, ((bytes, bytearray), dict)),
    }


class DescriptorObject(_ValueObject):
    """A descriptor, as BlueZ calls it."""


class CharacteristicObject(_ValueObject):
    """A characteristic, as BlueZ calls it."""

    _record: LocalCharacteristic

    def _current(self, device: str) -> bytes:
        record = self._record
        if record.dynamic_value is None:
            return record.value
        value = record.dynamic_value()
        self._rests.pop(device, None)
        if len(self._rests) >= MOST_READERS:
            del self._rests[next(iter(self._rests))]
        self._rests[device] = value
        return value

    def _written(self, device: str, value: bytes) -> None:
        self._record.value = value
        client = self._clients.client(device)
        for listener in tuple(self._record.listeners) if client is not None else ():
            listener.written(client, value)

    def _start(self) -> Reply:
        self._clients.start(self._record)
        return Reply()

    def _stop(self) -> Reply:
        self._clients.stop(self._record)
        return Reply()

    def _acquire(self, options: Mapping[str, Any]) -> Reply:
        if not self._clients.tells_apart:
            raise BusError(NOT_SUPPORTED)
        device, mtu = options.get("device"), options.get("mtu")
        if not isinstance(device, str) or not _is_length(mtu):
            raise _odd()
        self._clients.seen(device, mtu)
        return self._clients.acquire(self._record, device, mtu)

    def _confirm(self) -> Reply:
        self._clients.confirmed(self._record)
        return Reply()

    _methods: ClassVar[Mapping[str, _Method]] = {
        **_ValueObject._methods,
        "StartNotify": (_start, ()),
        "StopNotify": (_stop, ()),
        "AcquireNotify": (_acquire, (dict,)),
        "Confirm": (_confirm, ()),
    }
