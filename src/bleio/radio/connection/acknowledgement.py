"""Sequence numbers, acknowledgement and flow control of one end. Spec: Vol 6, Part B, 4.5.9.

Each packet carries two bits: SN, which PDU this is, and NESN, which one its sender wants next. An
end sends the same PDU again until a packet comes whose NESN asks for another; and it takes a PDU as
new only if its SN is the one that it wanted. So one lost packet costs a repetition and never a PDU.
Not to acknowledge is also the flow control: an end whose host has no room leaves its NESN as it
was, and the other end keeps the PDU and its credit.

A peripheral chooses what it sends before the central's packet has arrived, for an answer takes
longer to make than the inter frame space. Therefore `choose` and `transmit` are two steps: one that
chose nothing answers with an empty packet, even if the packet it answers gives it something to say.
It may have a PDU that waits to be acknowledged, and that very packet may do so: then it has
settled what comes after it, too (`_ready`).

A header's More Data bit is how an end says that it has more for this event (4.5.6). It, and "is
there something to send", read what the queue knows (`head`). What the queue cannot know is whether
the other end's host takes data; a data PDU at the head that it would not take counts as nothing to
send, and its host wakes the link when that changes.
"""

from __future__ import annotations

from typing import Protocol

from bleio.radio.connection.cipher import MIC_OCTETS, EndKeys
from bleio.radio.connection.negotiated import Negotiated
from bleio.radio.connection.pdu import EMPTY, LLID_CONTROL, DataPdu
from bleio.radio.connection.queue import CONTROL, DATA, NOTHING, SendQueue

MORE_DATA = 1 << 4  # in the first octet of a header


class DataTaker(Protocol):
    """A host, as the link layer of its device and its peers' see it."""

    @property
    def takes_data(self) -> bool:
        """Whether a data PDU can be passed on to it now."""


class Receiver(Protocol):
    """What hears of the PDUs that have arrived: the end itself."""

    def received(self, pdu: DataPdu) -> None:
        """A new PDU of the other end, not an empty one."""

    def packet_arrived(self) -> None:
        """The other end has the last PDU of one of our HCI packets."""


class Acknowledgement:
    """What one end sends in its packets and makes of those that it receives.

    Args: host: of this end. peer_host: of the other.
    """

    __slots__ = ("_host", "_is_peripheral", "_keys", "_negotiated", "_nesn", "_peer_host",
                 "_queue", "_ready", "_receiver", "_sn", "_times_sent", "retransmissions",
                 "unacknowledged")  # fmt: skip

    def __init__(
        self,
        queue: SendQueue,
        negotiated: Negotiated,
        keys: EndKeys,
        receiver: Receiver,
        host: DataTaker,
        peer_host: DataTaker,
        *,
        is_peripheral: bool,
    ) -> None:
        self._queue = queue
        self._negotiated = negotiated
        self._keys = keys
        self._receiver = receiver
        self._host = host
        self._peer_host = peer_host
        self._is_peripheral = is_peripheral
        self._sn = self._nesn = 0
        self._times_sent = 0
        self._ready = NOTHING  # at a peripheral: the queue's head when the central began to send
        self.unacknowledged: DataPdu | None = None  # chosen, perhaps sent, perhaps in vain
        self.retransmissions = 0

    # -- what there is to send --

    @property
    def has_pdu(self) -> bool:
        """Whether there is something to send in a connection event."""
        pdu = self.unacknowledged
        if pdu is not None and pdu is not EMPTY:
            return True
        head = self._queue.head
        return head == CONTROL or (head == DATA and self._peer_host.takes_data)

    @property
    def next_octets(self) -> int:
        """Payload on air of the next packet at most, without choosing it yet."""
        pdu, queue = self.unacknowledged, self._queue
        octets = 0
        if pdu is not None:
            if not self._is_peripheral:
                return pdu.octets
            # What a peripheral has sent may be acknowledged by the very packet that it answers.
            octets = pdu.octets
        if queue.head == CONTROL or (queue.head == DATA and self._peer_host.takes_data):
            queued = min(queue.head_octets, self._negotiated.pdu_octets)
            if queued and self._keys.cipher is not None:
                queued += MIC_OCTETS
            octets = max(octets, queued)
        return octets

    # -- packets --

    def choose(self) -> DataPdu:
        """What to send: the PDU that is not acknowledged yet, else the next, else an empty one."""
        pdu = self.unacknowledged
        if pdu is None:
            head = self._queue.head
            if head == CONTROL or (head == DATA and self._peer_host.takes_data):
                pdu = self._queue.take(self._negotiated.pdu_octets, self._keys.cipher)
            else:
                pdu = EMPTY
            self.unacknowledged = pdu
            self._times_sent = 0
        else:
            self._ready = self._queue.head
        return pdu

    def transmit(self) -> tuple[DataPdu, int]:
        """Send it. Returns: the PDU and the first octet of its header. Spec: Vol 6, Part B, 2.4."""
        pdu = self.unacknowledged
        if pdu is None:
            if self._is_peripheral and self._queue.head != self._ready:
                pdu = self.unacknowledged = EMPTY  # too late for this packet
                self._times_sent = 0
            else:
                pdu = self.choose()
        if self._times_sent and pdu is not EMPTY:
            self.retransmissions += 1
        self._times_sent += 1
        head = self._queue.head
        more = head == CONTROL or (head == DATA and self._peer_host.takes_data)
        return pdu, pdu.llid | self._nesn << 2 | self._sn << 3 | more << 4

    def take(self, pdu: DataPdu, header: int) -> None:
        """Receive a PDU of the other end that has arrived unharmed."""
        if header >> 2 & 1 != self._sn:
            self.acknowledge()
        if header >> 3 & 1 != self._nesn:
            return  # a repetition
        if pdu is EMPTY:
            self._nesn ^= 1
            return
        if pdu.llid != LLID_CONTROL and pdu.payload and not self._host.takes_data:
            return  # not acknowledged: the other end sends it again
        self._nesn ^= 1
        self._receiver.received(pdu)

    def acknowledge(self) -> None:
        """The other end has the PDU that was sent last."""
        pdu, self.unacknowledged = self.unacknowledged, None
        self._sn ^= 1
        if pdu is not None and pdu.last:
            self._receiver.packet_arrived()

    # -- empty packets that nobody steps through --

    def empty_header(self, *, answers: bool = False) -> int:
        """The header of an empty packet, sent first or in answer to another."""
        return EMPTY.llid | (self._nesn ^ answers) << 2 | self._sn << 3

    def count_exchange(self) -> None:
        """Both ends have sent an empty packet, and acknowledged the other's."""
        self._sn ^= 1
        self._nesn ^= 1
