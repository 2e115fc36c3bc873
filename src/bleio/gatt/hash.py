"""The Database Hash, by which clients know a table again (Vol 3, Part G, 7.3).

It covers what a client has to discover, so types and handles of all declarations and descriptors,
but no values: those change all the time, and a client that has cached the table reads them anyway.
Two tables with the same hash are the same to every client, which is also how our own memory of a
bonded client finds out whether its subscriptions still mean what they meant (`ClientMemory`).
"""

from __future__ import annotations

from collections.abc import Iterable

from bleio.att.codec import U16
from bleio.att.database import TableEntry
from bleio.core.codes import GattUuid
from bleio.core.uuid import uuid16

_WITH_VALUE = frozenset(
    uuid16(uuid)
    for uuid in (
        GattUuid.PRIMARY_SERVICE,
        GattUuid.SECONDARY_SERVICE,
        GattUuid.INCLUDE,
        GattUuid.CHARACTERISTIC,
        GattUuid.CHARACTERISTIC_EXTENDED_PROPERTIES,
    )
)
_WITHOUT_VALUE = frozenset(
    uuid16(uuid)
    for uuid in (
        GattUuid.CHARACTERISTIC_USER_DESCRIPTION,
        GattUuid.CLIENT_CHARACTERISTIC_CONFIGURATION,
        GattUuid.SERVER_CHARACTERISTIC_CONFIGURATION,
        GattUuid.CHARACTERISTIC_FORMAT,
        GattUuid.CHARACTERISTIC_AGGREGATE_FORMAT,
    )
)
_KEY = bytes(16)


def database_hash(attributes: Iterable[TableEntry]) -> bytes:
    """Return the hash of a table as its characteristic's value: 16 octets, least significant first.

    Spec: Vol 3, Part G, 7.3.1: AES-CMAC with a zero key over the declarations, ascending.
    """
    # Imported here because it is slow, and a program without clients never needs it.
    from cryptography.hazmat.primitives.ciphers.algorithms import AES
    from cryptography.hazmat.primitives.cmac import CMAC

    cmac = CMAC(AES(_KEY))
    for attribute in attributes:
        cmac.update(_hashed_part(attribute))
    return cmac.finalize()[::-1]


def _hashed_part(attribute: TableEntry) -> bytes:
    head = U16.pack(attribute.handle) + attribute.type
    if attribute.type in _WITH_VALUE:
        return head + attribute.read(None)
    if attribute.type in _WITHOUT_VALUE:
        return head
    return b""
