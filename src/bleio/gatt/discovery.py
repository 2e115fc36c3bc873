"""Discovery of what a peer serves (Vol 3, Part G, 4.4 to 4.7).

All primary services are asked for, also when a program wants only some. Find By Type Value would be
fewer packets for one service, but it takes a UUID in one size, and a peer may hold the same UUID in
the other; so it would have to be asked twice for each. Then characteristics and descriptors are
found for the services that are wanted. What is included is found for all of these in one go.

The peer decides how long this takes, and may not decide that it never ends. So every list that it
sends must move on through the handles, which ends each loop; what it may make us store is bounded,
which ends it soon; and every step has a time limit, and so has the whole (`AttClient.run`). A list
that breaks its form is the peer's fault and fails the discovery as a whole: half of a table would
pass for all of it.

A list ends with an error, by the specification with Attribute Not Found. Peers in the field end it
with others (Invalid Handle, Request Not Supported, Unlikely Error, codes of their own), so any ends
it, and what was found stands, as in CircuitPython. Only one that asks for security is raised: there
may be more, which the program can have by pairing.

A peer may store an assigned UUID in 16 or in 128 bits, and a program compares by one of them. So
characteristics and descriptors are given the 16-bit form whatever the peer stores, but the
characteristics of a service that was asked for by the 128-bit form of an assigned UUID are given in
128 bits: a program that spells out the one spells out the other. Handles and values do not depend
on this, nor do the names by which values are trusted.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from operator import attrgetter

from bleio.att import codec
from bleio.att.client import Procedure
from bleio.att.codec import HANDLE_PAIR, MAX_HANDLE, OPCODE_RANGE, U16
from bleio.core.codes import AttErrorCode, GattUuid, Properties
from bleio.core.uuid import expand, shorten, uuid16
from bleio.errors import AttError, ProtocolViolation
from bleio.gatt import procedures
from bleio.gatt.model import (
    RemoteCharacteristic,
    RemoteDescriptor,
    RemoteInclude,
    RemoteService,
)

# Real devices have some dozens of services and some hundreds of attributes. More than this is an
# endless list, and following it would take minutes on air.
MAX_FOUND = 4096

STEP_LIMIT_S = 20.0  # how long CircuitPython lets a peer think about one step of discovery

_PRIMARY = uuid16(GattUuid.PRIMARY_SERVICE)
_INCLUDE = uuid16(GattUuid.INCLUDE)
_CHARACTERISTIC = uuid16(GattUuid.CHARACTERISTIC)
_GENERIC_ATTRIBUTE = uuid16(GattUuid.GENERIC_ATTRIBUTE)
_SERVICE_CHANGED = expand(uuid16(GattUuid.SERVICE_CHANGED))
_UUID_OCTETS = (2, 16)
_handle_of = attrgetter("handle")


class _Bound:
    """Counts what one discovery has found."""

    def __init__(self) -> None:
        self._found = 0

    def count(self) -> None:
        self._found += 1
        if self._found > MAX_FOUND:
            raise ProtocolViolation(f"the peer lists more than {MAX_FOUND} attributes")


def discover(uuids: Sequence[bytes] | None) -> Procedure[list[RemoteService]]:
    """Find primary services with all they hold. None: all; else those of equal UUID value, in the
    order of `uuids`, every instance of each."""
    if uuids is not None and not uuids:
        return []
    bound = _Bound()
    services = yield from _primary_services(bound)
    if uuids is not None:
        services = _select(services, uuids)
    if services:
        yield from _find_included(services, bound)
    asked_long = frozenset(uuid for uuid in uuids or () if shorten(uuid) != uuid)
    for service in services:
        respell = expand if expand(service.uuid) in asked_long else shorten
        service.characteristics = yield from _characteristics(service, bound)
        for characteristic in service.characteristics:
            characteristic.uuid = respell(characteristic.uuid)
            yield from _find_descriptors(characteristic, bound)
    return services


def _select(services: list[RemoteService], uuids: Sequence[bytes]) -> list[RemoteService]:
    wanted: dict[bytes, list[RemoteService]] = {expand(uuid): [] for uuid in uuids}
    for service in services:
        wanted.get(expand(service.uuid), []).append(service)
    return [service for found in wanted.values() for service in found]


def _primary_services(bound: _Bound) -> Procedure[list[RemoteService]]:
    """Find all primary services, without what they hold."""
    services: list[RemoteService] = []
    start = 1
    while start <= MAX_HANDLE:
        response = yield from _list_or_end(
            codec.READ_BY_GROUP_TYPE_REQ, start, MAX_HANDLE, _PRIMARY
        )
        if response is None:
            break
        for entry in _entries(response, 4):
            handle, end = HANDLE_PAIR.unpack_from(entry)
            _demand(start <= handle <= end, "services whose handles do not increase")
            bound.count()
            services.append(RemoteService(entry[4:], handle, end))
            start = end + 1
    return services


def find_service_changed() -> Procedure[RemoteCharacteristic | None]:
    """Find the Service Changed characteristic of the peer's GATT service, with its descriptors.

    Returns: None if there is none. Raises: AttError if the peer does not say whether there is.
    """
    bound = _Bound()
    request = OPCODE_RANGE.pack(codec.FIND_BY_TYPE_VALUE_REQ, 1, MAX_HANDLE)
    try:
        response = yield request + _PRIMARY + _GENERIC_ATTRIBUTE
    except AttError as error:
        if error.code != AttErrorCode.ATTRIBUTE_NOT_FOUND:
            raise
        return None
    _demand(len(response) > 1 and len(response) % 4 == 1, "a list with entries of a wrong length")
    handle, end = HANDLE_PAIR.unpack_from(response, 1)
    _demand(0 < handle <= end, "a service that ends before it starts")
    service = RemoteService(_GENERIC_ATTRIBUTE, handle, end)
    for characteristic in (yield from _characteristics(service, bound)):
        if expand(characteristic.uuid) == _SERVICE_CHANGED:
            yield from _find_descriptors(characteristic, bound)
            return characteristic
    return None


def _characteristics(
    service: RemoteService, bound: _Bound
) -> Procedure[list[RemoteCharacteristic]]:
    """Find the characteristics of a service, without their descriptors."""
    found: list[RemoteCharacteristic] = []
    start = service.handle + 1
    while start < service.end_handle:  # a characteristic takes two handles
        response = yield from _list_or_end(
            codec.READ_BY_TYPE_REQ, start, service.end_handle, _CHARACTERISTIC
        )
        if response is None:
            break
        for entry in _entries(response, 5):
            characteristic = _declaration(entry)
            declared, value = characteristic.declaration_handle, characteristic.handle
            in_order = start <= declared < value <= service.end_handle
            _demand(in_order, "characteristics whose handles do not increase")
            bound.count()
            characteristic.service = service
            if found:
                found[-1].end_handle = declared - 1
            found.append(characteristic)
            start = value + 1
    if found:
        found[-1].end_handle = service.end_handle
    return found


def _declaration(entry: bytes) -> RemoteCharacteristic:
    """Parse: declaration handle (2), properties (1), value handle (2), UUID (2 or 16)."""
    (declared,) = U16.unpack_from(entry)
    (value,) = U16.unpack_from(entry, 3)
    return RemoteCharacteristic(entry[5:], Properties(entry[2]), declared, value)


def _find_descriptors(characteristic: RemoteCharacteristic, bound: _Bound) -> Procedure[None]:
    start, end = characteristic.handle + 1, characteristic.end_handle
    while start <= end:
        try:
            response = yield OPCODE_RANGE.pack(codec.FIND_INFORMATION_REQ, start, end)
        except AttError as error:
            if error.about_security:
                raise
            return
        for handle, uuid in _information(response):
            _demand(start <= handle <= end, "descriptors whose handles do not increase")
            bound.count()
            characteristic.descriptors.append(RemoteDescriptor(shorten(uuid), handle))
            start = handle + 1


def _information(response: bytes) -> Iterator[tuple[int, bytes]]:
    """Parse a Find Information Response: format (1), then handle (2) and UUID (2 or 16) each."""
    form = response[1] if len(response) > 1 else 0
    uuid_octets = {codec.FORMAT_UUID16: 2, codec.FORMAT_UUID128: 16}.get(form, 0)
    octets = 2 + uuid_octets
    whole = len(response) > 2 and (len(response) - 2) % octets == 0
    _demand(uuid_octets > 0 and whole, "a malformed Find Information Response")
    for position in range(2, len(response), octets):
        (handle,) = U16.unpack_from(response, position)
        yield handle, response[position + 2 : position + octets]


def _find_included(services: list[RemoteService], bound: _Bound) -> Procedure[None]:
    """Find the include declarations of all services in one go.

    A peer that does not let us look has none for us: nothing that is shown depends on them.
    """
    by_handle = sorted(services, key=_handle_of)  # they do not overlap, see `_primary_services`
    start, end = by_handle[0].handle, by_handle[-1].end_handle
    try:
        while start <= end:
            response = yield from _list_or_end(codec.READ_BY_TYPE_REQ, start, end, _INCLUDE)
            if response is None:
                break
            for include in map(_include, _entries(response, 6, (0, 2))):
                declared = include.declaration_handle
                _demand(start <= declared <= end, "includes whose handles do not increase")
                bound.count()
                service = by_handle[max(0, bisect_left(by_handle, declared, key=_handle_of) - 1)]
                if service.handle < declared <= service.end_handle:
                    service.included.append(include)
                start = declared + 1
        for service in services:
            for include in service.included:
                include.uuid = include.uuid or (yield from procedures.read(include.handle))
    except AttError:
        return


def _include(entry: bytes) -> RemoteInclude:
    """Parse: declaration handle (2), first and last handle (2 each), UUID (2 or, if 128-bit, 0)."""
    (declared,) = U16.unpack_from(entry)
    handle, last = HANDLE_PAIR.unpack_from(entry, 2)
    return RemoteInclude(entry[6:], declared, handle, last)


def _list_or_end(opcode: int, start: int, end: int, uuid: bytes) -> Procedure[bytes | None]:
    """Ask for a list; None if there are no more entries."""
    try:
        response = yield OPCODE_RANGE.pack(opcode, start, end) + uuid
    except AttError as error:
        if error.about_security:
            raise
        return None
    return response


def _entries(
    response: bytes, head_octets: int, uuid_octets: tuple[int, ...] = _UUID_OCTETS
) -> Iterator[bytes]:
    """Split a list response: opcode, entry length, entries of a head and a UUID."""
    octets = response[1] if len(response) > 1 else 0
    whole = len(response) > 2 and octets > 0 and (len(response) - 2) % octets == 0
    _demand(whole and octets - head_octets in uuid_octets, "a list with entries of a wrong length")
    for position in range(2, len(response), octets):
        yield response[position : position + octets]


def _demand(condition: bool, otherwise: str) -> None:
    if not condition:
        raise ProtocolViolation(f"the peer sent {otherwise}")
