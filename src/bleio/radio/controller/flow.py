"""Data between the host and its links, and which side has room for how much.

Both directions have an account. Towards the air the controller has a few buffers; each is given
back with Number Of Completed Packets when the peer has all of the packet. Towards the host there is
none unless it asks for flow control, and then it says itself how much room it has; a driver may add
that the host does not read. While there is no room, links leave data PDUs unacknowledged, so that
they stay with the peer. Spec: Vol 4, Part E, 4.1.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Callable

from bleio.core.hci import Event
from bleio.radio.connection.end import LinkEnd
from bleio.radio.controller.events import HostEvents, drop

ACL_OCTETS = 251
ACL_BUFFERS = 12

PB_START, PB_CONTINUATION = 0b10, 0b01
_ACL_HEADER = struct.Struct("<BHH")
_H4_ACL = 0x02

_COMPLETED = struct.Struct("<BHH")
_OVERFLOW = struct.Struct("<B")


class HostData:
    """The data side of a host, and the two accounts.

    Args:
        send: takes every H4 packet to the host.
        dropped: counts what is not passed on.
    """

    def __init__(self, send: Callable[[bytes], None], dropped: Counter[str]) -> None:
        self.events = HostEvents(send)
        self.dropped = dropped
        self.congested = False
        self.takes_data = True
        self._send = send
        self.reset()

    def reset(self) -> None:
        """Go back to the state after HCI_Reset."""
        self.events.reset()
        self.acl_in_flight = 0
        self.flow_control = False
        self.buffers = 0
        self.credits = 0
        self._judge_room()

    def detach(self) -> None:
        """The host has gone; what would be sent to it is dropped."""
        self._send = drop
        self.events.detach()

    def set_congested(self, congested: bool) -> None:
        """Hold back what can be, or no longer; the host does not read what it is sent."""
        self.congested = congested
        self._judge_room()

    def set_flow_control(self, on: bool) -> None:
        """Count the packets that the host has room for, or no longer."""
        self.flow_control = on
        self.credits = self.buffers
        self._judge_room()

    def set_buffers(self, count: int) -> None:
        """The host has room for this number of data packets."""
        self.buffers = self.credits = count
        self._judge_room()

    def is_done(self, end: LinkEnd, count: int) -> None:
        """The host has room for `count` data packets of a link again."""
        count = min(count, end.at_host)
        end.at_host -= count
        self.credits += count
        self._judge_room()

    def _judge_room(self) -> None:
        """Set `takes_data`, which links look at before every packet."""
        self.takes_data = not self.congested and (not self.flow_control or self.credits > 0)

    def data_received(self, end: LinkEnd, payload: bytes, start: bool) -> None:
        """A data PDU for the host."""
        if self.flow_control:
            self.credits -= 1
            end.at_host += 1
            self._judge_room()
        boundary = PB_START if start else PB_CONTINUATION
        self._send(_ACL_HEADER.pack(_H4_ACL, end.handle | boundary << 12, len(payload)) + payload)

    def packet_completed(self, end: LinkEnd) -> None:
        """The peer has all of an HCI packet."""
        if end.handle in end.layer.links:
            self.acl_in_flight -= 1
            self.events.send(Event.NUMBER_OF_COMPLETED_PACKETS, _COMPLETED, 1, end.handle, 1)

    def buffer_overflow(self) -> None:
        """The host has sent more than there are buffers."""
        self.events.send(Event.DATA_BUFFER_OVERFLOW, _OVERFLOW, 1)

    def release(self, end: LinkEnd) -> None:
        """A link is over: what it held of the buffers, on both sides, is free."""
        self.acl_in_flight -= end.queue.in_flight
        self.credits += end.at_host
        self._judge_room()
