"""A connection request, from the packet it answers to the link. Spec: Vol 6, Part B, 4.4.4, 4.5.

The request has all that both sides need: access address, start of the CRC, interval, latency,
time-out, channel map, and in its window offset the first anchor point, which the central chooses
where it disturbs its other links least.

A legacy request is not answered. So the central takes the link for made as soon as it has sent the
request, the peripheral when it receives it; whether both are right shows in the first connection
events. An extended request is answered (AUX_CONNECT_RSP), and it is the peripheral that may be
wrong. Either way the link object is made with both its ends, and the end at which there is none in
truth vanishes at once: the other one then fares as with a peer that has fallen silent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bleio.core.address import DeviceAddress
from bleio.radio.advertising import pdu
from bleio.radio.air import phy
from bleio.radio.air.medium import Transmission
from bleio.radio.air.privacy import Peer
from bleio.radio.connection import access_address, arbitration, data_length, negotiated
from bleio.radio.connection.end import CENTRAL, PERIPHERAL, LinkEnd
from bleio.radio.connection.link import AirLink
from bleio.radio.connection.parameters import ConnectionParameters

if TYPE_CHECKING:
    from bleio.radio.advertising.event import AdvertisingEvent
    from bleio.radio.advertising.initiator import Initiator

# From the end of a request to the first anchor point, at the earliest.
_WINDOW_DELAY_US = 1_250
_WINDOW_DELAY_EXTENDED_US = {phy.LE_1M: 2_500, phy.LE_2M: 2_500, phy.LE_CODED: 3_750}


class ConnectRequest:
    """What an initiator sends to an advertiser, and what comes of it."""

    OCTETS = pdu.CONNECT_REQUEST_OCTETS
    packet: Transmission
    anchor_us: int  # the first
    window_offset_us: int

    def __init__(
        self, initiator: Initiator, own: DeviceAddress, peer: Peer, parameters: ConnectionParameters
    ) -> None:
        self.station = initiator.station
        self.power_dbm = initiator.layer.tx_power_dbm
        self.own = own
        self.parameters = parameters
        random = initiator.layer.radio.random
        self.access_address = access_address.draw(random)
        self.crc_init = random.getrandbits(24)
        self.channel_map = initiator.layer.channel_map
        self._initiator = initiator
        self._peer = peer

    def encode(self, event: AdvertisingEvent) -> bytes:
        """Its octets, when it goes on air."""
        return pdu.connect_request(event, self)

    def sent(self) -> None:
        """It goes on air."""
        self._initiator.asks(self)
        packet = self.packet
        if packet.channel in phy.PRIMARY_CHANNELS:
            opens_us = packet.to_us + _WINDOW_DELAY_US
        else:
            opens_us = packet.to_us + _WINDOW_DELAY_EXTENDED_US[packet.phy]
        links, interval_us = self._initiator.layer.links, self.parameters.interval_us
        self.anchor_us = arbitration.first_anchor_us(links, opens_us, interval_us)
        self.window_offset_us = self.anchor_us - opens_us

    def conclude(self, event: AdvertisingEvent, *, at_central: bool, at_peripheral: bool) -> None:
        """Make the link at the ends that take it for made; one alone soon finds that it is not."""
        at_central = self._initiator.concluded(self, connected=at_central)
        if not (at_central or at_peripheral):
            return
        link = self._link(event)
        central, peripheral = link.central, link.peripheral
        if at_central:
            central.layer.link_opened(central)
        else:
            link.vanish(central)
        if not at_peripheral:
            link.vanish(peripheral)
            return
        link.medium_changed()
        peripheral.layer.link_opened(peripheral)
        event.advertiser.connected(peripheral.handle)
        ends = (central, peripheral) if at_central else (peripheral,)
        for end in ends:
            end.layer.host.channel_selection(end)
        if at_central:
            _begin(ends)

    def _link(self, event: AdvertisingEvent) -> AirLink:
        central, advertiser = self._initiator.layer, event.advertiser
        radio, other = central.radio, advertiser.layer
        initiator_peer = other.resolving.peer_of(self.own) or Peer(self.own, False)
        central_end = LinkEnd(central, other, CENTRAL, self.own, self._peer, event.own)
        peripheral_end = LinkEnd(other, central, PERIPHERAL, event.own, initiator_peer, self.own)
        central_end.max_event_us = self.parameters.max_event_us
        if not event.parameters.legacy:
            for end in (central_end, peripheral_end):
                end.negotiated.use_phy(event.parameters.secondary_phy)
        peripheral_end.tx_power_dbm = event.parameters.tx_power_dbm
        link = AirLink(
            central_end, peripheral_end, self.parameters, self.anchor_us, self.access_address,
            self.crc_init,
        )  # fmt: skip
        radio.links[link] = None
        for end in (central_end, peripheral_end):
            data_length.set_limits(end)
        return link


def _begin(ends: tuple[LinkEnd, ...]) -> None:
    """Start what the link layers ask of each other by themselves, the central first."""
    for end in ends:
        if end.negotiated.wished_tx != negotiated.MINIMUM:
            data_length.start(end)
            return
