"""One controller's end of a link: its queues, what it has negotiated, what it waits for."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from bleio.core.address import AddressType, DeviceAddress
from bleio.core.codes import HciErrorCode
from bleio.radio.air import phy
from bleio.radio.air.clock import Timer
from bleio.radio.air.privacy import Peer
from bleio.radio.connection import control, data_length
from bleio.radio.connection.cipher import MIC_OCTETS, LinkCipher, Sealing

if TYPE_CHECKING:
    from bleio.radio.connection.layer import ConnectionLayer
    from bleio.radio.connection.link import AirLink

CENTRAL = 0
PERIPHERAL = 1
RESPONSE_TIMEOUT_US = 40_000_000

LLID_CONTINUATION = 1
LLID_START = 2
LLID_CONTROL = 3


class Fragment(NamedTuple):
    """One data PDU's payload; the last one of an HCI packet gives its credit back."""

    llid: int
    payload: bytes
    last: bool


EMPTY = Fragment(LLID_CONTINUATION, b"", False)


class Outgoing(NamedTuple):
    """A PDU that is sent until it is acknowledged, and how it is enciphered."""

    fragment: Fragment
    sealing: Sealing | None

    @property
    def octets(self) -> int:
        """Payload on air."""
        return len(self.fragment.payload) + (MIC_OCTETS if self.sealing is not None else 0)


class LinkEnd:
    """One controller's end of a link: its queues and what it has negotiated."""

    def __init__(
        self,
        layer: ConnectionLayer,
        role: int,
        own: DeviceAddress,
        peer: Peer,
        peer_on_air: DeviceAddress,
    ) -> None:
        self.layer = layer
        self.radio_time = layer.radio_time
        self.role = role
        self.handle = layer.new_conn_handle()
        self.own = own
        self.peer = peer
        self.peer_on_air = peer_on_air
        self.link: AirLink
        self.other: LinkEnd
        self.wished_tx = layer.default_tx
        self.peer_rx = self.peer_tx = data_length.MINIMUM
        self.length = data_length.INITIAL
        self.pdu_octets = data_length.MIN_OCTETS  # the most that one PDU carries, without MIC
        self.tx_phy = phy.LE_1M
        self.phy_wish = (phy.ALL_PHYS, phy.ALL_PHYS)
        self.encrypted = False
        self.ltk: bytes | None = None
        self.key_name: tuple[bytes, int] = (bytes(8), 0)  # rand and ediv
        self.diversifier = bytes(8)
        self.vector = bytes(4)
        self.cipher: LinkCipher | None = None  # of what this end sends
        self.peer_version: bytes | None = None
        self.version_sent = False
        self.tx_power_dbm = layer.tx_power_dbm
        self.length_again = False
        self.max_event_us = 0  # what the host allows a connection event; 0 is no limit
        self.gone = False  # its controller has left the air, or the link
        self.in_flight = 0  # HCI packets whose credit the host has not got back
        self.at_host = 0  # data packets the host has not said it is done with
        self._data: deque[tuple[int, bytes]] = deque()  # HCI packets, of the first what is left
        self._control: deque[tuple[bytes, int]] = deque()
        self._queued = 0  # HCI packets, ever
        self._sent = 0
        self._data_until: int | None = None
        self._waiting: dict[int, Timer] = {}
        self.heard_us = 0  # when the other end was heard last, where packets can be lost
        self.heard_event = -1
        self.ever_heard = False
        self.retransmissions = 0
        self.controls_queued = 0
        self.controls_arrived = 0
        self._outgoing: Outgoing | None = None
        self._times_sent = 0
        self._sn = self._nesn = 0

    @property
    def local_rpa(self) -> bytes:
        """Our address if the controller made it, else zero."""
        if self.own.type is not AddressType.RANDOM_PRIVATE_RESOLVABLE:
            return bytes(6)
        return self.own.octets if self.layer.resolving.is_ours(self.own.octets) else bytes(6)

    # -- what the controller does --

    def send_data(self, payload: bytes, start: bool) -> None:
        """Queue one HCI ACL packet's payload."""
        self.in_flight += 1
        self._data.append((LLID_START if start else LLID_CONTINUATION, payload))
        self._queued += 1
        self.link.wake()

    def send_control(self, pdu: bytes, *, after_data: bool = False) -> None:
        """Queue an LL control PDU; `after_data` keeps it behind the data that waits already."""
        after = self._queued if self._data_until is None else self._data_until
        self._control.append((pdu, after if after_data else 0))
        self.controls_queued += 1
        self.link.wake()

    def hold_data(self, *, after_queued: bool) -> None:
        """Send no data but what is queued already (or not even that) until `release_data`."""
        self._data_until = self._queued if after_queued else self._sent

    def release_data(self) -> None:
        """Let data flow again."""
        self._data_until = None
        self.link.wake()

    # -- procedures of which one side waits for an answer --

    def expect(
        self,
        opcode: int,
        timeout_us: int = RESPONSE_TIMEOUT_US,
        reason: int = HciErrorCode.LL_RESPONSE_TIMEOUT,
    ) -> None:
        """Wait for an answer; the link ends if it stays out. Spec: Vol 6, Part B, 5.2."""
        self.settle(opcode)
        self._waiting[opcode] = self.layer.radio.schedule_in(timeout_us, self.link.finish, reason)

    def awaits(self, opcode: int) -> bool:
        """Whether an answer is outstanding."""
        return opcode in self._waiting

    def settle(self, opcode: int) -> bool:
        """The answer has come. Returns: whether it was waited for."""
        timer = self._waiting.pop(opcode, None)
        if timer is not None:
            timer.cancel()
        return timer is not None

    # -- what the link does --

    @property
    def has_pdu(self) -> bool:
        """Whether there is something to send in a connection event."""
        waiting = self._outgoing
        if waiting is not None and waiting.fragment is not EMPTY:
            return True
        return self._control_ready() or self._data_ready()

    @property
    def waiting(self) -> int:
        """How much is queued, as if every HCI packet were one PDU."""
        return len(self._control) + len(self._data)

    def _control_ready(self) -> bool:
        return bool(self._control) and self._sent >= self._control[0][1]

    def _data_ready(self) -> bool:
        if not self._data or (self._data_until is not None and self._sent >= self._data_until):
            return False
        return self.other.layer.host.takes_data

    def outgoing(self) -> Outgoing:
        """What to send: the PDU that is not acknowledged yet, else the next, else an empty one."""
        if self._outgoing is None:
            fragment = self._next_pdu() or EMPTY
            sealing = None
            if self.cipher is not None and fragment.payload:
                sealing = self.cipher.next()
            self._outgoing = Outgoing(fragment, sealing)
            self._times_sent = 0
        return self._outgoing

    @property
    def next_octets(self) -> int:
        """Payload on air of the next packet at most, without choosing it yet."""
        waiting = self._outgoing.octets if self._outgoing is not None else 0
        if self._outgoing is not None and not self.role:
            return waiting
        # What a peripheral has sent may be acknowledged by the very packet that it answers.
        return max(waiting, self._queued_octets)

    @property
    def _queued_octets(self) -> int:
        if self._control_ready():
            octets = len(self._control[0][0])
        else:
            octets = min(len(self._data[0][1]), self.pdu_octets) if self._data_ready() else 0
        return octets + MIC_OCTETS if octets and self.cipher is not None else octets

    def transmit(self) -> tuple[Outgoing, int]:
        """Send it. Returns: the PDU and the first octet of its header. Spec: Vol 6, Part B, 2.4."""
        outgoing = self.outgoing()
        self.retransmissions += self._times_sent > 0 and outgoing.fragment is not EMPTY
        self._times_sent += 1
        more = self._control_ready() or self._data_ready()
        header = outgoing.fragment.llid | self._nesn << 2 | self._sn << 3 | more << 4
        return outgoing, header

    def empty_header(self, *, answers: bool = False) -> int:
        """The header of an empty packet, sent first or in answer to another."""
        return EMPTY.llid | (self._nesn ^ answers) << 2 | self._sn << 3

    def count_empty(self, exchanges: int) -> None:
        """Both ends have exchanged so many empty packets."""
        self._sn ^= exchanges & 1
        self._nesn ^= exchanges & 1

    def take(self, outgoing: Outgoing, header: int) -> None:
        """Receive a PDU of the other end that has arrived unharmed. Spec: Vol 6, Part B, 4.5.9."""
        if header >> 2 & 1 != self._sn:
            self.acknowledge()
        if header >> 3 & 1 != self._nesn:
            return  # a repetition
        fragment = outgoing.fragment
        is_data = fragment.llid != LLID_CONTROL and fragment.payload
        if is_data and not self.layer.host.takes_data:
            return  # not acknowledged: the other end sends it again
        self._nesn ^= 1
        if fragment is not EMPTY:
            self.received(fragment)

    def acknowledge(self) -> None:
        """The other end has the PDU that was sent last."""
        outgoing, self._outgoing = self._outgoing, None
        self._sn ^= 1
        if outgoing is not None and outgoing.fragment.last:
            self._packet_arrived()

    @property
    def is_unacknowledged(self) -> bool:
        """Whether what was sent last may have to be sent again."""
        return self._outgoing is not None

    def _next_pdu(self) -> Fragment | None:
        """Take the next PDU to send, control before data."""
        if self._control_ready():
            return Fragment(LLID_CONTROL, self._control.popleft()[0], False)
        return self._next_fragment() if self._data_ready() else None

    def _next_fragment(self) -> Fragment:
        """Cut a data PDU off; how long it may be is known only now."""
        limit = self.pdu_octets
        llid, payload = self._data.popleft()
        last = len(payload) <= limit
        if last:
            self._sent += 1
        else:
            self._data.appendleft((LLID_CONTINUATION, payload[limit:]))
        return Fragment(llid, payload[:limit], last)

    def _packet_arrived(self) -> None:
        """The last PDU of an HCI packet has arrived."""
        self.in_flight -= 1
        self.layer.host.packet_completed(self)

    def received(self, pdu: Fragment) -> None:
        """Take a PDU from the other end."""
        if pdu.llid == LLID_CONTROL:
            self.other.controls_arrived += 1
            control.received(self, pdu.payload)
        elif pdu.payload:
            self.layer.host.data_received(self, pdu.payload, pdu.llid == LLID_START)

    def close(self) -> None:
        """Drop everything; the link is over for this end."""
        for timer in self._waiting.values():
            timer.cancel()
        self._waiting.clear()
        self._outgoing = None
        self._data.clear()
        self._control.clear()
