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


def _auxiliary(medium: Medium, advertiser: Advertiser, receiver: Station, end_us: int) -> bool:
    """Whether all packets of a chain arrive; one that is missing breaks it."""
    for part in pdu.chain(advertiser.data):
        payload = min(len(part) + pdu.EXTENDED_HEADER_OCTETS, _MAX_PAYLOAD_OCTETS)
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
        if self.medium.ideal:
            return True
        packet = self._packet(self.station, self.power_dbm, self.heard.end_us, octets)
        return self.medium.passes(packet, self.advertiser.station)

    def is_answered(self, octets: int) -> bool:
        """Whether the advertiser's answer reaches who has asked."""
        if self.medium.ideal:
            return True
        advertiser = self.advertiser
        packet = self._packet(
            advertiser.station, advertiser.tx_power_dbm, self.heard.end_us + phy.T_IFS_US,
            min(octets, _MAX_PAYLOAD_OCTETS),
        )  # fmt: skip
        return self.medium.passes(packet, self.station)

    def _packet(self, sender: Station, power_dbm: int, end_us: int, octets: int) -> Transmission:
        parameters = self.advertiser.parameters
        phy_ = parameters.primary_phy if parameters.legacy else parameters.secondary_phy
        channel = self.heard.channel if parameters.legacy else pdu.AUX_CHANNEL
        return Transmission(sender, channel, end_us + phy.T_IFS_US, octets, phy_, power_dbm)
