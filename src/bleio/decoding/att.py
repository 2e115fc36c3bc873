"""ATT PDUs in words, by the names of attributes.

A response says neither which attribute it is about nor even of which type its values are; that is
in the request. So each end of a link remembers its last request until the other end has answered,
and what discovery tells of the other's attributes for as long as the device is known.
Spec: Vol 3, Part F, 3.4.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from struct import Struct

from bleio.att import codec
from bleio.core.codes import AttErrorCode, GattUuid
from bleio.core.uuid import shorten, uuid16
from bleio.core.words import att_error
from bleio.decoding.attributes import CCCD, AttributeNames
from bleio.decoding.names import uuid_text
from bleio.decoding.octets import Malformed, counted, exactly, unpack, value_text
from bleio.decoding.said import Said, malformed

_TYPE_SIZES = (2, 16)
_CHARACTERISTIC = uuid16(GattUuid.CHARACTERISTIC)
_SERVICES = (uuid16(GattUuid.PRIMARY_SERVICE), uuid16(GattUuid.SECONDARY_SERVICE))
_SERVICE_CHANGED = uuid16(GattUuid.SERVICE_CHANGED)
_SUBSCRIPTIONS = {
    b"\0\0": "off",
    b"\1\0": "notifications",
    b"\2\0": "indications",
    b"\3\0": "notifications and indications",
}
_SHOWN_ENTRIES = 8
_SIGNATURE_OCTETS = 12
_PREPARED = Struct("<HH")
_U16X2 = Struct("<HH")
_ERROR = Struct("<BHB")

_NAMES = {
    codec.EXCHANGE_MTU_REQ: "Exchange MTU",
    codec.FIND_INFORMATION_REQ: "Find Information",
    codec.FIND_BY_TYPE_VALUE_REQ: "Find By Type Value",
    codec.READ_BY_TYPE_REQ: "Read By Type",
    codec.READ_REQ: "Read",
    codec.READ_BLOB_REQ: "Read Blob",
    codec.READ_MULTIPLE_REQ: "Read Multiple",
    codec.READ_BY_GROUP_TYPE_REQ: "Read By Group Type",
    codec.WRITE_REQ: "Write",
    codec.PREPARE_WRITE_REQ: "Prepare Write",
    codec.EXECUTE_WRITE_REQ: "Execute Write",
    codec.READ_MULTIPLE_VARIABLE_REQ: "Read Multiple Variable",
    codec.HANDLE_VALUE_NTF: "Notification",
    codec.HANDLE_VALUE_IND: "Indication",
    codec.HANDLE_VALUE_CFM: "Confirmation",
    codec.MULTIPLE_HANDLE_VALUE_NTF: "Multiple Notification",
    codec.WRITE_CMD: "Write Command",
    codec.SIGNED_WRITE_CMD: "Signed Write Command",
    codec.ERROR_RSP: "Error",
}
_NAMES.update(
    {
        response: f"{_NAMES[response - 1]} Response"
        for response in codec.RESPONSES - {codec.ERROR_RSP}
    }
)
# How discovery ends; nobody has asked for something that is not there.
_NO_TROUBLE = {
    (opcode, AttErrorCode.ATTRIBUTE_NOT_FOUND)
    for opcode in (
        *(codec.FIND_INFORMATION_REQ, codec.FIND_BY_TYPE_VALUE_REQ, codec.READ_BY_TYPE_REQ),
        codec.READ_BY_GROUP_TYPE_REQ,
    )
}


class AttEnd:
    """One end of a bearer: what it has asked for, and the attributes that it serves."""

    def __init__(self, attributes: AttributeNames | None = None) -> None:
        self.attributes = attributes or AttributeNames()
        self.request = b""  # the last of its own that was not answered yet
        self.indication = 0  # the handle of its last that was not confirmed yet


def describe(pdu: bytes, sender: AttEnd, receiver: AttEnd) -> Said:
    """Say what an ATT PDU says."""
    if not pdu:
        return malformed("ATT", "PDU", pdu)
    opcode = pdu[0]
    describe_one = _DESCRIBED.get(opcode)
    if describe_one is None:
        kind = "command" if opcode & codec.COMMAND_FLAG else "request"
        return Said("ATT", f"unknown {kind} 0x{opcode:02x}, {counted(len(pdu), 'octet')}")
    try:
        said = describe_one(pdu, sender, receiver)
    except Malformed:
        return malformed("ATT", _NAMES[opcode], pdu)
    if opcode in codec.RESPONSES:
        said.learn.append(partial(setattr, receiver, "request", b""))
    elif opcode in _REQUESTS:
        said.learn.append(partial(setattr, sender, "request", pdu))
    return said


# Errors and the MTU


def _error(pdu: bytes, sender: AttEnd, receiver: AttEnd) -> Said:
    opcode, handle, code = exactly(_ERROR, pdu[1:])
    asked = _NAMES.get(opcode, f"0x{opcode:02x}")
    name = sender.attributes.name(handle) if handle else ""
    if opcode in (codec.READ_BY_TYPE_REQ, codec.READ_BY_GROUP_TYPE_REQ):
        # The request is about a type; the handle is where the search came to its end.
        name = _type_of_request(receiver.request) or name
    text = f"Error: {att_error(code)} for {asked} {name}".rstrip()
    trouble = (opcode, code) not in _NO_TROUBLE
    details = (("error", f"0x{code:02x}"), ("request", asked), ("handle", f"0x{handle:04x}"))
    return Said("ATT", text, details, trouble, handle)


def _type_of_request(request: bytes) -> str:
    uuid = request[5:]
    return uuid_text(uuid) if len(uuid) in _TYPE_SIZES else ""


def _mtu(pdu: bytes, _sender: AttEnd, _receiver: AttEnd) -> Said:
    (mtu,) = exactly(codec.U16, pdu[1:])
    return Said("ATT", f"{_NAMES[pdu[0]]} {mtu}", (("MTU", str(mtu)),))


# Discovery


def _range(pdu: bytes, sender: AttEnd, receiver: AttEnd) -> Said:
    start, end = unpack(_U16X2, pdu, 1)
    text, rest = f"0x{start:04x} to 0x{end:04x}", pdu[5:]
    if pdu[0] == codec.FIND_INFORMATION_REQ:
        if rest:
            raise Malformed
    elif pdu[0] == codec.FIND_BY_TYPE_VALUE_REQ:
        if len(rest) < 2:
            raise Malformed
        value = rest[2:]
        shown = uuid_text(value) if len(value) in _TYPE_SIZES else value_text(value)
        text = f"{uuid_text(rest[:2])} {shown}, {text}"
    else:
        if len(rest) not in _TYPE_SIZES:
            raise Malformed
        text = f"{uuid_text(rest)}, {text}"
    return Said("ATT", f"{_NAMES[pdu[0]]} {text}", attribute=start)


def _information(pdu: bytes, sender: AttEnd, _receiver: AttEnd) -> Said:
    kind = pdu[1] if len(pdu) > 1 else 0
    if kind not in (codec.FORMAT_UUID16, codec.FORMAT_UUID128):
        raise Malformed
    said, entries = Said("ATT", ""), []
    for entry in _entries(pdu[2:], 4 if kind == codec.FORMAT_UUID16 else 18):
        handle, uuid = int.from_bytes(entry[:2], "little"), entry[2:]
        entries.append(f"{uuid_text(uuid)} (0x{handle:04x})")
        said.learn.append(partial(sender.attributes.learn, handle, uuid))
    return _listed(said, pdu[0], entries)


def _by_type_value(pdu: bytes, sender: AttEnd, receiver: AttEnd) -> Said:
    said, entries = Said("ATT", ""), []
    request = receiver.request
    of_service = request[:1] == bytes((codec.FIND_BY_TYPE_VALUE_REQ,))
    uuid = request[7:] if of_service and request[5:7] in _SERVICES else b""
    for entry in _entries(pdu[1:], 4):
        start, end = _U16X2.unpack(entry)
        entries.append(f"0x{start:04x} to 0x{end:04x}")
        if len(uuid) in _TYPE_SIZES:
            said.learn.append(partial(sender.attributes.learn_service, start, uuid))
    return _listed(said, pdu[0], entries)


def _by_group_type(pdu: bytes, sender: AttEnd, receiver: AttEnd) -> Said:
    said, entries = Said("ATT", ""), []
    for entry in _sized_entries(pdu, 6):
        start, end = _U16X2.unpack_from(entry)
        value = entry[4:]
        services = shorten(receiver.request[5:]) in _SERVICES or not receiver.request
        if services and len(value) in _TYPE_SIZES:
            name = uuid_text(value)
            said.learn.append(partial(sender.attributes.learn_service, start, value))
        else:
            name = value_text(value)
        entries.append(f"{name} (0x{start:04x} to 0x{end:04x})")
    return _listed(said, pdu[0], entries)


def _by_type(pdu: bytes, sender: AttEnd, receiver: AttEnd) -> Said:
    said, entries = Said("ATT", ""), []
    asked = receiver.request[5:] if receiver.request[:1] == b"\x08" else b""
    asked = shorten(asked) if len(asked) in _TYPE_SIZES else b""
    for entry in _sized_entries(pdu, 2):
        handle, value = int.from_bytes(entry[:2], "little"), entry[2:]
        if asked == _CHARACTERISTIC and len(value) - 3 in _TYPE_SIZES:
            value_handle, uuid = int.from_bytes(value[1:3], "little"), value[3:]
            entries.append(f"{uuid_text(uuid)} (0x{value_handle:04x})")
            said.learn.append(
                partial(sender.attributes.learn_characteristic, value_handle, uuid)
            )  # fmt: skip
            continue
        entries.append(f"0x{handle:04x} = {value_text(value)}")
        said.attribute = said.attribute or handle
        if asked:
            said.learn.append(partial(sender.attributes.learn, handle, asked))
    name = f" {uuid_text(asked)}" if asked else ""
    return _listed(said, pdu[0], entries, name)


def _sized_entries(pdu: bytes, at_least: int) -> Iterator[bytes]:
    size = pdu[1] if len(pdu) > 1 else 0
    if size < at_least:
        raise Malformed
    return _entries(pdu[2:], size)


def _entries(octets: bytes, size: int) -> Iterator[bytes]:
    """Return entries of one size. Raises: Malformed, if there are none or a part of one."""
    if not octets or len(octets) % size:
        raise Malformed
    return (octets[at : at + size] for at in range(0, len(octets), size))


def _listed(said: Said, opcode: int, entries: list[str], name: str = "") -> Said:
    shown = ", ".join(entries[:_SHOWN_ENTRIES])
    more = f" and {len(entries) - _SHOWN_ENTRIES} more" if len(entries) > _SHOWN_ENTRIES else ""
    said.text = f"{_NAMES[opcode]}{name}: {shown}{more}"
    said.details = (("entries", ", ".join(entries)),)
    return said


# Values


def _about(pdu: bytes, server: AttEnd) -> tuple[int, str, bytes]:
    """Return handle and name of the attribute, and what follows."""
    (handle,) = unpack(codec.U16, pdu, 1)
    return handle, server.attributes.name(handle), pdu[3:]


def _shown(server: AttEnd, handle: int, value: bytes) -> str:
    if server.attributes.type_of(handle) == CCCD and value in _SUBSCRIPTIONS:
        return _SUBSCRIPTIONS[value]
    return value_text(value)


def _value_said(opcode: int, name: str, handle: int, shown: str, value: bytes) -> Said:
    details = (("handle", f"0x{handle:04x}"), ("value", value.hex()))
    return Said("ATT", f"{_NAMES[opcode]} {name} = {shown}", details, attribute=handle)


def _read(pdu: bytes, _sender: AttEnd, receiver: AttEnd) -> Said:
    handle, name, rest = _about(pdu, receiver)
    if pdu[0] == codec.READ_BLOB_REQ:
        (offset,) = exactly(codec.U16, rest)
        name += f" from {offset}"
    elif rest:
        raise Malformed
    return Said("ATT", f"{_NAMES[pdu[0]]} {name}", attribute=handle)


def _read_response(pdu: bytes, sender: AttEnd, receiver: AttEnd) -> Said:
    handle = _asked_for(receiver, pdu[0] - 1)
    if not handle:
        return Said("ATT", f"{_NAMES[pdu[0]]} = {value_text(pdu[1:])}")
    shown, name = _shown(sender, handle, pdu[1:]), sender.attributes.name(handle)
    return _value_said(pdu[0], name, handle, shown, pdu[1:])


def _asked_for(client: AttEnd, opcode: int) -> int:
    """Return the handle of the client's request if it is this one, else 0."""
    request = client.request
    if len(request) < 3 or request[0] != opcode:
        return 0
    return int.from_bytes(request[1:3], "little")


def _handles(pdu: bytes, _sender: AttEnd, receiver: AttEnd) -> Said:
    handles = [int.from_bytes(entry, "little") for entry in _entries(pdu[1:], 2)]
    names = [receiver.attributes.name(handle) for handle in handles]
    said = _listed(Said("ATT", ""), pdu[0], names)
    said.attribute = handles[0]
    return said


def _values(pdu: bytes, _sender: AttEnd, _receiver: AttEnd) -> Said:
    return Said("ATT", f"{_NAMES[pdu[0]]} = {value_text(pdu[1:])}")


def _write(pdu: bytes, _sender: AttEnd, receiver: AttEnd) -> Said:
    handle, name, value = _about(pdu, receiver)
    if pdu[0] == codec.SIGNED_WRITE_CMD:
        if len(value) < _SIGNATURE_OCTETS:
            raise Malformed
        value = value[:-_SIGNATURE_OCTETS]
    return _value_said(pdu[0], name, handle, _shown(receiver, handle, value), value)


def _write_response(pdu: bytes, sender: AttEnd, receiver: AttEnd) -> Said:
    if len(pdu) != 1:
        raise Malformed
    handle = _asked_for(receiver, pdu[0] - 1)
    name = f" {sender.attributes.name(handle)}" if handle else ""
    return Said("ATT", _NAMES[pdu[0]] + name, attribute=handle)


def _prepare(pdu: bytes, sender: AttEnd, receiver: AttEnd) -> Said:
    handle, offset = unpack(_PREPARED, pdu, 1)
    server = receiver if pdu[0] == codec.PREPARE_WRITE_REQ else sender
    value, name = pdu[5:], f"{server.attributes.name(handle)} from {offset}"
    return _value_said(pdu[0], name, handle, value_text(value), value)


def _execute(pdu: bytes, _sender: AttEnd, _receiver: AttEnd) -> Said:
    if len(pdu) != 2:
        raise Malformed
    what = {codec.EXECUTE_CANCEL: "cancel", codec.EXECUTE_WRITE: "write"}.get(pdu[1])
    return Said("ATT", f"{_NAMES[pdu[0]]}: {what or f'0x{pdu[1]:02x}'}")


def _executed(pdu: bytes, _sender: AttEnd, _receiver: AttEnd) -> Said:
    if len(pdu) != 1:
        raise Malformed
    return Said("ATT", _NAMES[pdu[0]])


def _told(pdu: bytes, sender: AttEnd, _receiver: AttEnd) -> Said:
    handle, name, value = _about(pdu, sender)
    changed = sender.attributes.type_of(handle) == _SERVICE_CHANGED and len(value) == 4
    shown = _shown(sender, handle, value)
    if changed:
        start, end = _U16X2.unpack(value)
        shown = f"0x{start:04x} to 0x{end:04x}"
    said = _value_said(pdu[0], name, handle, shown, value)
    if changed:
        said.learn.append(partial(sender.attributes.forget, start, end))
        said.learn.append(partial(sender.attributes.learn_characteristic, handle, _SERVICE_CHANGED))
    if pdu[0] == codec.HANDLE_VALUE_IND:
        said.learn.append(partial(setattr, sender, "indication", handle))
    return said


def _confirmed(pdu: bytes, _sender: AttEnd, receiver: AttEnd) -> Said:
    if len(pdu) != 1:
        raise Malformed
    handle = receiver.indication
    name = f" {receiver.attributes.name(handle)}" if handle else ""
    said = Said("ATT", _NAMES[pdu[0]] + name, attribute=handle)
    said.learn.append(partial(setattr, receiver, "indication", 0))
    return said


def _several_told(pdu: bytes, sender: AttEnd, _receiver: AttEnd) -> Said:
    entries, position, first = [], 1, 0
    while position < len(pdu):
        handle, length = unpack(_U16X2, pdu, position)
        value = pdu[position + 4 : position + 4 + length]
        if len(value) != length:
            raise Malformed
        first = first or handle
        entries.append(f"{sender.attributes.name(handle)} = {value_text(value)}")
        position += 4 + length
    if not entries:
        raise Malformed
    said = _listed(Said("ATT", ""), pdu[0], entries)
    said.attribute = first
    return said


_Describe = Callable[[bytes, AttEnd, AttEnd], Said]
_DESCRIBED: dict[int, _Describe] = {
    codec.ERROR_RSP: _error,
    codec.EXCHANGE_MTU_REQ: _mtu,
    codec.EXCHANGE_MTU_RSP: _mtu,
    codec.FIND_INFORMATION_REQ: _range,
    codec.FIND_INFORMATION_RSP: _information,
    codec.FIND_BY_TYPE_VALUE_REQ: _range,
    codec.FIND_BY_TYPE_VALUE_RSP: _by_type_value,
    codec.READ_BY_TYPE_REQ: _range,
    codec.READ_BY_TYPE_RSP: _by_type,
    codec.READ_REQ: _read,
    codec.READ_RSP: _read_response,
    codec.READ_BLOB_REQ: _read,
    codec.READ_BLOB_RSP: _read_response,
    codec.READ_MULTIPLE_REQ: _handles,
    codec.READ_MULTIPLE_RSP: _values,
    codec.READ_BY_GROUP_TYPE_REQ: _range,
    codec.READ_BY_GROUP_TYPE_RSP: _by_group_type,
    codec.WRITE_REQ: _write,
    codec.WRITE_RSP: _write_response,
    codec.PREPARE_WRITE_REQ: _prepare,
    codec.PREPARE_WRITE_RSP: _prepare,
    codec.EXECUTE_WRITE_REQ: _execute,
    codec.EXECUTE_WRITE_RSP: _executed,
    codec.HANDLE_VALUE_NTF: _told,
    codec.HANDLE_VALUE_IND: _told,
    codec.HANDLE_VALUE_CFM: _confirmed,
    codec.READ_MULTIPLE_VARIABLE_REQ: _handles,
    codec.READ_MULTIPLE_VARIABLE_RSP: _values,
    codec.MULTIPLE_HANDLE_VALUE_NTF: _several_told,
    codec.WRITE_CMD: _write,
    codec.SIGNED_WRITE_CMD: _write,
}
_REQUESTS = frozenset(response - 1 for response in codec.RESPONSES - {codec.ERROR_RSP})
