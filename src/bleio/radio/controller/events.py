"""Events to the host, and which of them it wants.

A masked event is not sent, and where a newer form of an event is masked the older one may go in its
place; so `send_le` says whether it sent. Number Of Completed Packets cannot be masked: without it
a host would never send again.

Spec: Vol 4, Part E, 7.3.1, 7.3.69, 7.8.1 and 7.7.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

from bleio.core.hci import EVENT_PACKET, Event, LeEvent

DEFAULT_MASK = 0x00001FFFFFFFFFFF
DEFAULT_MASK_PAGE_2 = 0
DEFAULT_LE_MASK = 0x1F
_LE_META_BIT = 1 << 61
_NOT_MASKABLE = {Event.NUMBER_OF_COMPLETED_PACKETS}


def drop(_packet: bytes) -> None:
    """Take a packet for a host that has gone."""


class HostEvents:
    """Sends events the host has not masked out."""

    def __init__(self, send: Callable[[bytes], None]) -> None:
        self._send = send
        self.reset()

    def reset(self) -> None:
        """Back to the masks after HCI_Reset."""
        self.mask = DEFAULT_MASK
        self.mask_page_2 = DEFAULT_MASK_PAGE_2
        self.le_mask = DEFAULT_LE_MASK

    def detach(self) -> None:
        """Send nothing any more."""
        self._send = drop

    def send(self, code: Event, layout: struct.Struct, *fields: int | bytes) -> None:
        """Send an event unless it is masked."""
        if code in _NOT_MASKABLE or self.mask >> (code - 1) & 1:
            self._send(struct.pack("<BBB", EVENT_PACKET, code, layout.size) + layout.pack(*fields))

    def send_le(self, code: LeEvent, parameters: bytes) -> bool:
        """Send an LE Meta event unless it is masked.

        Returns: whether it was sent.
        """
        if not (self.mask & _LE_META_BIT and self.le_mask >> (code - 1) & 1):
            return False
        header = struct.pack("<BBBB", EVENT_PACKET, Event.LE_META, 1 + len(parameters), code)
        self._send(header + parameters)
        return True
