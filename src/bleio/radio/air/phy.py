"""What the LE physical layer fixes: PHYs, time on air, gaps. Spec: Vol 6, Parts A and B.

Time is computed from octets of payload, since all else around them is fixed per PHY. The Coded PHY
is always S=8 here, eight symbols a bit; S=2 is a choice that no command can demand.
"""

from __future__ import annotations

LE_1M = 1
LE_2M = 2
LE_CODED = 3
ALL_PHYS = 0b111

T_IFS_US = 150
PRIMARY_CHANNELS = (37, 38, 39)
ADVERTISING_ACCESS_ADDRESS = 0x8E89BED6
ADVERTISING_CRC_INIT = 0x555555

# Access address, header and CRC surround every payload.
_OVERHEAD_OCTETS = 4 + 2 + 3
# Coded PHY, S=8: preamble 80, access address 256, coding indicator 16 and terminators 24 + 24 us.
_CODED_FIXED_US = 80 + 256 + 16 + 24 + 24
_CODED_US_PER_OCTET = 64


def air_time_us(payload_octets: int, phy: int = LE_1M) -> int:
    """Time on air of an uncoded or S=8 coded packet with this payload."""
    if phy == LE_2M:
        return (2 + _OVERHEAD_OCTETS + payload_octets) * 4
    if phy == LE_CODED:
        return _CODED_FIXED_US + (2 + payload_octets + 3) * _CODED_US_PER_OCTET
    return (1 + _OVERHEAD_OCTETS + payload_octets) * 8


def payload_octets(time_us: int, phy: int = LE_1M) -> int:
    """The longest payload that takes no more than this time on air."""
    if phy == LE_2M:
        return time_us // 4 - 2 - _OVERHEAD_OCTETS
    if phy == LE_CODED:
        return (time_us - _CODED_FIXED_US) // _CODED_US_PER_OCTET - 2 - 3
    return time_us // 8 - 1 - _OVERHEAD_OCTETS


def sync_time_us(phy: int = LE_1M) -> int:
    """Preamble and access address: as long a receiver listens to find that nothing is sent."""
    if phy == LE_2M:
        return (2 + 4) * 4
    return 80 + 256 if phy == LE_CODED else (1 + 4) * 8


def phy_of_mask(mask: int) -> int:
    """The fastest PHY in a mask of preferences: 2M, then 1M, then Coded."""
    if mask & 0b010:
        return LE_2M
    return LE_1M if mask & 0b001 else LE_CODED
