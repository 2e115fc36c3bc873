"""Reads, writes, notifications and indications in words."""

from __future__ import annotations

from functools import partial
from struct import Struct

from bleio.att import codec
from bleio.core.codes import GattUuid
from bleio.core.uuid import uuid16
from bleio.decoding.att.ends import NAMES, AttEnd, entries_of, listed
from bleio.decoding.attributes import CCCD
from bleio.decoding.octets import Malformed, exactly, unpack, value_text
from bleio.decoding.said import Said

_SERVICE_CHANGED = uuid16(GattUuid.SERVICE_CHANGED)
_SUBSCRIPTIONS = {
    b"\0\0": "off",
    b"\1\0": "notifications",
    b"\2\0": "indications",
    b"\3\0": "notifications and indications",
}
_SIGNATURE_OCTETS = 12
_U16X2 = Struct("<HH")


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
    return Said("ATT", f"{NAMES[opcode]} {name} = {shown}", details, attribute=handle)


def read(pdu: bytes, _sender: AttEnd, receiver: AttEnd) -> Said:
    handle, name, rest = _about(pdu, receiver)
    if pdu[0] == codec.READ_BLOB_REQ:
        (offset,) = exactly(codec.U16, rest)
        name += f" from {offset}"
    elif rest:
        raise Malformed
    return Said("ATT", f"{NAMES[pdu[0]]} {name}", attribute=handle)


def read_response(pdu: bytes, sender: AttEnd, receiver: AttEnd) -> Said:
    handle = _asked_for(receiver, pdu[0] - 1)
    if not handle:
        return Said("ATT", f"{NAMES[pdu[0]]} = {value_text(pdu[1:])}")
    shown, name = _shown(sender, handle, pdu[1:]), sender.attributes.name(handle)
    return _value_said(pdu[0], name, handle, shown, pdu[1:])


def _asked_for(client: AttEnd, opcode: int) -> int:
    """Return the handle of the client's request if it is this one, else 0."""
    request = client.request
    if len(request) < 3 or request[0] != opcode:
        return 0
    return int.from_bytes(request[1:3], "little")


def handles(pdu: bytes, _sender: AttEnd, receiver: AttEnd) -> Said:
    handles = [int.from_bytes(entry, "little") for entry in entries_of(pdu[1:], 2)]
    names = [receiver.attributes.name(handle) for handle in handles]
    said = listed(Said("ATT", ""), pdu[0], names)
    said.attribute = handles[0]
    return said


def values(pdu: bytes, _sender: AttEnd, _receiver: AttEnd) -> Said:
    return Said("ATT", f"{NAMES[pdu[0]]} = {value_text(pdu[1:])}")


def write(pdu: bytes, _sender: AttEnd, receiver: AttEnd) -> Said:
    handle, name, value = _about(pdu, receiver)
    if pdu[0] == codec.SIGNED_WRITE_CMD:
        if len(value) < _SIGNATURE_OCTETS:
            raise Malformed
        value = value[:-_SIGNATURE_OCTETS]
    return _value_said(pdu[0], name, handle, _shown(receiver, handle, value), value)


def write_response(pdu: bytes, sender: AttEnd, receiver: AttEnd) -> Said:
    if len(pdu) != 1:
        raise Malformed
    handle = _asked_for(receiver, pdu[0] - 1)
    name = f" {sender.attributes.name(handle)}" if handle else ""
    return Said("ATT", NAMES[pdu[0]] + name, attribute=handle)


def prepare(pdu: bytes, sender: AttEnd, receiver: AttEnd) -> Said:
    handle, offset = unpack(_U16X2, pdu, 1)
    server = receiver if pdu[0] == codec.PREPARE_WRITE_REQ else sender
    value, name = pdu[5:], f"{server.attributes.name(handle)} from {offset}"
    return _value_said(pdu[0], name, handle, value_text(value), value)


def execute(pdu: bytes, _sender: AttEnd, _receiver: AttEnd) -> Said:
    if len(pdu) != 2:
        raise Malformed
    what = {codec.EXECUTE_CANCEL: "cancel", codec.EXECUTE_WRITE: "write"}.get(pdu[1])
    return Said("ATT", f"{NAMES[pdu[0]]}: {what or f'0x{pdu[1]:02x}'}")


def executed(pdu: bytes, _sender: AttEnd, _receiver: AttEnd) -> Said:
    if len(pdu) != 1:
        raise Malformed
    return Said("ATT", NAMES[pdu[0]])


def told(pdu: bytes, sender: AttEnd, _receiver: AttEnd) -> Said:
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


def confirmed(pdu: bytes, _sender: AttEnd, receiver: AttEnd) -> Said:
    if len(pdu) != 1:
        raise Malformed
    handle = receiver.indication
    name = f" {receiver.attributes.name(handle)}" if handle else ""
    said = Said("ATT", NAMES[pdu[0]] + name, attribute=handle)
    said.learn.append(partial(setattr, receiver, "indication", 0))
    return said


def several_told(pdu: bytes, sender: AttEnd, _receiver: AttEnd) -> Said:
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
    said = listed(Said("ATT", ""), pdu[0], entries)
    said.attribute = first
    return said
