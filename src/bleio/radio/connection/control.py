"""Link layer control PDUs: their table, and version, features and termination.

Spec: Vol 6, Part B, 2.4.2 (layouts) and 5.1 (procedures). The procedures with an instant are in
`updates.py`, encryption in `encryption.py`, data length in `data_length.py`; all enter their
PDUs into the same table. Peers are always controllers of this radio, so PDUs are well-formed.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from enum import IntEnum
from typing import TYPE_CHECKING, Any

from bleio.core.codes import HciErrorCode

if TYPE_CHECKING:
    from bleio.radio.connection.end import LinkEnd

LL_FEATURES = (
    1 << 0  # LE Encryption
    | 1 << 1  # Connection Parameters Request procedure
    | 1 << 2  # Extended Reject Indication
    | 1 << 3  # Peripheral-initiated Features Exchange
    | 1 << 5  # LE Data Packet Length Extension
    | 1 << 6  # LL Privacy
    | 1 << 7  # Extended Scanning Filter Policies
    | 1 << 8  # LE 2M PHY
    | 1 << 11  # LE Coded PHY
    | 1 << 12  # LE Extended Advertising
    | 1 << 14  # Channel Selection Algorithm #2
)
# Bits that say something of this controller alone and are not told to a peer.
_OWN_FEATURES = 1 << 6 | 1 << 7 | 1 << 12
VERSION = struct.pack("<BHH", 0x0C, 0xFFFF, 0x0001)  # 5.3, no company, subversion 1


class LlOpcode(IntEnum):
    """Opcodes of LL control PDUs."""

    CONNECTION_UPDATE_IND = 0x00
    CHANNEL_MAP_IND = 0x01
    TERMINATE_IND = 0x02
    ENC_REQ = 0x03
    ENC_RSP = 0x04
    START_ENC_REQ = 0x05
    START_ENC_RSP = 0x06
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


Handler = Callable[..., None]
_HANDLERS: dict[int, tuple[struct.Struct, Handler]] = {}


def on(opcode: LlOpcode, layout: str = "") -> Callable[[Handler], Handler]:
    """Enter the decorated `handler(end, *fields)` into the table of PDUs."""

    def enter(handler: Handler) -> Handler:
        _HANDLERS[opcode] = (struct.Struct("<" + layout), handler)
        return handler

    return enter


def send(end: LinkEnd, opcode: LlOpcode, *fields: Any, after_data: bool = False) -> None:
    """Queue a control PDU."""
    layout, _ = _HANDLERS[opcode]
    end.send_control(bytes((opcode,)) + layout.pack(*fields), after_data=after_data)


def received(end: LinkEnd, pdu: bytes) -> None:
    """Take a control PDU from the other end."""
    layout, handler = _HANDLERS[pdu[0]]
    handler(end, *layout.unpack_from(pdu, 1))


# -- version and features --


def start_version(end: LinkEnd) -> None:
    """Ask for the peer's version, or tell the host at once when it is known already."""
    if end.negotiated.peer_version is not None:
        end.layer.host.remote_version(end, end.negotiated.peer_version)
        return
    end.procedures.expect(LlOpcode.VERSION_IND)
    if not end.negotiated.version_sent:
        end.negotiated.version_sent = True
        send(end, LlOpcode.VERSION_IND, VERSION)


@on(LlOpcode.VERSION_IND, "5s")
def _version_ind(end: LinkEnd, version: bytes) -> None:
    end.negotiated.peer_version = version
    if not end.negotiated.version_sent:
        end.negotiated.version_sent = True
        send(end, LlOpcode.VERSION_IND, VERSION)
    if end.procedures.settle(LlOpcode.VERSION_IND):
        end.layer.host.remote_version(end, version)


def start_features(end: LinkEnd) -> None:
    """Ask for the peer's features."""
    end.procedures.expect(LlOpcode.FEATURE_RSP)
    request = LlOpcode.PERIPHERAL_FEATURE_REQ if end.role else LlOpcode.FEATURE_REQ
    send(end, request, LL_FEATURES & ~_OWN_FEATURES)


@on(LlOpcode.FEATURE_REQ, "Q")
@on(LlOpcode.PERIPHERAL_FEATURE_REQ, "Q")
def _feature_req(end: LinkEnd, _features: int) -> None:
    send(end, LlOpcode.FEATURE_RSP, LL_FEATURES & ~_OWN_FEATURES)


@on(LlOpcode.FEATURE_RSP, "Q")
def _feature_rsp(end: LinkEnd, features: int) -> None:
    if end.procedures.settle(LlOpcode.FEATURE_RSP):
        end.layer.host.remote_features(end, features)


# -- the end --


def terminate(end: LinkEnd, reason: int) -> None:
    """Say goodbye after the data that is queued; if that cannot be said, the link times out."""
    end.procedures.expect(
        LlOpcode.TERMINATE_IND, end.link.timeout_us, HciErrorCode.CONNECTION_TIMEOUT
    )
    send(end, LlOpcode.TERMINATE_IND, reason, after_data=True)


@on(LlOpcode.TERMINATE_IND, "B")
def _terminate_ind(end: LinkEnd, reason: int) -> None:
    end.link.finish(reason, initiator=end.other)
