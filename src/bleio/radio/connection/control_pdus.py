"""Link layer control PDUs as octets, and the table of those that handle them.

Spec: Vol 6, Part B, 2.4.2. Each procedure's module enters its PDUs here, layout and handler in one
line (`on`), so there is one place per PDU and no list of all. The handler gets the end that has
received the PDU and the fields as numbers and octets.

Octets are made although both ends are in one program and could pass objects: captures show them,
and the length of a packet follows from them. Peers are always devices of this radio, so PDUs are
well-formed and nothing is checked here; what may be malformed comes from hosts, and the
controller's commands check it.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from enum import IntEnum
from typing import Any, Protocol


class Sender(Protocol):
    """The end of a link, as far as control PDUs go."""

    def send_control(self, pdu: bytes, *, after_data: bool = False) -> None:
        """Queue an LL control PDU; `after_data` keeps it behind the data that waits already."""


class LlOpcode(IntEnum):
    """Opcodes of LL control PDUs."""

    CONNECTION_UPDATE_IND = 0x00
    CHANNEL_MAP_IND = 0x01
    TERMINATE_IND = 0x02
    ENC_REQ = 0x03
    ENC_RSP = 0x04
    START_ENC_REQ = 0x05
    START_ENC_RSP = 0x06
    UNKNOWN_RSP = 0x07
    FEATURE_REQ = 0x08
    FEATURE_RSP = 0x09
    PAUSE_ENC_REQ = 0x0A
    PAUSE_ENC_RSP = 0x0B
    VERSION_IND = 0x0C
    PERIPHERAL_FEATURE_REQ = 0x0E
    CONNECTION_PARAM_REQ = 0x0F
    REJECT_EXT_IND = 0x11
    LENGTH_REQ = 0x14
    LENGTH_RSP = 0x15
    PHY_REQ = 0x16
    PHY_RSP = 0x17
    PHY_UPDATE_IND = 0x18


# What may still be sent and heard while a link begins to be encrypted. Spec: Vol 6, Part B, 5.1.3.
OF_ENCRYPTION = frozenset(
    (
        LlOpcode.ENC_REQ, LlOpcode.ENC_RSP, LlOpcode.START_ENC_REQ, LlOpcode.START_ENC_RSP,
        LlOpcode.PAUSE_ENC_REQ, LlOpcode.PAUSE_ENC_RSP, LlOpcode.REJECT_EXT_IND,
        LlOpcode.TERMINATE_IND,
    )
)  # fmt: skip

Handler = Callable[..., None]
_HANDLERS: dict[int, tuple[struct.Struct, Handler]] = {}


def on(opcode: LlOpcode, layout: str = "") -> Callable[[Handler], Handler]:
    """Enter the decorated `handler(end, *fields)` into the table of PDUs.

    Args: layout: of the fields that follow the opcode, as of `struct`; without padding.
    Raises: RuntimeError for a second handler of one PDU.
    """

    def enter(handler: Handler) -> Handler:
        if opcode in _HANDLERS:
            raise RuntimeError(f"{opcode.name} has a handler already")
        _HANDLERS[opcode] = (struct.Struct("<" + layout), handler)
        return handler

    return enter


def send(end: Sender, opcode: LlOpcode, *fields: Any, after_data: bool = False) -> None:
    """Queue a control PDU.

    Args: fields: what the PDU's layout says; `after_data`: behind the data that waits already.
    """
    layout, _ = _HANDLERS[opcode]
    end.send_control(bytes((opcode,)) + layout.pack(*fields), after_data=after_data)


def received(end: Sender, pdu: bytes) -> None:
    """Take a control PDU from the other end: call its handler with the fields."""
    layout, handler = _HANDLERS[pdu[0]]
    handler(end, *layout.unpack_from(pdu, 1))
