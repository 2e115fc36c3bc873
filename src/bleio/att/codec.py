"""ATT PDUs: opcodes, layouts and limits (Core Specification Vol 3, Part F, 3.3 and 3.4).

PDUs stay `bytes`, fields stay ints: an object for each PDU would be made and thrown away at every
notification, and would hide which octets are on the air. What is built in one place only is packed
there, with the layouts named here. Opcodes have the specification's names.
"""

from __future__ import annotations

from struct import Struct
from typing import Final

ERROR_RSP: Final = 0x01
EXCHANGE_MTU_REQ: Final = 0x02
EXCHANGE_MTU_RSP: Final = 0x03
FIND_INFORMATION_REQ: Final = 0x04
FIND_INFORMATION_RSP: Final = 0x05
FIND_BY_TYPE_VALUE_REQ: Final = 0x06
FIND_BY_TYPE_VALUE_RSP: Final = 0x07
READ_BY_TYPE_REQ: Final = 0x08
READ_BY_TYPE_RSP: Final = 0x09
READ_REQ: Final = 0x0A
READ_RSP: Final = 0x0B
READ_BLOB_REQ: Final = 0x0C
READ_BLOB_RSP: Final = 0x0D
READ_MULTIPLE_REQ: Final = 0x0E
READ_MULTIPLE_RSP: Final = 0x0F
READ_BY_GROUP_TYPE_REQ: Final = 0x10
READ_BY_GROUP_TYPE_RSP: Final = 0x11
WRITE_REQ: Final = 0x12
WRITE_RSP: Final = 0x13
PREPARE_WRITE_REQ: Final = 0x16
PREPARE_WRITE_RSP: Final = 0x17
EXECUTE_WRITE_REQ: Final = 0x18
EXECUTE_WRITE_RSP: Final = 0x19
HANDLE_VALUE_NTF: Final = 0x1B
HANDLE_VALUE_IND: Final = 0x1D
HANDLE_VALUE_CFM: Final = 0x1E
READ_MULTIPLE_VARIABLE_REQ: Final = 0x20
READ_MULTIPLE_VARIABLE_RSP: Final = 0x21
MULTIPLE_HANDLE_VALUE_NTF: Final = 0x23
WRITE_CMD: Final = 0x52
SIGNED_WRITE_CMD: Final = 0xD2

VALUE_HEADER_OCTETS: Final = 3  # opcode and handle: all of a PDU that is not its value
COMMAND_FLAG: Final = 0x40  # PDUs with it are never answered

RESPONSES: Final = frozenset(
    {
        ERROR_RSP,
        EXCHANGE_MTU_RSP,
        FIND_INFORMATION_RSP,
        FIND_BY_TYPE_VALUE_RSP,
        READ_BY_TYPE_RSP,
        READ_RSP,
        READ_BLOB_RSP,
        READ_MULTIPLE_RSP,
        READ_BY_GROUP_TYPE_RSP,
        WRITE_RSP,
        PREPARE_WRITE_RSP,
        EXECUTE_WRITE_RSP,
        READ_MULTIPLE_VARIABLE_RSP,
    }
)

# What a client changes values by, and what a server tells them by.
WRITES: Final = frozenset(
    {WRITE_REQ, WRITE_CMD, SIGNED_WRITE_CMD, PREPARE_WRITE_REQ, EXECUTE_WRITE_REQ}
)
VALUES: Final = frozenset({HANDLE_VALUE_NTF, HANDLE_VALUE_IND, MULTIPLE_HANDLE_VALUE_NTF})

DEFAULT_MTU: Final = 23  # LE; no exchange can go below it
MAX_MTU: Final = 517  # a Prepare Write of the longest value in one PDU
MAX_VALUE_OCTETS: Final = 512  # 3.2.9
MAX_HANDLE: Final = 0xFFFF
TRANSACTION_TIMEOUT_S: Final = 30.0  # 3.3.3

EXECUTE_CANCEL: Final = 0x00
EXECUTE_WRITE: Final = 0x01

FORMAT_UUID16: Final = 0x01  # Find Information Response
FORMAT_UUID128: Final = 0x02

U16: Final = Struct("<H")
HANDLE_PAIR: Final = Struct("<HH")
OPCODE_U16: Final = Struct("<BH")  # opcode and a handle, or an MTU
OPCODE_RANGE: Final = Struct("<BHH")  # opcode, and two handles or a handle and an offset
_ERROR: Final = Struct("<BBHB")


def error_rsp(request_opcode: int, handle: int, code: int) -> bytes:
    """Build ATT_ERROR_RSP: opcode, request opcode, attribute handle (2), error code."""
    return _ERROR.pack(ERROR_RSP, request_opcode, handle, code)


def parse_error_rsp(pdu: bytes) -> tuple[int, int, int] | None:
    """Return (request opcode, handle, error code) of an ATT_ERROR_RSP, None if it is malformed."""
    if len(pdu) != _ERROR.size:
        return None
    _, request_opcode, handle, code = _ERROR.unpack(pdu)
    return request_opcode, handle, code
