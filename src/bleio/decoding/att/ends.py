"""What decoders of ATT PDUs share: the two ends, names of PDUs, and lists in a line."""

from __future__ import annotations

from collections.abc import Iterator

from bleio.att import codec
from bleio.decoding.attributes import AttributeNames
from bleio.decoding.octets import Malformed
from bleio.decoding.said import Said

_SHOWN_ENTRIES = 8

NAMES = {
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
NAMES.update(
    {
        response: f"{NAMES[response - 1]} Response"
        for response in codec.RESPONSES - {codec.ERROR_RSP}
    }
)


class AttEnd:
    """One end of a bearer: what it has asked for, and the attributes that it serves."""

    def __init__(self, attributes: AttributeNames | None = None) -> None:
        self.attributes = attributes or AttributeNames()
        self.request = b""  # the last of its own that was not answered yet
        self.indication = 0  # the handle of its last that was not confirmed yet


def entries_of(octets: bytes, size: int) -> Iterator[bytes]:
    """Return entries of one size. Raises: Malformed, if there are none or a part of one."""
    if not octets or len(octets) % size:
        raise Malformed
    return (octets[at : at + size] for at in range(0, len(octets), size))


def listed(said: Said, opcode: int, entries: list[str], name: str = "") -> Said:
    shown = ", ".join(entries[:_SHOWN_ENTRIES])
    more = f" and {len(entries) - _SHOWN_ENTRIES} more" if len(entries) > _SHOWN_ENTRIES else ""
    said.text = f"{NAMES[opcode]}{name}: {shown}{more}"
    said.details = (("entries", ", ".join(entries)),)
    return said
