"""The commands that the backend sends, and the features it asks for (Vol 4, Part E, 7).

Bringing a controller up takes many more, which bumble's host sends. Legacy and extended commands of
one kind stand side by side here, but a controller is sent one of the two families only: mixing them
is disallowed (Vol 4, Part E, 3.1.1). The codes of events are in `core.hci`, for both sides of HCI.
"""

from __future__ import annotations

from enum import IntEnum


class Opcode(IntEnum):
    """Commands, by OGF << 10 | OCF."""

    DISCONNECT = 0x0406
    RESET = 0x0C03
    WRITE_LE_HOST_SUPPORT = 0x0C6D
    READ_BD_ADDR = 0x1009
    LE_SET_RANDOM_ADDRESS = 0x2005
    LE_SET_ADVERTISING_PARAMETERS = 0x2006
    LE_SET_ADVERTISING_DATA = 0x2008
    LE_SET_SCAN_RESPONSE_DATA = 0x2009
    LE_SET_ADVERTISING_ENABLE = 0x200A
    LE_SET_SCAN_PARAMETERS = 0x200B
    LE_SET_SCAN_ENABLE = 0x200C
    LE_CREATE_CONNECTION = 0x200D
    LE_CREATE_CONNECTION_CANCEL = 0x200E
    LE_CONNECTION_UPDATE = 0x2013
    LE_ENABLE_ENCRYPTION = 0x2019
    LE_LONG_TERM_KEY_REQUEST_REPLY = 0x201A
    LE_LONG_TERM_KEY_REQUEST_NEGATIVE_REPLY = 0x201B
    LE_REMOTE_CONNECTION_PARAMETER_REQUEST_REPLY = 0x2020
    LE_SET_DATA_LENGTH = 0x2022
    LE_ADD_DEVICE_TO_RESOLVING_LIST = 0x2027
    LE_REMOVE_DEVICE_FROM_RESOLVING_LIST = 0x2028
    LE_READ_RESOLVING_LIST_SIZE = 0x202A
    LE_SET_ADDRESS_RESOLUTION_ENABLE = 0x202D
    LE_SET_RESOLVABLE_PRIVATE_ADDRESS_TIMEOUT = 0x202E
    LE_SET_PHY = 0x2032
    LE_SET_ADVERTISING_SET_RANDOM_ADDRESS = 0x2035
    LE_SET_EXTENDED_ADVERTISING_PARAMETERS = 0x2036
    LE_SET_EXTENDED_ADVERTISING_DATA = 0x2037
    LE_SET_EXTENDED_SCAN_RESPONSE_DATA = 0x2038
    LE_SET_EXTENDED_ADVERTISING_ENABLE = 0x2039
    LE_REMOVE_ADVERTISING_SET = 0x203C
    LE_SET_EXTENDED_SCAN_PARAMETERS = 0x2041
    LE_SET_EXTENDED_SCAN_ENABLE = 0x2042
    LE_EXTENDED_CREATE_CONNECTION = 0x2043
    LE_SET_PRIVACY_MODE = 0x204E

    @property
    def text(self) -> str:
        """The command's name, for messages."""
        words = self.name.split("_")
        return " ".join(word if word in ("LE", "BD") else word.capitalize() for word in words)


class LeFeature(IntEnum):
    """Bit numbers of the controller's LE features. Spec: Vol 6, Part B, 4.6."""

    DATA_LENGTH_EXTENSION = 5
    LL_PRIVACY = 6
    LE_2M_PHY = 8
    EXTENDED_ADVERTISING = 12
