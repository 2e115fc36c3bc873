"""ATT PDUs in words, by the names of attributes.

A response says neither which attribute it is about nor even of which type its values are; that is
in the request. So each end of a link remembers its last request until the other end has answered,
and what discovery tells of the other's attributes for as long as the device is known.
Spec: Vol 3, Part F, 3.4.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from struct import Struct

from bleio.att import codec
from bleio.core.codes import AttErrorCode
from bleio.core.words import att_error
from bleio.decoding.att import discovery, values
from bleio.decoding.att.ends import NAMES, AttEnd
from bleio.decoding.names import uuid_text
from bleio.decoding.octets import Malformed, counted, exactly
from bleio.decoding.said import Said, malformed

_ERROR = Struct("<BHB")

# How discovery ends; nobody has asked for something that is not there.
_NO_TROUBLE = {
    (opcode, AttErrorCode.ATTRIBUTE_NOT_FOUND)
    for opcode in (
        *(codec.FIND_INFORMATION_REQ, codec.FIND_BY_TYPE_VALUE_REQ, codec.READ_BY_TYPE_REQ),
        codec.READ_BY_GROUP_TYPE_REQ,
    )
}


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
        return malformed("ATT", NAMES[opcode], pdu)
    if opcode in codec.RESPONSES:
        said.learn.append(partial(setattr, receiver, "request", b""))
    elif opcode in _REQUESTS:
        said.learn.append(partial(setattr, sender, "request", pdu))
    return said


def _error(pdu: bytes, sender: AttEnd, receiver: AttEnd) -> Said:
    opcode, handle, code = exactly(_ERROR, pdu[1:])
    asked = NAMES.get(opcode, f"0x{opcode:02x}")
    name = sender.attributes.name(handle) if handle else ""
    if opcode in (codec.READ_BY_TYPE_REQ, codec.READ_BY_GROUP_TYPE_REQ):
        # The request is about a type; the handle is where the search came to its end.
        name = _type_of_request(receiver.request) or name
    text = f"Error: {att_error(code)} for {asked} {name}".rstrip()
    trouble = (opcode, code) not in _NO_TROUBLE
    details = (("error", f"0x{code:02x}"), ("request", asked), ("handle", f"0x{handle:04x}"))
    return Said("ATT", text, details, trouble=trouble, attribute=handle)


def _type_of_request(request: bytes) -> str:
    uuid = request[5:]
    return uuid_text(uuid) if len(uuid) in discovery.TYPE_SIZES else ""


def _mtu(pdu: bytes, _sender: AttEnd, _receiver: AttEnd) -> Said:
    (mtu,) = exactly(codec.U16, pdu[1:])
    return Said("ATT", f"{NAMES[pdu[0]]} {mtu}", (("MTU", str(mtu)),))


_Describe = Callable[[bytes, AttEnd, AttEnd], Said]
_DESCRIBED: dict[int, _Describe] = {
    codec.ERROR_RSP: _error,
    codec.EXCHANGE_MTU_REQ: _mtu,
    codec.EXCHANGE_MTU_RSP: _mtu,
    codec.FIND_INFORMATION_REQ: discovery.search,
    codec.FIND_INFORMATION_RSP: discovery.information,
    codec.FIND_BY_TYPE_VALUE_REQ: discovery.search,
    codec.FIND_BY_TYPE_VALUE_RSP: discovery.by_type_value,
    codec.READ_BY_TYPE_REQ: discovery.search,
    codec.READ_BY_TYPE_RSP: discovery.by_type,
    codec.READ_REQ: values.read,
    codec.READ_RSP: values.read_response,
    codec.READ_BLOB_REQ: values.read,
    codec.READ_BLOB_RSP: values.read_response,
    codec.READ_MULTIPLE_REQ: values.handles,
    codec.READ_MULTIPLE_RSP: values.values,
    codec.READ_BY_GROUP_TYPE_REQ: discovery.search,
    codec.READ_BY_GROUP_TYPE_RSP: discovery.by_group_type,
    codec.WRITE_REQ: values.write,
    codec.WRITE_RSP: values.write_response,
    codec.PREPARE_WRITE_REQ: values.prepare,
    codec.PREPARE_WRITE_RSP: values.prepare,
    codec.EXECUTE_WRITE_REQ: values.execute,
    codec.EXECUTE_WRITE_RSP: values.executed,
    codec.HANDLE_VALUE_NTF: values.told,
    codec.HANDLE_VALUE_IND: values.told,
    codec.HANDLE_VALUE_CFM: values.confirmed,
    codec.READ_MULTIPLE_VARIABLE_REQ: values.handles,
    codec.READ_MULTIPLE_VARIABLE_RSP: values.values,
    codec.MULTIPLE_HANDLE_VALUE_NTF: values.several_told,
    codec.WRITE_CMD: values.write,
    codec.SIGNED_WRITE_CMD: values.write,
}
_REQUESTS = frozenset(response - 1 for response in codec.RESPONSES - {codec.ERROR_RSP})
