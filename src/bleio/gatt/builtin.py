"""The two services every GATT server has: GAP and GATT (Vol 3, Part C, 12 and Part G, 7).

They lie in front of the program's services, so their handles are the same in every program: clients
that were bonded before find Service Changed and the Database Hash where they were, whatever else
has moved. Two values differ by client and are read and written through `special`: what a client
says of itself, and the hash, whose reading tells that the client is about to know the table.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from bleio.core.codes import AttErrorCode, GattUuid, Properties, SecurityMode
from bleio.core.uuid import uuid16
from bleio.gatt.attributes import ValueAccess
from bleio.gatt.awareness import ChangeAwareness
from bleio.gatt.model import LocalCharacteristic, LocalService

_KNOWN_CLIENT_FEATURES = 0x07  # robust caching, EATT, multiple handle value notifications
_MAX_FEATURES_OCTETS = 8  # the first is all that has a meaning; later versions may define more
_NO_SERVER_FEATURES = b"\0"  # no EATT


class FeatureClient(Protocol):
    """What Client Supported Features needs of the client that reads or writes it."""

    awareness: ChangeAwareness


def _read_only(uuid: GattUuid, value: bytes = b"") -> LocalCharacteristic:
    return LocalCharacteristic(
        uuid16(uuid), Properties.READ, write_perm=SecurityMode.NO_ACCESS, value=value
    )


class BuiltinServices:
    """GAP: Device Name and Appearance. GATT: Service Changed, Client Supported Features, Database
    Hash, Server Supported Features. `special`: values that differ by client."""

    def __init__(self, database_hash: Callable[[], bytes]) -> None:
        self.device_name = _read_only(GattUuid.DEVICE_NAME)
        self.appearance = _read_only(GattUuid.APPEARANCE)
        self.service_changed = LocalCharacteristic(
            uuid16(GattUuid.SERVICE_CHANGED), Properties.INDICATE, max_length=4, fixed_length=True
        )
        client_features = LocalCharacteristic(
            uuid16(GattUuid.CLIENT_SUPPORTED_FEATURES), Properties.READ | Properties.WRITE
        )
        hash_value = _read_only(GattUuid.DATABASE_HASH)
        server_features = _read_only(GattUuid.SERVER_SUPPORTED_FEATURES, _NO_SERVER_FEATURES)
        self.services = (
            LocalService(
                uuid16(GattUuid.GENERIC_ACCESS),
                characteristics=[self.device_name, self.appearance],
            ),
            LocalService(
                uuid16(GattUuid.GENERIC_ATTRIBUTE),
                characteristics=[
                    self.service_changed,
                    client_features,
                    hash_value,
                    server_features,
                ],
            ),
        )

        self._database_hash = database_hash
        self.special = {
            client_features: ValueAccess(_read_features, _check_features, _write_features),
            hash_value: ValueAccess(self._read_hash, _refuse, _never),
        }

    def _read_hash(self, client: FeatureClient) -> bytes:
        client.awareness.hash_read()  # from now on it knows the table that it asks about
        return self._database_hash()


def _read_features(client: FeatureClient) -> bytes:
    return bytes((client.awareness.features,))


def _check_features(client: FeatureClient, value: bytes) -> int:
    """Spec: Vol 3, Part G, 7.2: a client may not take back a feature."""
    if not 1 <= len(value) <= _MAX_FEATURES_OCTETS:
        return AttErrorCode.INVALID_ATTRIBUTE_VALUE_LENGTH
    if client.awareness.features & ~value[0]:
        return AttErrorCode.VALUE_NOT_ALLOWED
    return 0


def _write_features(client: FeatureClient, value: bytes) -> None:
    client.awareness.features = value[0] & _KNOWN_CLIENT_FEATURES


def _refuse(client: FeatureClient, value: bytes) -> int:
    return AttErrorCode.WRITE_NOT_PERMITTED


def _never(client: FeatureClient, value: bytes) -> None:
    """The check before refuses every value."""
