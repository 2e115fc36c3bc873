"""What follows an advertising packet, and whether it gets through where packets can be lost.

Auxiliary packets, scan requests and connection requests with their answers come so soon that they
are judged together with the packet they belong to. While the medium is ideal all get through.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from bleio.radio import pdu, phy
from bleio.radio.medium import Medium, Station, Transmission

if TYPE_CHECKING:
    from bleio.radio.advertiser import Advertiser
    from bleio.radio.air import Reception

SCAN_REQUEST_OCTETS = 12
CONNECT_REQUEST_OCTETS = 34
CONNECT_RESPONSE_OCTETS = 14
_MAX_PAYLOAD_OCTETS = 255


def follows(medium: Medium, advertiser: Advertiser, receiver: Station, heard: Reception) -> bool:
    """Whether a receiver also gets the auxiliary packets of what it has heard."""
    if advertiser.parameters.legacy:
        return True
    return _auxiliary(medium, advertiser, receiver, heard.end_us)


def auxiliary_octets(data: bytes) -> list[int]:
    """Payloads of the packets of a chain."""
    return [
        min(len(part) + pdu.EXTENDED_HEADER_OCTETS, _MAX_PAYLOAD_OCTETS) for part in pdu.chain(data)
    ]


def _auxiliary(medium: Medium, advertiser: Advertiser, receiver: Station, end_us: int) -> bool:
    """Whether all packets of a chain arrive; one that is missing breaks it."""
    for payload in auxiliary_octets(advertiser.data):
        packet = advertiser.auxiliary_transmission(end_us + pdu.AUX_DELAY_US, payload)
        if not medium.passes(packet, receiver):
            return False
        end_us = packet.to_us
    return True


class Request(NamedTuple):
    """A request to an advertiser that was heard, and its answer."""

    medium: Medium
    advertiser: Advertiser
    station: Station
    power_dbm: int
    heard: Reception

    def arrives(self, octets: int) -> bool:
        """Whether the request reaches the advertiser."""
        length_us = phy.air_time_us(octets, self._phy)
        self.station.tx_us += length_us
        # That it would listen for a request was counted with the advertising event.
        self.advertiser.station.rx_us += length_us - phy.sync_time_us(self._phy)
        if self.medium.ideal:
            return True
        packet = self._packet(self.station, self.power_dbm, self.heard.end_us, octets)
        return self.medium.passes(packet, self.advertiser.station)

    def is_answered(self, octets: int) -> bool:
        """Whether the advertiser's answer reaches who has asked."""
        advertiser = self.advertiser
        octets = min(octets, _MAX_PAYLOAD_OCTETS)
        advertiser.station.tx_us += phy.air_time_us(octets, self._phy)
        if self.medium.ideal:
            return True
        packet = self._packet(
            advertiser.station, advertiser.tx_power_dbm, self.heard.end_us + phy.T_IFS_US, octets
        )
        return self.medium.passes(packet, self.station)

    @property
    def _phy(self) -> int:
        parameters = self.advertiser.parameters
        return parameters.primary_phy if parameters.legacy else parameters.secondary_phy

    def _packet(self, sender: Station, power_dbm: int, end_us: int, octets: int) -> Transmission:
        channel = self.heard.channel if self.advertiser.parameters.legacy else pdu.AUX_CHANNEL
        return Transmission(sender, channel, end_us + phy.T_IFS_US, octets, self._phy, power_dbm)
