"""Scan commands, legacy and extended. Spec: Vol 4, Part E, 7.8.10, 7.8.11, 7.8.64 and 7.8.65.

Both work on the one scanner. The kind of commands that set its timing decides what it hears and in
which form it reports, so a scan that one kind has started cannot be changed by the other; a host
that enables with commands of the other kind gets their defaults.
"""

from __future__ import annotations

import struct

from bleio.radio.advertising.parameters import ScanTiming
from bleio.radio.air import phy
from bleio.radio.controller.core import Controller
from bleio.radio.controller.dispatch import allow, command, require, support

UNIT_US = 625
MIN_INTERVAL, MAX_LEGACY_INTERVAL = 0x0004, 0x4000
DURATION_UNIT_US = 10_000
PERIOD_UNIT_US = 1_280_000
SCANNING_PHYS = {0b001: phy.LE_1M, 0b100: phy.LE_CODED}

_PER_PHY = struct.Struct("<BHH")


def window_us(interval: int, window: int) -> tuple[int, int]:
    """Interval and window in microseconds."""
    require(MIN_INTERVAL <= window <= interval)
    return interval * UNIT_US, window * UNIT_US


@command(0x200B, "LE Set Scan Parameters", "BHHBB", bit=(26, 2))
def set_parameters(
    controller: Controller,
    kind: int,
    interval: int,
    window: int,
    own_address_type: int,
    filter_policy: int,
) -> None:
    """How a legacy scan listens."""
    allow(not controller.layer.scanner.enabled)
    require(kind <= 1 and own_address_type <= 3 and filter_policy <= 3)
    require(interval <= MAX_LEGACY_INTERVAL)
    controller.layer.scanner.parameters = ScanTiming(
        extended=False,
        own_address_type=own_address_type,
        filter_policy=filter_policy,
        active={phy.LE_1M: bool(kind)},
        windows_us={phy.LE_1M: window_us(interval, window)},
    )


@command(0x200C, "LE Set Scan Enable", "BB", bit=(26, 3))
def set_enable(controller: Controller, enable: int, filter_duplicates: int) -> None:
    """Start or stop a legacy scan."""
    require(enable <= 1 and filter_duplicates <= 1)
    scanner = controller.layer.scanner
    if not enable:
        scanner.stop()
        return
    allow(not (scanner.enabled and scanner.parameters.extended))
    if scanner.parameters.extended:
        scanner.parameters = ScanTiming()
    kind = scanner.parameters.own_address_type
    own = controller.own_address(kind, controller.layer.random_address)
    scanner.enable(own, filter_duplicates)


@command(0x2041, "LE Set Extended Scan Parameters", "BBB", bit=(37, 5), tail=True)
def set_extended_parameters(
    controller: Controller, own_address_type: int, filter_policy: int, phys: int, per_phy: bytes
) -> None:
    """How an extended scan listens, PHY by PHY."""
    allow(not controller.layer.scanner.enabled)
    require(own_address_type <= 3 and filter_policy <= 3)
    used = [phy_ for bit, phy_ in SCANNING_PHYS.items() if phys & bit]
    require(bool(used) and not phys & ~sum(SCANNING_PHYS))
    require(len(per_phy) == _PER_PHY.size * len(used))
    support(controller.layer.limits.has(*used))
    parameters = ScanTiming(True, own_address_type, filter_policy, {}, {})
    for phy_, (kind, interval, window) in zip(used, _PER_PHY.iter_unpack(per_phy), strict=True):
        require(kind <= 1)
        parameters.active[phy_] = bool(kind)
        parameters.windows_us[phy_] = window_us(interval, window)
    controller.layer.scanner.parameters = parameters


@command(0x2042, "LE Set Extended Scan Enable", "BBHH", bit=(37, 6))
def set_extended_enable(
    controller: Controller, enable: int, filter_duplicates: int, duration: int, period: int
) -> None:
    """Start or stop an extended scan, for a while or again and again."""
    require(enable <= 1 and filter_duplicates <= 2)
    scanner = controller.layer.scanner
    if not enable:
        scanner.stop()
        return
    duration_us, period_us = duration * DURATION_UNIT_US, period * PERIOD_UNIT_US
    require(not (filter_duplicates == 2 and not (duration and period)))
    require(not (period and duration) or period_us > duration_us)
    allow(not (scanner.enabled and not scanner.parameters.extended))
    if not scanner.parameters.extended:
        scanner.parameters = ScanTiming(extended=True)
    kind = scanner.parameters.own_address_type
    own = controller.own_address(kind, controller.layer.random_address)
    scanner.enable(own, filter_duplicates, duration_us, period_us if duration else 0)
