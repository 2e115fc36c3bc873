"""GATT client procedures: MTU, reads and writes (Vol 3, Part G, 4.3 and 4.8 to 4.12).

Each is a generator for `att.client`. They ask their bearer for the ATT_MTU each time, since the
peer's own exchange may change it while a procedure waits in line. A long value is what a peer makes
of it: each part may be refused, cut short or come from a value that has changed, so loops end by
what arrives, and a long write is compared with what the peer says it has queued.
"""

from __future__ import annotations

from typing import Protocol

from bleio.att import codec
from bleio.att.client import Procedure
from bleio.att.codec import MAX_VALUE_OCTETS, OPCODE_RANGE, OPCODE_U16, U16
from bleio.core.codes import AttErrorCode
from bleio.errors import AttError, ProtocolViolation


class HasMtu(Protocol):
    """A bearer, as far as procedures go by it."""

    @property
    def mtu(self) -> int:
        """ATT_MTU at this moment, octets."""


def exchange_mtu(rx_mtu: int) -> Procedure[int]:
    """Tell the peer what we can receive. Returns: what it can receive, at least 23."""
    response = yield OPCODE_U16.pack(codec.EXCHANGE_MTU_REQ, rx_mtu)
    if len(response) != 3:
        raise ProtocolViolation("malformed Exchange MTU Response")
    server_rx_mtu: int = U16.unpack_from(response, 1)[0]
    return max(codec.DEFAULT_MTU, server_rx_mtu)


def read(handle: int) -> Procedure[bytes]:
    """Read as much of a value as one response holds."""
    _check_handle(codec.READ_REQ, handle)
    response = yield OPCODE_U16.pack(codec.READ_REQ, handle)
    return response[1:]


def read_long(handle: int, bearer: HasMtu) -> Procedure[bytes]:
    """Read a whole value, going on with Read Blob for as long as responses are full.

    A value ends where the peer refuses to go on, as in CircuitPython. A refusal for want of
    security is raised: the program can mend that and read the whole.
    """
    _check_handle(codec.READ_REQ, handle)
    part = value = (yield OPCODE_U16.pack(codec.READ_REQ, handle))[1:]
    full = bearer.mtu - 1
    while len(part) >= full and len(value) < MAX_VALUE_OCTETS:
        try:
            part = (yield OPCODE_RANGE.pack(codec.READ_BLOB_REQ, handle, len(value)))[1:]
        except AttError as error:
            if error.about_security:
                raise
            break  # the first part stands, whatever keeps the peer from giving more
        full = bearer.mtu - 1
        value += part
    return value[:MAX_VALUE_OCTETS]


def write(handle: int, value: bytes, bearer: HasMtu) -> Procedure[None]:
    """Write with response; by prepare and execute if it does not fit one request."""
    _check_handle(codec.WRITE_REQ, handle)
    if len(value) > MAX_VALUE_OCTETS:
        code = AttErrorCode.INVALID_ATTRIBUTE_VALUE_LENGTH
        raise AttError(code, codec.WRITE_REQ, handle)
    if len(value) > bearer.mtu - codec.VALUE_HEADER_OCTETS:
        yield from _write_long(handle, value, bearer)
        return
    response = yield OPCODE_U16.pack(codec.WRITE_REQ, handle) + value
    if len(response) != 1:
        raise ProtocolViolation("malformed Write Response")


def subscribe(cccd_handle: int, notify: bool, indicate: bool, bearer: HasMtu) -> Procedure[None]:
    """Write a CCCD."""
    yield from write(cccd_handle, U16.pack(notify | indicate << 1), bearer)


def _write_long(handle: int, value: bytes, bearer: HasMtu) -> Procedure[None]:
    """Queue the parts, compare what the peer says it queued, then execute.

    Spec: Vol 3, Part G, 4.9.4 and 4.9.5: on any difference the whole queue is cancelled.
    """
    try:
        offset = 0
        while offset < len(value):
            part = value[offset : offset + bearer.mtu - 5]
            request = OPCODE_RANGE.pack(codec.PREPARE_WRITE_REQ, handle, offset) + part
            response = yield request
            if response[1:] != request[1:]:
                raise ProtocolViolation("the peer queued something else than was sent")
            offset += len(part)
    except (AttError, ProtocolViolation) as reason:
        try:
            yield from _execute(codec.EXECUTE_CANCEL)
        except (AttError, ProtocolViolation) as second:
            raise reason from second
        raise
    yield from _execute(codec.EXECUTE_WRITE)


def _execute(flags: int) -> Procedure[None]:
    response = yield bytes((codec.EXECUTE_WRITE_REQ, flags))
    if len(response) != 1:
        raise ProtocolViolation("malformed Execute Write Response")


def _check_handle(opcode: int, handle: int) -> None:
    """Refuse handle 0, which is what Service Changed leaves in objects that are no longer valid."""
    if handle == 0:
        raise AttError(AttErrorCode.INVALID_HANDLE, opcode, handle)
