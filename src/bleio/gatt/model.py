"""The services model: what a local server offers and what discovery found on a peer.

Plain records without behaviour. Local ones are owned by the engine: only its thread changes
them, any thread may read a `value` (one reference to immutable bytes). UUIDs are on-air bytes,
properties on-air bits, permissions `SecurityMode` numbers, handles 0 until assigned.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from bleio.att.codec import MAX_VALUE_OCTETS as MAX_VALUE_OCTETS
from bleio.core.codes import GattUuid, Properties, SecurityMode
from bleio.core.uuid import expand, uuid16

_CCCD = expand(uuid16(GattUuid.CLIENT_CHARACTERISTIC_CONFIGURATION))


class LocalListener(Protocol):
    """Hears what clients do with one local characteristic; called on the engine thread.

    `client` is the backend's `Subscriber`. Implementations must be quick and must not raise.
    """

    def written(self, client: Any, value: bytes) -> None:
        """A client wrote the whole value (request, command, signed or executed long write)."""

    def subscribed(self, client: Any, notify: bool, indicate: bool) -> None:
        """A client's CCCD changed: by writing, by restored bonding, or to 0 with its link's end."""

    def link_closed(self, client: Any) -> None:
        """A link is gone; called for every listener after the CCCDs of that link went to 0."""


class RemoteListener(Protocol):
    """Hears the notifications and indications of one remote characteristic (engine thread)."""

    def notified(self, value: bytes) -> None:
        """A notification or an indication arrived; the engine confirms the latter itself."""

    def doubled(self, value: bytes, indicated: bool) -> None:
        """The same for a characteristic whose notifications and indications are both on.

        Most servers then send each value twice, notified and indicated; some choose one way.
        """

    def link_closed(self) -> None:
        """The link is gone; nothing more will arrive."""


@dataclass(slots=True, eq=False)
class LocalDescriptor:
    """A descriptor of a local characteristic, except its CCCD, which is the engine's own."""

    uuid: bytes
    read_perm: int = SecurityMode.OPEN
    write_perm: int = SecurityMode.OPEN
    max_length: int = 20
    fixed_length: bool = False
    value: bytes = b""
    handle: int = 0


@dataclass(slots=True, eq=False)
class LocalCharacteristic:
    """A characteristic of a local service. `dynamic_value`, if set, is asked at every read."""

    uuid: bytes
    properties: Properties
    read_perm: int = SecurityMode.OPEN
    write_perm: int = SecurityMode.OPEN
    max_length: int = 20
    fixed_length: bool = False
    value: bytes = b""
    descriptors: list[LocalDescriptor] = field(default_factory=list)
    listeners: list[LocalListener] = field(default_factory=list)
    dynamic_value: Callable[[], bytes] | None = None
    declaration_handle: int = 0
    handle: int = 0
    cccd_handle: int = 0


@dataclass(slots=True, eq=False)
class LocalService:
    """A service of the local server; its handles lie together, from `handle` to `end_handle`."""

    uuid: bytes
    secondary: bool = False
    characteristics: list[LocalCharacteristic] = field(default_factory=list)
    handle: int = 0
    end_handle: int = 0


@dataclass(slots=True, eq=False)
class RemoteDescriptor:
    """A descriptor that discovery found."""

    uuid: bytes
    handle: int


@dataclass(slots=True, eq=False)
class RemoteCharacteristic:
    """A characteristic that discovery found; `handle` is its value's.

    It holds its `service`, which the engine remembers only as long as somebody does.
    """

    uuid: bytes
    properties: Properties
    declaration_handle: int
    handle: int
    end_handle: int = 0
    descriptors: list[RemoteDescriptor] = field(default_factory=list)
    service: RemoteService | None = field(default=None, repr=False)


RemoteValue = RemoteCharacteristic | RemoteDescriptor  # what can be read and written


def cccd_of(characteristic: RemoteCharacteristic) -> RemoteDescriptor | None:
    """Return the Client Characteristic Configuration descriptor, None if there is none."""
    for descriptor in characteristic.descriptors:
        if expand(descriptor.uuid) == _CCCD:
            return descriptor
    return None


def is_signed(characteristic: RemoteCharacteristic) -> bool:
    """Whether a write without response to it is to be signed where the link is not encrypted."""
    return bool(characteristic.properties & Properties.AUTHENTICATED_SIGNED_WRITES)


@dataclass(slots=True, eq=False)
class RemoteInclude:
    """A service that another one includes; the API never shows it."""

    uuid: bytes
    declaration_handle: int
    handle: int
    end_handle: int


class _WeaklyReferable:
    __slots__ = ("__weakref__",)  # the engine remembers what it found without keeping it alive


@dataclass(slots=True, eq=False)
class RemoteService(_WeaklyReferable):
    """A primary service that discovery found.

    When the peer's Service Changed makes it invalid, all handles in it become 0, and reading or
    writing those gives Invalid Handle.
    """

    uuid: bytes
    handle: int
    end_handle: int
    characteristics: list[RemoteCharacteristic] = field(default_factory=list)
    included: list[RemoteInclude] = field(default_factory=list)
