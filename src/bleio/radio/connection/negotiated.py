"""What the two ends of a link have agreed on, as one of them sees it.

These are values without behaviour of their own; the procedures that arrive at them are in
`data_length.py`, `updates.py` (PHYs) and `control.py` (versions).
"""

from __future__ import annotations

from typing import NamedTuple

from bleio.radio.air import phy
from bleio.radio.connection.cipher import MIC_OCTETS

MIN_OCTETS, MAX_OCTETS = 27, 251
# Time on air by payload octets, MIC included, for each PHY: looked up for every packet.
_AIR_TIMES_US = {
    each: tuple(phy.air_time_us(octets, each) for octets in range(256))
    for each in (phy.LE_1M, phy.LE_2M, phy.LE_CODED)
}


def air_time_us(octets: int, phy_: int = phy.LE_1M) -> int:
    """Time on air of an encrypted data PDU of this size."""
    return phy.air_time_us(octets + MIC_OCTETS, phy_)


MIN_US, MAX_US = air_time_us(MIN_OCTETS), air_time_us(MAX_OCTETS, phy.LE_CODED)


class Limit(NamedTuple):
    """A limit on data PDUs in one direction; both parts hold."""

    octets: int
    time_us: int


MINIMUM, MAXIMUM = Limit(MIN_OCTETS, MIN_US), Limit(MAX_OCTETS, MAX_US)


class DataLength(NamedTuple):
    """The limits in force at one end."""

    tx: Limit
    rx: Limit


INITIAL = DataLength(MINIMUM, MINIMUM)


class Negotiated:
    """Data length, PHY and version, and what this end's host has wished of them.

    Args: wished_tx: the longest data PDUs that this end would like to send.
    """

    __slots__ = ("air_times_us", "asked_tx", "length", "pdu_octets", "peer_rx", "peer_tx",
                 "peer_version", "phy_wish", "tx_phy", "version_sent", "wished_tx")  # fmt: skip

    def __init__(self, wished_tx: Limit) -> None:
        self.wished_tx = wished_tx
        self.peer_rx = self.peer_tx = MINIMUM
        self.length = INITIAL
        self.asked_tx: Limit | None = None  # the wish with which this end has asked last
        self.pdu_octets = MIN_OCTETS  # the most that one PDU carries now, without MIC
        self.phy_wish = (phy.ALL_PHYS, phy.ALL_PHYS)  # masks: to send on, to receive on
        self.peer_version: bytes | None = None
        self.version_sent = False
        self.use_phy(phy.LE_1M)

    def use_phy(self, tx_phy: int) -> None:
        """Send on another PHY from now on."""
        self.tx_phy = tx_phy
        self.air_times_us = _AIR_TIMES_US[tx_phy]  # by payload octets on air
