"""Legacy advertising commands. Spec: Vol 4, Part E, 7.8.5 to 7.8.9.

Legacy and extended commands may be mixed here, which the specification forbids a host: hosts
exist that do it, and there is nothing to gain from refusing. The legacy set is one set more,
without a handle, beside those of the extended commands; the two kinds never see each other's.
"""

from __future__ import annotations

from bleio.core.address import DeviceAddress
from bleio.core.codes import HciErrorCode
from bleio.radio.advertising.parameters import LEGACY_DATA_OCTETS, AdvertisingSetParameters
from bleio.radio.controller.core import Controller
from bleio.radio.controller.dispatch import CommandError, allow, command, require

INTERVAL_UNIT_US = 625
MIN_INTERVAL, MAX_INTERVAL = 0x0020, 0x4000

_ADV_IND, _ADV_DIRECT_HIGH, _ADV_SCAN_IND, _ADV_NONCONN_IND, _ADV_DIRECT_LOW = range(5)
_DIRECTED = {_ADV_DIRECT_HIGH, _ADV_DIRECT_LOW}


def channels_of(channel_map: int) -> tuple[int, ...]:
    """The primary channels in a map of three bits."""
    require(0 < channel_map <= 0b111)
    return tuple(37 + bit for bit in range(3) if channel_map >> bit & 1)


@command(0x2005, "LE Set Random Address", "6s", bit=(25, 4))
def set_random_address(controller: Controller, address: bytes) -> None:
    """The random address of everything but extended advertising sets."""
    allow(not controller.layer.legacy_advertiser.enabled)
    allow(not controller.layer.scanner.enabled and controller.layer.initiator.parameters is None)
    controller.layer.random_address = DeviceAddress(address, True)


@command(0x2006, "LE Set Advertising Parameters", "HHBBB6sBB", bit=(25, 5))
def set_parameters(
    controller: Controller,
    interval_min: int,
    interval_max: int,
    kind: int,
    own_address_type: int,
    peer_address_type: int,
    peer_address: bytes,
    channel_map: int,
    filter_policy: int,
) -> None:
    """How the legacy set advertises."""
    allow(not controller.layer.legacy_advertiser.enabled)
    require(kind <= _ADV_DIRECT_LOW and own_address_type <= 3 and peer_address_type <= 1)
    require(filter_policy <= 3)
    if kind != _ADV_DIRECT_HIGH:
        require(MIN_INTERVAL <= interval_min <= interval_max <= MAX_INTERVAL)
    controller.layer.legacy_advertiser.parameters = AdvertisingSetParameters(
        connectable=kind in (_ADV_IND, *_DIRECTED),
        scannable=kind in (_ADV_IND, _ADV_SCAN_IND),
        directed=kind in _DIRECTED,
        high_duty=kind == _ADV_DIRECT_HIGH,
        interval_us=interval_min * INTERVAL_UNIT_US,
        channels=channels_of(channel_map),
        own_address_type=own_address_type,
        peer=DeviceAddress(peer_address, bool(peer_address_type)),
        filter_policy=filter_policy,
    )


def _legacy_data(length: int, data: bytes) -> bytes:
    require(length <= LEGACY_DATA_OCTETS)
    return data[:length]


@command(0x2008, "LE Set Advertising Data", "B31s", bit=(25, 7))
def set_data(controller: Controller, length: int, data: bytes) -> None:
    """What the legacy set says."""
    controller.layer.legacy_advertiser.data = _legacy_data(length, data)


@command(0x2009, "LE Set Scan Response Data", "B31s", bit=(26, 0))
def set_scan_response(controller: Controller, length: int, data: bytes) -> None:
    """What the legacy set answers to scan requests."""
    controller.layer.legacy_advertiser.scan_response = _legacy_data(length, data)


@command(0x200A, "LE Set Advertising Enable", "B", bit=(26, 1))
def set_enable(controller: Controller, enable: int) -> None:
    """Start or stop the legacy set."""
    require(enable <= 1)
    advertiser = controller.layer.legacy_advertiser
    if not enable:
        advertiser.stop()
        return
    parameters = advertiser.parameters
    if parameters.connectable and not controller.layer.has_room_for_link():
        raise CommandError(HciErrorCode.CONNECTION_LIMIT_EXCEEDED)
    own = controller.own_address(
        parameters.own_address_type, controller.layer.random_address, parameters.peer
    )
    if not advertiser.enabled:
        advertiser.enable(own)
