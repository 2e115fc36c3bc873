"""Requests that find and read attributes (Core Specification Vol 3, Part F, 3.4.3 and 3.4.4).

Lists end at the first entry of another length or that does not fit; the client asks again from
there. An entry without permission ends a list, and is an error only where it would be the first.

A long value is read in parts by requests of their own, each of which reads the attribute anew. So a
value that changes meanwhile comes torn; the specification has nothing against it.
"""

from __future__ import annotations

from bleio.att import codec
from bleio.att.access import Access, check_form
from bleio.att.codec import HANDLE_PAIR, OPCODE_RANGE, U16
from bleio.att.database import TableEntry
from bleio.core.codes import AttErrorCode, GattUuid
from bleio.core.uuid import expand, uuid16
from bleio.errors import AttError

_MAX_ENTRY_OCTETS = 255  # lists carry the length of their entries in one octet
_GROUP_TYPES = frozenset(
    expand(uuid16(uuid)) for uuid in (GattUuid.PRIMARY_SERVICE, GattUuid.SECONDARY_SERVICE)
)


def find_information(access: Access, pdu: bytes) -> bytes:
    """List handles and types: format (1), then handle (2) and UUID (2 or 16) of each.

    Spec: 3.4.3.1. One response has UUIDs of one size; it ends before one of the other.
    """
    check_form(len(pdu) == 5)
    start, end = _handle_range(pdu)
    found = access.database.in_range(start, end)
    if not found:
        raise AttError(AttErrorCode.ATTRIBUTE_NOT_FOUND, handle=start)
    uuid_octets = len(found[0].type)
    form = codec.FORMAT_UUID16 if uuid_octets == 2 else codec.FORMAT_UUID128
    answer = bytearray((codec.FIND_INFORMATION_RSP, form))
    for attribute in found:
        if len(attribute.type) != uuid_octets or _full(access, answer, 2 + uuid_octets):
            break
        answer += U16.pack(attribute.handle) + attribute.type
    return bytes(answer)


def find_by_type_value(access: Access, pdu: bytes) -> bytes:
    """List groups by type and value: handle (2) and end of the group (2) of each.

    Spec: 3.4.3.3. What may not be read is passed over, or the value could be guessed at.
    """
    check_form(len(pdu) >= 7)
    start, end = _handle_range(pdu)
    wanted = pdu[7:]
    answer = bytearray((codec.FIND_BY_TYPE_VALUE_RSP,))
    for attribute in access.database.of_type(pdu[5:7], start, end):
        if _full(access, answer, HANDLE_PAIR.size):
            break
        if not access.read_refusal(attribute) and attribute.read(access.client) == wanted:
            answer += HANDLE_PAIR.pack(attribute.handle, attribute.group_end)
    if len(answer) == 1:
        raise AttError(AttErrorCode.ATTRIBUTE_NOT_FOUND, handle=start)
    return bytes(answer)


def read_by_type(access: Access, pdu: bytes) -> bytes:
    """List values by type: entry length (1), then handle (2) and value. Spec: 3.4.4.1."""
    check_form(len(pdu) in (7, 21))
    start, end = _handle_range(pdu)
    answer = bytearray((codec.READ_BY_TYPE_RSP, 0))
    for attribute in access.database.of_type(pdu[5:], start, end):
        code = access.read_refusal(attribute)
        if code:
            if len(answer) > 2:
                break
            raise AttError(code, handle=attribute.handle)
        if not _append(access, answer, U16.pack(attribute.handle), attribute):
            break
    return _list_or_not_found(answer, start)


def read_by_group_type(access: Access, pdu: bytes) -> bytes:
    """List services: length of an entry (1), then handle (2), end (2) and UUID of each.

    Spec: 3.4.4.9; GATT allows the two kinds of service as types, and no other.
    """
    check_form(len(pdu) in (7, 21))
    start, end = _handle_range(pdu)
    if expand(pdu[5:]) not in _GROUP_TYPES:
        raise AttError(AttErrorCode.UNSUPPORTED_GROUP_TYPE, handle=start)
    answer = bytearray((codec.READ_BY_GROUP_TYPE_RSP, 0))
    for attribute in access.database.of_type(pdu[5:], start, end):
        prefix = HANDLE_PAIR.pack(attribute.handle, attribute.group_end)
        if not _append(access, answer, prefix, attribute):
            break
    return _list_or_not_found(answer, start)


def _append(access: Access, answer: bytearray, prefix: bytes, attribute: TableEntry) -> bool:
    """Add one entry to a list whose second octet is the length of each; False if it ends here.

    Only the first entry may be cut short; the list ends before one of another length.
    """
    entry = prefix + attribute.read(access.client)
    entry = entry[: min(access.mtu - 2, _MAX_ENTRY_OCTETS)]
    if answer[1] not in (0, len(entry)) or _full(access, answer, len(entry)):
        return False
    answer[1] = len(entry)
    answer += entry
    return True


def _full(access: Access, answer: bytearray, entry_octets: int) -> bool:
    return len(answer) + entry_octets > access.mtu


def read(access: Access, pdu: bytes) -> bytes:
    """Return the value, cut at the MTU; the client reads on with blobs. Spec: 3.4.4.3."""
    check_form(len(pdu) == 3)
    value = access.read(U16.unpack_from(pdu, 1)[0])
    return b"\x0b" + value[: access.mtu - 1]


def read_blob(access: Access, pdu: bytes) -> bytes:
    """Return a value from an offset on; an offset at its end is its end, not an error.

    Spec: 3.4.4.5, which also allows Attribute Not Long for values that fit one response. We do
    not answer that, since the client has to ask to know the end of a value that just fits.
    """
    check_form(len(pdu) == 5)
    handle, offset = HANDLE_PAIR.unpack_from(pdu, 1)
    value = access.read(handle)
    if offset > len(value):
        raise AttError(AttErrorCode.INVALID_OFFSET, handle=handle)
    return b"\x0d" + value[offset : offset + access.mtu - 1]


def read_multiple(access: Access, pdu: bytes) -> bytes:
    """Return the values in a row; the client must know their lengths. Spec: 3.4.4.7."""
    values = [access.read(handle) for handle in _handle_set(pdu)]
    return (b"\x0f" + b"".join(values))[: access.mtu]


def read_multiple_variable(access: Access, pdu: bytes) -> bytes:
    """Return each value after its true length (2); the last may be cut, never its length.

    Spec: 3.4.4.11.
    """
    values = [access.read(handle) for handle in _handle_set(pdu)]
    answer = bytearray((codec.READ_MULTIPLE_VARIABLE_RSP,))
    for value in values:
        if _full(access, answer, U16.size):
            break
        answer += U16.pack(len(value)) + value
    return bytes(answer[: access.mtu])


def _handle_range(pdu: bytes) -> tuple[int, int]:
    """Return the starting and ending handle. Spec: 3.4.3.1: neither 0 nor in reverse."""
    start: int
    end: int
    _, start, end = OPCODE_RANGE.unpack_from(pdu)
    if start == 0 or start > end:
        raise AttError(AttErrorCode.INVALID_HANDLE, handle=start)
    return start, end


def _handle_set(pdu: bytes) -> list[int]:
    """Return the handles of a Read Multiple (Variable) Request, at least two."""
    check_form(len(pdu) >= 5 and len(pdu) % 2 == 1)
    return [handle for (handle,) in U16.iter_unpack(pdu[1:])]


def _list_or_not_found(answer: bytearray, start: int) -> bytes:
    if len(answer) == 2:
        raise AttError(AttErrorCode.ATTRIBUTE_NOT_FOUND, handle=start)
    return bytes(answer)
