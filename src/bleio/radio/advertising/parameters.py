"""What a host sets for advertising, scanning and initiating.

Values are in the units of the link layer; their ranges are checked where commands are taken.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from bleio.core.address import DeviceAddress
from bleio.radio.air import phy
from bleio.radio.connection.parameters import ConnectionParameters

MAX_DATA_OCTETS = 1650
LEGACY_DATA_OCTETS = 31
# An extended connectable PDU cannot be chained: 255 octets of payload with header, AdvA and ADI.
CONNECTABLE_DATA_OCTETS = 245

_NOBODY = DeviceAddress(bytes(6))


@dataclass(slots=True)
class AdvertisingSetParameters:
    """How one advertising set is sent, and to whom."""

    connectable: bool = True
    scannable: bool = True
    directed: bool = False
    high_duty: bool = False
    legacy: bool = True
    anonymous: bool = False
    include_tx_power: bool = False
    interval_us: int = 1_280_000
    channels: tuple[int, ...] = phy.PRIMARY_CHANNELS
    own_address_type: int = 0
    peer: DeviceAddress = _NOBODY
    filter_policy: int = 0
    tx_power_dbm: int = 0
    primary_phy: int = phy.LE_1M
    secondary_phy: int = phy.LE_1M
    sid: int = 0
    scan_request_events: bool = False


@dataclass(slots=True)
class ScanTiming:
    """How a scanner listens. `windows_us`: interval and window of each PHY listened to."""

    extended: bool = False
    own_address_type: int = 0
    filter_policy: int = 0
    active: dict[int, bool] = field(default_factory={phy.LE_1M: False}.copy)
    windows_us: dict[int, tuple[int, int]] = field(
        default_factory={phy.LE_1M: (10_000, 10_000)}.copy
    )


class InitiatingParameters(NamedTuple):
    """What connection the host wants: with which device, from which address, listening how.

    `peer` None takes any device in the filter accept list. `windows_us` and `connection` have one
    item per PHY.
    """

    peer: DeviceAddress | None
    own_address_type: int
    extended: bool
    windows_us: dict[int, tuple[int, int]]
    connection: dict[int, ConnectionParameters]
