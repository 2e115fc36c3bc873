"""One device's end of a link.

A link has two ends that are alike, and most of what the specification says of a connection it says
of one of them. What an end holds is parted by when it changes and what for:

- `queue`: what waits to be sent. It changes with the host's packets and the control PDUs.
- `acknowledgement`: sequence numbers and the PDU that is on its way. It changes with each packet.
- `negotiated`: data length, PHY, version. They change by procedures, seldom.
- `keys`: of encryption, likewise.
- `heard`: when the other end was heard last; kept only where packets can be lost.
- `procedures`: for which answers this end waits, and until when.

The obvious alternative is one link object with two of everything, indexed by role. Then each line
has to say whose value it means, and the mistake that is easiest to make, to use one's own value
where the other's belongs, does not show. Here `self` is one side of the air and `self.other` the
other one, and there are few places that cross over: what an end may send depends on whether the
other's host takes data (`Acknowledgement`), a PDU that arrives is told to the end that sent
it (`controls_arrived`), and session keys are made from both halves (`encryption.py`).

What may surprise: both ends live in one program, so a PDU is passed along as an object, in clear
text, without ever becoming octets unless somebody captures. It arrives in the very call in which
it is sent where nothing can be lost. An end whose device has left (`gone`) stays with the link: its
other end must go on sending into the void until its own supervision time-out.

The two engines (`computed.py`, `stepped.py`) go to `acknowledgement` directly, not through methods
here: a packet takes these calls several times, and they would add nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bleio.core.address import AddressType, DeviceAddress
from bleio.radio.air.privacy import Peer
from bleio.radio.connection import control_pdus
from bleio.radio.connection.acknowledgement import Acknowledgement
from bleio.radio.connection.cipher import EndKeys
from bleio.radio.connection.heard import Heard
from bleio.radio.connection.negotiated import Negotiated
from bleio.radio.connection.pdu import LLID_CONTROL, LLID_START, DataPdu
from bleio.radio.connection.procedures import Procedures
from bleio.radio.connection.queue import SendQueue

if TYPE_CHECKING:
    from bleio.radio.connection.layer import ConnectionLayer
    from bleio.radio.connection.link import AirLink

CENTRAL = 0
PERIPHERAL = 1


class LinkEnd:
    """One device's end of a link: whose it is, and the records of what it does.

    `AirLink` sets `link` and `other` before anything can happen.

    Args:
        layer: the device's link layer. peer_layer: that of the device at the other end.
        own, peer_on_air: the addresses with which the link was made.
        peer: the same device as the host knows it.
    """

    link: AirLink
    other: LinkEnd

    def __init__(
        self,
        layer: ConnectionLayer,
        peer_layer: ConnectionLayer,
        role: int,
        own: DeviceAddress,
        peer: Peer,
        peer_on_air: DeviceAddress,
    ) -> None:
        self.layer = layer
        self.role = role
        self.handle = layer.new_conn_handle()
        self.own = own
        self.peer = peer
        self.peer_on_air = peer_on_air
        self.tx_power_dbm = layer.tx_power_dbm
        self.max_event_us = 0  # what the host allows a connection event; 0 is no limit
        self.gone = False  # its device has left the air, or the link
        self.at_host = 0  # data packets that the host has not said it is done with
        self.controls_arrived = 0  # of those that this end has sent
        self.queue = SendQueue()
        self.negotiated = Negotiated(layer.default_tx)
        self.keys = EndKeys()
        self.heard = Heard()
        self.procedures = Procedures(layer.radio.clock, self)
        self.acknowledgement = Acknowledgement(
            self.queue, self.negotiated, self.keys, self, layer.host, peer_layer.host,
            is_peripheral=role == PERIPHERAL,
        )  # fmt: skip

    @property
    def local_rpa(self) -> bytes:
        """Our address if the device's link layer made it, else zero."""
        if self.own.type is not AddressType.RANDOM_PRIVATE_RESOLVABLE:
            return bytes(6)
        return self.own.octets if self.layer.resolving.is_ours(self.own.octets) else bytes(6)

    # -- sending --

    def send_data(self, payload: bytes, start: bool) -> None:
        """Queue one HCI ACL packet's payload."""
        self.queue.put_data(payload, start)
        self.link.events.wake()

    def send_control(self, pdu: bytes, *, after_data: bool = False) -> None:
        """Queue an LL control PDU; `after_data` keeps it behind the data that waits already."""
        self.queue.put_control(pdu, after_data=after_data)
        self.link.wake()

    def release_data(self) -> None:
        """Let data flow again after `queue.hold_data`."""
        self.queue.release_data()
        self.link.wake()

    # -- what happens --

    def received(self, pdu: DataPdu) -> None:
        """Take a PDU from the other end."""
        if pdu.llid == LLID_CONTROL:
            self.other.controls_arrived += 1
            if pdu.payload[0] in control_pdus.OF_ENCRYPTION:
                control_pdus.received(self, pdu.payload)
            else:
                self.procedures.answer(control_pdus.received, self, pdu.payload)
        elif pdu.payload:
            self.layer.host.data_received(self, pdu.payload, pdu.llid == LLID_START)

    def packet_arrived(self) -> None:
        """The other end has the last PDU of an HCI packet."""
        self.queue.in_flight -= 1
        self.layer.host.packet_completed(self)

    def answer_overdue(self, reason: int) -> None:
        """An answer for which a procedure waits has stayed out."""
        self.link.finish(reason)

    def close(self) -> None:
        """Drop everything; the link is over for this end."""
        self.procedures.cancel()
        self.queue.clear()
        self.acknowledgement.unacknowledged = None
