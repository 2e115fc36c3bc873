"""ACL data: the send queue under the controller's flow control, and reassembly.

A controller has a few buffers, which all links share, and says when a packet has left one. The
queue keeps what does not fit yet: links take turns, and each one's packets keep their order. A link
whose peer takes nothing holds its buffers for as long as it lasts, and some such links could come
to hold all of them. So a part of the buffers is shared out, a few for each link; only what is left
over goes to whatever link has something to send. For n links there are n + 1 shares, of one
buffer at least, so that one link among idle ones gets about two shares.

Two kinds of sender want two things. What a program sends can wait, and a program that sends faster
than the air takes must, or its data would pile up here: such senders wait for `Room` (`room`). What
a peer makes us send, answers and confirmations, cannot wait, for nothing that takes a packet may be
awaited: it is queued at once, and a peer that asks and asks without taking the answers is
disconnected when its queue has outgrown its bound. The two share one count, so answers make
programs wait.

Data plane: bytes and ints only. Spec: Vol 4, Part E, 4.1.1 (flow control) and 5.4.2 (packets); Vol
3, Part A, 7.2.1 (fragments).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from functools import partial
from struct import Struct

from bleio.backends.hci.counters import HciCounters
from bleio.backends.hci.links.room import Room
from bleio.core.hci import ACL_PACKET

_HEADER = Struct("<BHH")  # packet type, handle and flags, data length
_L2CAP_HEADER = Struct("<HH")  # payload length, channel
_WHOLE = Struct("<BHHHH")  # both, of a PDU in one packet
_CONTINUES = 0x1000  # packet boundary flag of a continuing fragment

# Packets of one link that may wait before there is no `Room`, and before the link is ended
# because the peer makes us answer but does not take the answers.
ROOM_PACKETS = 16
MAX_PACKETS = 256

# Our ATT_MTU is 517; SMP and signaling are smaller. Anything longer is not for us.
MAX_SDU_OCTETS = 1024


class _LinkQueue:
    __slots__ = ("drained", "in_flight", "overflowed", "packets", "room")

    def __init__(self, ended: Callable[[], None], counters: HciCounters) -> None:
        self.packets: deque[bytes] = deque()
        self.in_flight = 0
        self.overflowed = False
        self.drained: asyncio.Future[None] | None = None
        self.room = Room(self, ended, counters)

    def idle(self) -> bool:
        """Whether nothing is queued or in flight."""
        return not self.packets and not self.in_flight

    def free_packets(self) -> int:
        return ROOM_PACKETS - len(self.packets) - self.in_flight


class AclQueue:
    """What waits to be sent on all links; links take turns, each one's packets keep their order.

    Args: `packet_octets` and `packets`: size and number of the controller's buffers.
        `useless(conn_handle)` is called once when a link's peer does not take what it makes us
        send, or has taken nothing for too long; nothing more is queued for it.
    """

    def __init__(
        self,
        send: Callable[[bytes], None],
        packet_octets: int,
        packets: int,
        useless: Callable[[int], None],
        counters: HciCounters,
    ) -> None:
        self._counters = counters
        self._send = send
        self._packet_octets = packet_octets
        self._longest = packet_octets - _L2CAP_HEADER.size  # that needs no fragments
        self._total = packets
        self._free = packets
        self._share = packets  # of each link
        self._kept_free = 0  # for links that have less than their share in flight
        self._useless = useless
        self._links: dict[int, _LinkQueue] = {}
        self._turns: deque[int] = deque()  # handles of links that have packets to send

    def add(self, conn_handle: int) -> Room:
        """A link is up. Returns: its room, for those that would rather wait than be dropped."""
        ended = partial(self._end, conn_handle)
        link = self._links[conn_handle] = _LinkQueue(ended, self._counters)
        self._share_out()
        return link.room

    def remove(self, conn_handle: int, error: Exception) -> None:
        """A link is gone: the controller has flushed its packets; what waits for room fails."""
        link = self._links.pop(conn_handle, None)
        if link is None:
            return
        self._free += link.in_flight
        self._share_out()
        if link.packets:
            self._turns.remove(conn_handle)
        link.room.close(error)
        _tell_drained(link)
        self._pump()

    def send(self, conn_handle: int, channel: int, payload: bytes) -> None:
        """Queue one L2CAP PDU, cut to the controller's buffers; dropped if the link is gone."""
        link = self._links.get(conn_handle)
        if link is None:
            return
        if len(link.packets) + link.in_flight >= MAX_PACKETS or link.overflowed:
            self._end(conn_handle)
            return
        octets = len(payload)
        if (
            octets <= self._longest and self._free > self._kept_free and not self._turns
        ):  # as nearly always: it goes out at once
            if link.in_flight < self._share:
                self._kept_free -= 1
            link.in_flight += 1
            self._free -= 1
            self._send(_WHOLE.pack(ACL_PACKET, conn_handle, octets + 4, octets, channel) + payload)
            return
        if not link.packets:
            self._turns.append(conn_handle)
        sdu = _L2CAP_HEADER.pack(octets, channel) + payload
        flags = 0
        for start in range(0, len(sdu), self._packet_octets):
            fragment = sdu[start : start + self._packet_octets]
            header = _HEADER.pack(ACL_PACKET, conn_handle | flags, len(fragment))
            link.packets.append(header + fragment)
            flags = _CONTINUES
        self._pump()

    async def drained(self, conn_handle: int) -> None:
        """Wait until nothing is queued or in flight any more, or the link is gone."""
        link = self._links.get(conn_handle)
        if link is None or link.idle():
            return
        if link.drained is None:
            link.drained = asyncio.get_running_loop().create_future()
        await asyncio.shield(link.drained)

    def completed(self, conn_handle: int, count: int) -> None:
        """Take one entry of a Number Of Completed Packets event."""
        link = self._links.get(conn_handle)
        if link is None or count > link.in_flight:
            self._counters.impossible_completions += 1
        if link is None:
            return
        count = min(count, link.in_flight)
        self._kept_free += max(0, self._share - link.in_flight + count)
        self._kept_free -= max(0, self._share - link.in_flight)
        link.in_flight -= count
        self._free += count
        if self._turns:
            self._pump()
        if count and link.room.waiting:
            link.room.grant()
        if link.drained is not None and link.idle():
            _tell_drained(link)

    def _end(self, conn_handle: int) -> None:
        link = self._links.get(conn_handle)
        if link is not None and not link.overflowed:
            link.overflowed = True
            self._useless(conn_handle)

    def _pump(self) -> None:
        """Send as much as the controller has room for, one packet of each link in turn."""
        passed_over = 0
        while self._free and passed_over < len(self._turns):
            conn_handle = self._turns.popleft()
            link = self._links[conn_handle]
            if link.in_flight < self._share:
                self._kept_free -= 1
            elif self._free <= self._kept_free:
                self._turns.append(conn_handle)
                passed_over += 1
                continue
            passed_over = 0
            packet = link.packets.popleft()
            link.in_flight += 1
            self._free -= 1
            if link.packets:
                self._turns.append(conn_handle)
            self._send(packet)

    def _share_out(self) -> None:
        """Give each link its share of the buffers, now that there are more or fewer."""
        self._share = max(1, self._total // (len(self._links) + 1))
        missing = (self._share - link.in_flight for link in self._links.values())
        self._kept_free = sum(max(0, each) for each in missing)


class AclChannel:
    """One L2CAP channel of one link, for what sends on it."""

    def __init__(self, acl: AclQueue, conn_handle: int, channel: int) -> None:
        self._acl = acl
        self._conn_handle = conn_handle
        self._channel = channel

    def send(self, pdu: bytes) -> None:
        """Queue one PDU; see `AclQueue.send`."""
        self._acl.send(self._conn_handle, self._channel, pdu)

    async def drained(self) -> None:
        """Wait until nothing of the link is queued or in flight any more, or it is gone."""
        await self._acl.drained(self._conn_handle)


def _tell_drained(link: _LinkQueue) -> None:
    if link.drained is not None:
        link.drained.set_result(None)
        link.drained = None


class Reassembler:
    """Puts one link's ACL fragments together; whatever does not fit is counted and dropped."""

    def __init__(self, counters: HciCounters) -> None:
        self._counters = counters
        self._sdu = bytearray()

    def feed(self, continues: bool, fragment: bytes) -> tuple[int, bytes] | None:
        """Take one fragment. Returns: (channel, payload) when it completes an L2CAP PDU."""
        if not continues and not self._sdu and len(fragment) >= _L2CAP_HEADER.size:
            octets, channel = _L2CAP_HEADER.unpack_from(fragment)
            if octets == len(fragment) - _L2CAP_HEADER.size:  # as nearly all are: whole
                return channel, fragment[_L2CAP_HEADER.size :]
        if continues:
            if not self._sdu:
                self._counters.l2cap_fragments += 1
                return None
            self._sdu += fragment
        else:
            self._counters.l2cap_fragments += bool(self._sdu)
            self._sdu[:] = fragment
        if len(self._sdu) < _L2CAP_HEADER.size:
            return None
        octets, channel = _L2CAP_HEADER.unpack_from(self._sdu)
        wanted = octets + _L2CAP_HEADER.size
        if len(self._sdu) < wanted <= MAX_SDU_OCTETS:
            return None
        payload = bytes(self._sdu[_L2CAP_HEADER.size :])
        self._sdu.clear()
        if len(payload) != octets:
            self._counters.l2cap_fragments += 1
            return None
        return channel, payload
