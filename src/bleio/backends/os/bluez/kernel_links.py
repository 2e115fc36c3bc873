"""The kernel's own list of links: what BlueZ does not say of them.

BlueZ's Device1 says that a device is connected. Which side asked for the link, and whether it is
encrypted now, it does not say. The kernel answers both (`HCIGETCONNLIST`), to any process and from
memory; it can be asked wherever bluetoothd runs on the same machine, so not on a bus that is
another machine's, nor in most containers.

An answer waits while the kernel opens or closes the adapter, and so does the thread that asks.

What may surprise: the kernel sets "authenticated" on every encrypted LE link, whichever way its
keys were made, so only "encrypted" means something. A link that is just being made is listed, too,
with a handle that no link can have. The list shows the address by which the kernel knows the peer,
which is its identity once the two are bonded.
"""

from __future__ import annotations

import array
import fcntl
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

_AF_BLUETOOTH, _BTPROTO_HCI = 31, 1
_HCIGETCONNLIST = 0x800448D4
_LE_LINK = 0x80
_MOST_CONNECTIONS = 128
_UP = 1  # BT_CONNECTED
_ENCRYPTED = 0x04  # HCI_LM_ENCRYPT
_HEAD = struct.Struct("<HH")  # adapter, number of entries
_ENTRY = struct.Struct("<H6sBBHI")  # handle, address, link type, whether outgoing, state, mode


class Direction(Enum):
    """Which side asked for a link."""

    INCOMING = "incoming"
    OUTGOING = "outgoing"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class KernelLink:
    """One LE link. `is_up`: False while it is being made or ended."""

    octets: bytes
    is_outgoing: bool
    is_up: bool
    is_encrypted: bool


class KernelLinks:
    """Asks the kernel for the LE links of one adapter. May be used by any thread.

    Args: `adapter`: such as `hci0`; any other name, or none, cannot be asked about.
    """

    def __init__(self, adapter: str) -> None:
        number = adapter.removeprefix("hci")
        self._number = int(number) if number.isdecimal() else None

    def all(self) -> list[KernelLink] | None:
        """Return them; None if the kernel cannot be asked."""
        if self._number is None:
            return None
        request = array.array("B", _HEAD.pack(self._number, _MOST_CONNECTIONS))
        request.frombytes(bytes(_MOST_CONNECTIONS * _ENTRY.size))
        try:
            with socket.socket(_AF_BLUETOOTH, socket.SOCK_RAW, _BTPROTO_HCI) as kernel:
                fcntl.ioctl(kernel.fileno(), _HCIGETCONNLIST, request)
        except OSError:
            return None
        return list(links_in(request.tobytes()))

    def direction(self, octets: bytes) -> Direction:
        """Return which side asked for the link to a peer.

        A link that is not there is none over LE: a headset, say, which is nothing to us.
        """
        links = self.all()
        if links is None:
            return Direction.UNKNOWN
        came = any(each.octets == octets and not each.is_outgoing for each in links)
        return Direction.INCOMING if came else Direction.OUTGOING


def links_in(answer: bytes) -> Iterator[KernelLink]:
    """Go through the LE links in the kernel's answer."""
    for index in range(_HEAD.unpack_from(answer)[1]):
        entry = _ENTRY.unpack_from(answer, _HEAD.size + index * _ENTRY.size)
        _, octets, link_type, is_outgoing, state, mode = entry
        if link_type == _LE_LINK:
            yield KernelLink(octets, bool(is_outgoing), state == _UP, bool(mode & _ENCRYPTED))
