"""What a controller cannot do, beside what is not simulated anyway.

Controllers in use are older, smaller or busier than the one that is simulated: they know no data
length extension, only the 1M PHY, no extended advertising, or send three packets and no more in a
connection event. Such a limit shows in three places, which must agree: what the host is told
(features, supported commands), what a peer is told on the air, and what is done.
"""

from __future__ import annotations

from dataclasses import dataclass

from bleio.radio.air import phy
from bleio.radio.connection.negotiated import MAX_OCTETS, MIN_OCTETS, Limit, air_time_us

MAX_LINKS = 32
NO_LIMIT = 1 << 30

_DATA_LENGTH, _PHY_2M, _PHY_CODED, _EXTENDED_ADVERTISING = (1 << bit for bit in (5, 8, 11, 12))
_DATA_LENGTH_COMMANDS = frozenset((0x2022, 0x2023, 0x2024, 0x202F))
_PHY_COMMANDS = frozenset((0x2030, 0x2031, 0x2032))
_EXTENDED_COMMANDS = frozenset((*range(0x2035, 0x203E), 0x2041, 0x2042, 0x2043))


@dataclass(frozen=True)
class ControllerLimits:
    """The limits of one controller.

    Args:
        links: how many there can be at once.
        data_octets: of the longest data PDU; 27 is no data length extension.
        phys: a mask, with 1M in it.
        exchanges: packets each way in one connection event.
    """

    links: int = MAX_LINKS
    data_octets: int = MAX_OCTETS
    phys: int = phy.ALL_PHYS
    exchanges: int = NO_LIMIT
    extended_advertising: bool = True

    @property
    def longest(self) -> Limit:
        """The longest data PDU, on the slowest PHY."""
        slowest = phy.LE_CODED if self.phys & 0b100 else phy.LE_1M
        return Limit(self.data_octets, air_time_us(self.data_octets, slowest))

    @property
    def has_data_length(self) -> bool:
        """Whether it knows the data length update procedure."""
        return self.data_octets > MIN_OCTETS

    @property
    def has_phys(self) -> bool:
        """Whether it knows the PHY update procedure."""
        return self.phys != 0b001

    def has(self, *phys: int) -> bool:
        """Whether it can use all these PHYs."""
        return all(self.phys >> phy_ - 1 & 1 for phy_ in phys)

    def features(self, features: int) -> int:
        """Take out of the link layer's features what it has not."""
        if not self.has_data_length:
            features &= ~_DATA_LENGTH
        if not self.phys & 0b010:
            features &= ~_PHY_2M
        if not self.phys & 0b100:
            features &= ~_PHY_CODED
        return features if self.extended_advertising else features & ~_EXTENDED_ADVERTISING

    @property
    def unknown_commands(self) -> frozenset[int]:
        """The opcodes of HCI commands that it does not know."""
        unknown: frozenset[int] = frozenset()
        if not self.has_data_length:
            unknown |= _DATA_LENGTH_COMMANDS
        if not self.has_phys:
            unknown |= _PHY_COMMANDS
        return unknown if self.extended_advertising else unknown | _EXTENDED_COMMANDS


UNLIMITED = ControllerLimits()
