"""HCI's packet types and event codes, as both sides use them.

The host in `backends/hci` and the virtual controllers in `radio` speak HCI to each other, so what
both name stands here once. The commands are not here: a host needs the numbers of those that it
sends, a controller describes each with its layout where it carries it out.
Spec: Vol 4, Part A, 2 (packet types); Vol 4, Part E, 7.7 (events).
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

COMMAND_PACKET: Final = 0x01
ACL_PACKET: Final = 0x02
SCO_PACKET: Final = 0x03
EVENT_PACKET: Final = 0x04
ISO_PACKET: Final = 0x05


class Event(IntEnum):
    """Event codes."""

    DISCONNECTION_COMPLETE = 0x05
    ENCRYPTION_CHANGE = 0x08
    READ_REMOTE_VERSION_COMPLETE = 0x0C
    COMMAND_COMPLETE = 0x0E
    COMMAND_STATUS = 0x0F
    HARDWARE_ERROR = 0x10
    NUMBER_OF_COMPLETED_PACKETS = 0x13
    DATA_BUFFER_OVERFLOW = 0x1A
    ENCRYPTION_KEY_REFRESH_COMPLETE = 0x30
    LE_META = 0x3E
    ENCRYPTION_CHANGE_V2 = 0x59


class LeEvent(IntEnum):
    """Subevent codes of LE Meta events."""

    CONNECTION_COMPLETE = 0x01
    ADVERTISING_REPORT = 0x02
    CONNECTION_UPDATE_COMPLETE = 0x03
    READ_REMOTE_FEATURES_COMPLETE = 0x04
    LONG_TERM_KEY_REQUEST = 0x05
    REMOTE_CONNECTION_PARAMETER_REQUEST = 0x06
    DATA_LENGTH_CHANGE = 0x07
    ENHANCED_CONNECTION_COMPLETE = 0x0A
    DIRECTED_ADVERTISING_REPORT = 0x0B
    PHY_UPDATE_COMPLETE = 0x0C
    EXTENDED_ADVERTISING_REPORT = 0x0D
    SCAN_TIMEOUT = 0x11
    ADVERTISING_SET_TERMINATED = 0x12
    SCAN_REQUEST_RECEIVED = 0x13
    CHANNEL_SELECTION_ALGORITHM = 0x14
    ENHANCED_CONNECTION_COMPLETE_V2 = 0x29
