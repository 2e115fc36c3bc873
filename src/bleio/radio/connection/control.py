"""Version, features and termination of a link, and how link layer procedures are written down.

Spec: Vol 6, Part B, 5.1.4 to 5.1.6. Procedures with an instant are in `updates.py`, encryption in
`encryption.py`, data length in `data_length.py`; `control_pdus.py` has the table of all PDUs.

A procedure is a few functions, one that starts it and one for each PDU, which are called at the end
that received it. What a procedure has to remember in between is at the end: that an answer is
outstanding (`Procedures`), what was agreed (`Negotiated`), the keys. An end begins one procedure at
a time, and `Procedures` keeps the others back. There is no object for the one that goes on, for the
peer may have begun one as well, and each PDU says by its opcode which of them it belongs to.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from bleio.core.codes import HciErrorCode
from bleio.radio.connection.control_pdus import LlOpcode, on, send

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


# -- version and features --


def start_version(end: LinkEnd) -> None:
    """Ask for the peer's version, or tell the host at once when it is known already."""
    if end.negotiated.peer_version is not None:
        end.layer.host.remote_version(end, end.negotiated.peer_version)
        return
    end.procedures.begin(LlOpcode.VERSION_IND, _ask_version, end)


def _ask_version(end: LinkEnd) -> None:
    version = end.negotiated.peer_version
    if version is not None:  # the peer has asked meanwhile, and each end tells its own only once
        end.procedures.settle(LlOpcode.VERSION_IND)
        end.layer.host.remote_version(end, version)
        return
    end.procedures.expect(LlOpcode.VERSION_IND)
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
    end.procedures.begin(LlOpcode.FEATURE_RSP, _ask_features, end)


def _ask_features(end: LinkEnd) -> None:
    end.procedures.expect(LlOpcode.FEATURE_RSP)
    request = LlOpcode.PERIPHERAL_FEATURE_REQ if end.role else LlOpcode.FEATURE_REQ
    send(end, request, _told_features(end))


def _told_features(end: LinkEnd) -> int:
    return end.layer.limits.features(LL_FEATURES) & ~_OWN_FEATURES


@on(LlOpcode.FEATURE_REQ, "Q")
@on(LlOpcode.PERIPHERAL_FEATURE_REQ, "Q")
def _feature_req(end: LinkEnd, _features: int) -> None:
    send(end, LlOpcode.FEATURE_RSP, _told_features(end))


@on(LlOpcode.FEATURE_RSP, "Q")
def _feature_rsp(end: LinkEnd, features: int) -> None:
    if end.procedures.settle(LlOpcode.FEATURE_RSP):
        end.layer.host.remote_features(end, features)


# -- what the peer does not know --


@on(LlOpcode.UNKNOWN_RSP, "B")
def _unknown_rsp(end: LinkEnd, opcode: int) -> None:
    if opcode == LlOpcode.LENGTH_REQ:
        end.procedures.settle(LlOpcode.LENGTH_RSP)
    elif opcode == LlOpcode.PHY_REQ and end.procedures.settle(LlOpcode.PHY_UPDATE_IND):
        end.layer.host.phy_updated(end, HciErrorCode.UNSUPPORTED_REMOTE_FEATURE)


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
