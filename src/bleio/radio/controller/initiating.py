"""Commands that make connections. Spec: Vol 4, Part E, 7.8.12, 7.8.13 and 7.8.66.

All of them are answered by Command Status first; whatever comes of it is an event. So initiating
begins after the reply, and an attempt that is given up ends with Connection Complete, status 0x02,
after the answer to the command that gave it up.
"""

from __future__ import annotations

import struct

from bleio.core.address import DeviceAddress
from bleio.core.codes import HciErrorCode
from bleio.radio.advertising.parameters import InitiatingParameters
from bleio.radio.air import phy
from bleio.radio.connection.parameters import (
    EVENT_LENGTH_UNIT_US,
    INTERVAL_UNIT_US,
    TIMEOUT_UNIT_US,
    ConnectionParameters,
)
from bleio.radio.controller.core import Controller
from bleio.radio.controller.dispatch import CommandError, allow, command, require, support
from bleio.radio.controller.scanning import MAX_LEGACY_INTERVAL, window_us

_PER_PHY = struct.Struct("<HHHHHHHH")
_INITIATING_PHYS = {0b001: phy.LE_1M, 0b010: phy.LE_2M, 0b100: phy.LE_CODED}
_SCANNABLE = {phy.LE_1M, phy.LE_CODED}
_MAX_LATENCY = 499


def connection_parameters(
    interval_min: int, interval_max: int, latency: int, timeout: int, ce_min: int, ce_max: int
) -> ConnectionParameters:
    """Check the ranges; of the intervals the shortest is taken.

    The longest length of a connection event is kept to if it is not 0, but for one exchange, which
    there always is. The shortest is a wish of which nothing follows: an event ends when neither
    side has anything to send.
    """
    require(0x0006 <= interval_min <= interval_max <= 0x0C80)
    require(latency <= _MAX_LATENCY and 0x000A <= timeout <= 0x0C80 and ce_min <= ce_max)
    # The time-out must outlast two events the peripheral listens to.
    require(timeout * TIMEOUT_UNIT_US > (1 + latency) * interval_max * INTERVAL_UNIT_US * 2)
    return ConnectionParameters(
        interval_min * INTERVAL_UNIT_US,
        latency,
        timeout * TIMEOUT_UNIT_US,
        ce_max * EVENT_LENGTH_UNIT_US,
    )


def _start(controller: Controller, parameters: InitiatingParameters) -> None:
    allow(controller.layer.initiator.parameters is None)
    peer = parameters.peer
    own = controller.own_address(parameters.own_address_type, controller.layer.random_address, peer)
    if not controller.layer.has_room_for_link():
        raise CommandError(HciErrorCode.CONNECTION_LIMIT_EXCEEDED)
    if peer is not None and any(
        end.peer.address == peer and end.own == own for end in controller.layer.links.values()
    ):
        raise CommandError(HciErrorCode.CONNECTION_ALREADY_EXISTS)
    controller.after_reply(controller.layer.initiator.start, parameters, own)


def _peer(filter_policy: int, address_type: int, address: bytes) -> DeviceAddress | None:
    """The device to connect to; None for any in the filter accept list."""
    require(filter_policy <= 1)
    if filter_policy:
        return None
    require(address_type <= 3)
    return DeviceAddress(address, bool(address_type & 1))


@command(0x200D, "LE Create Connection", "HHBB6sBHHHHHH", bit=(26, 4), pending=True)
def create_connection(
    controller: Controller,
    scan_interval: int,
    scan_window: int,
    filter_policy: int,
    peer_address_type: int,
    peer_address: bytes,
    own_address_type: int,
    interval_min: int,
    interval_max: int,
    latency: int,
    timeout: int,
    ce_min: int,
    ce_max: int,
) -> None:
    """Connect to a legacy advertiser."""
    require(own_address_type <= 3 and scan_interval <= MAX_LEGACY_INTERVAL)
    connection = connection_parameters(interval_min, interval_max, latency, timeout, ce_min, ce_max)
    _start(
        controller,
        InitiatingParameters(
            peer=_peer(filter_policy, peer_address_type, peer_address),
            own_address_type=own_address_type,
            extended=False,
            windows_us={phy.LE_1M: window_us(scan_interval, scan_window)},
            connection={phy.LE_1M: connection},
        ),
    )


@command(0x2043, "LE Extended Create Connection", "BBB6sB", bit=(37, 7), tail=True, pending=True)
def extended_create_connection(
    controller: Controller,
    filter_policy: int,
    own_address_type: int,
    peer_address_type: int,
    peer_address: bytes,
    phys: int,
    per_phy: bytes,
) -> None:
    """Connect to a legacy or extended advertiser, with parameters for each PHY."""
    require(own_address_type <= 3)
    used = [phy_ for bit, phy_ in _INITIATING_PHYS.items() if phys & bit]
    require(phys <= phy.ALL_PHYS and bool(_SCANNABLE.intersection(used)))
    require(len(per_phy) == _PER_PHY.size * len(used))
    support(controller.layer.limits.has(*used))
    windows: dict[int, tuple[int, int]] = {}
    connection: dict[int, ConnectionParameters] = {}
    for phy_, row in zip(used, _PER_PHY.iter_unpack(per_phy), strict=True):
        scan_interval, scan_window, *timing = row
        connection[phy_] = connection_parameters(*timing)
        if phy_ in _SCANNABLE:
            windows[phy_] = window_us(scan_interval, scan_window)
    peer = _peer(filter_policy, peer_address_type, peer_address)
    _start(controller, InitiatingParameters(peer, own_address_type, True, windows, connection))


@command(0x200E, "LE Create Connection Cancel", bit=(26, 5))
def create_connection_cancel(controller: Controller) -> None:
    """End the attempt; the pending command ends with Connection Complete, status 0x02."""
    parameters = controller.layer.initiator.parameters
    allow(parameters is not None)
    assert parameters is not None
    controller.layer.initiator.stop()
    peer = parameters.peer or DeviceAddress(bytes(6))
    controller.after_reply(
        controller.host.connection_failed, HciErrorCode.UNKNOWN_CONNECTION_IDENTIFIER, 0, peer
    )
