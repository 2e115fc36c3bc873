"""What is known of the attributes of one server: which handle is of which type.

It is learned from discovery that was seen, or taken from the server's own table where that is at
hand. A descriptor says little without its characteristic, and belongs to the last one before it.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections import OrderedDict
from collections.abc import Callable, Mapping

from bleio.core.codes import GattUuid
from bleio.core.uuid import shorten, uuid16
from bleio.decoding.names import uuid_text

_MAX_HANDLES, _MAX_SERVERS = 4_096, 256
_DESCRIPTORS = range(0x2900, 0x2A00)
_DECLARATIONS = frozenset(
    uuid16(each)
    for each in (
        *(GattUuid.PRIMARY_SERVICE, GattUuid.SECONDARY_SERVICE),
        *(GattUuid.INCLUDE, GattUuid.CHARACTERISTIC),
    )
)
_CHARACTERISTIC = uuid16(GattUuid.CHARACTERISTIC)
CCCD = uuid16(GattUuid.CLIENT_CHARACTERISTIC_CONFIGURATION)


class AttributeNames:
    """Attributes by handle. Of more than `_MAX_HANDLES` no more are learned."""

    def __init__(self) -> None:
        self._types: dict[int, bytes] = {}
        self._values: list[int] = []  # handles of values of characteristics, sorted
        self._services: dict[int, str] = {}

    def learn(self, handle: int, uuid: bytes) -> None:
        """An attribute is of this type."""
        if len(self._types) < _MAX_HANDLES or handle in self._types:
            self._types[handle] = shorten(uuid)

    def learn_characteristic(self, value_handle: int, uuid: bytes) -> None:
        """A characteristic has its value here."""
        self.learn(value_handle, uuid)
        if value_handle in self._types:
            at = bisect_right(self._values, value_handle)
            if not at or self._values[at - 1] != value_handle:
                insort(self._values, value_handle)
            if value_handle > 1:
                self.learn(value_handle - 1, uuid16(GattUuid.CHARACTERISTIC))

    def learn_service(self, handle: int, uuid: bytes) -> None:
        """A service is declared here."""
        self.learn(handle, uuid16(GattUuid.PRIMARY_SERVICE))
        if handle in self._types:
            self._services[handle] = uuid_text(uuid)

    def take(self, types: Mapping[int, bytes]) -> None:
        """Learn a server's whole table: types by handle, of which declarations are some."""
        declared = 0
        for handle, uuid in sorted(types.items()):
            if declared and handle == declared + 1:
                self.learn_characteristic(handle, uuid)
            else:
                self.learn(handle, uuid)
            declared = handle if uuid == _CHARACTERISTIC else 0

    def forget(self, start: int, end: int) -> None:
        """These handles mean something else from now on."""
        for handle in [each for each in self._types if start <= each <= end]:
            del self._types[handle]
            self._services.pop(handle, None)
        self._values = [each for each in self._values if not start <= each <= end]

    def type_of(self, handle: int) -> bytes | None:
        """Return the type of an attribute, None if it is not known."""
        return self._types.get(handle)

    def characteristic_of(self, handle: int) -> int:
        """Return the handle of the value that a descriptor belongs to, 0 if none is known."""
        at = bisect_right(self._values, handle)
        return self._values[at - 1] if at else 0

    def name(self, handle: int) -> str:
        """Return `Battery Level (0x0012)`, or the handle alone if nothing is known of it."""
        uuid = self._types.get(handle)
        if uuid is None:
            return f"0x{handle:04x}"
        return f"{self._name(handle, uuid)} (0x{handle:04x})"

    def _name(self, handle: int, uuid: bytes) -> str:
        name = uuid_text(uuid)
        if (service := self._services.get(handle)) is not None:
            return f"{name} {service}"
        if uuid in _DECLARATIONS:
            above = self._types.get(handle + 1) if handle + 1 in self._values else None
            return f"{name} {uuid_text(above)}" if above is not None else name
        owner = self.characteristic_of(handle)
        if owner and owner != handle and _is_descriptor(uuid):
            return f"{name} of {uuid_text(self._types[owner])}"
        return name


def _is_descriptor(uuid: bytes) -> bool:
    return len(uuid) != 2 or int.from_bytes(uuid, "little") in _DESCRIPTORS


# Gives the attributes of a device by its name: types by handle, None if they are not known.
Published = Callable[[str], Mapping[int, bytes] | None]


class Servers:
    """What is known of the attributes of devices, by their names. The last ones are remembered."""

    def __init__(self, published: Published | None = None) -> None:
        self._published = published
        self._known: OrderedDict[str, AttributeNames] = OrderedDict()

    def __len__(self) -> int:
        return len(self._known)

    def of(self, name: str) -> AttributeNames:
        """Return those of a device, which may be none yet."""
        attributes = self._known.get(name)
        if attributes is None:
            while len(self._known) >= _MAX_SERVERS:
                self._known.popitem(last=False)
            attributes = self._known[name] = AttributeNames()
            if self._published is not None:
                attributes.take(self._published(name) or {})
        self._known.move_to_end(name)
        return attributes
