"""Extended advertising commands. Spec: Vol 4, Part E, 7.8.52 to 7.8.60.

A set is made by its parameters, then gets its data, then is enabled. Much of what a host can get
wrong shows only when all three are known, and the specification says at which command it is to be
told: data may be set in fragments, in any order with the parameters, and whether they fit on air
(a connectable set cannot chain packets) is decided when the set is enabled. So `_ready` has most of
the checks. Several sets are enabled by one command, all or none; hence it is called for all of them
before the first one starts.

Data are replaced while a set advertises only as a whole; then the data identifier changes, at
random, by which scanners see that there is something new.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from bleio.core.address import DeviceAddress
from bleio.core.codes import HciErrorCode
from bleio.radio.advertising.advertiser import HIGH_DUTY_US, Advertiser
from bleio.radio.advertising.parameters import (
    CONNECTABLE_DATA_OCTETS,
    LEGACY_DATA_OCTETS,
    MAX_DATA_OCTETS,
    AdvertisingSetParameters,
)
from bleio.radio.air import phy
from bleio.radio.controller.advertising import INTERVAL_UNIT_US, MIN_INTERVAL, channels_of
from bleio.radio.controller.core import Controller
from bleio.radio.controller.dispatch import CommandError, allow, command, require, support
from bleio.radio.controller.information import (
    MAX_ADVERTISING_SETS,
    MAX_POWER_DBM,
)

_MAX_HANDLE, _MAX_SID = 0xEF, 0x0F
_DURATION_UNIT_US = 10_000
_NO_PREFERENCE = 127

_CONNECTABLE, _SCANNABLE, _DIRECTED, _HIGH_DUTY, _LEGACY, _ANONYMOUS, _TX_POWER = (
    1 << bit for bit in range(7)
)
# The five legacy PDU types as properties.
_LEGACY_TYPES = {0b10011, 0b10101, 0b11101, 0b10010, 0b10000}

_INTERMEDIATE, _FIRST, _LAST, _COMPLETE, _UNCHANGED = range(5)
_SET = struct.Struct("<BHB")


def _set_of(controller: Controller, handle: int) -> Advertiser:
    require(handle <= _MAX_HANDLE)
    advertiser = controller.layer.advertisers.get(handle)
    if advertiser is None:
        raise CommandError(HciErrorCode.UNKNOWN_ADVERTISING_IDENTIFIER)
    return advertiser


@command(0x2035, "LE Set Advertising Set Random Address", "B6s", bit=(36, 1))
def set_random_address(controller: Controller, handle: int, address: bytes) -> None:
    """The random address of one set."""
    advertiser = _set_of(controller, handle)
    allow(not (advertiser.enabled and advertiser.parameters.connectable))
    advertiser.random_address = DeviceAddress(address, True)


@command(
    0x2036,
    "LE Set Extended Advertising Parameters",
    "BH3s3sBBB6sBbBBBBB",
    bit=(36, 2),
    returns=1,
)
def set_parameters(
    controller: Controller,
    handle: int,
    properties: int,
    interval_min: bytes,
    interval_max: bytes,
    channel_map: int,
    own_address_type: int,
    peer_address_type: int,
    peer_address: bytes,
    filter_policy: int,
    tx_power: int,
    primary_phy: int,
    secondary_max_skip: int,
    secondary_phy: int,
    sid: int,
    scan_request_events: int,
) -> bytes:
    """Make a set, or change one that is not enabled. `secondary_max_skip` is only a permission."""
    require(handle <= _MAX_HANDLE and sid <= _MAX_SID)
    require(own_address_type <= 3 and peer_address_type <= 1 and filter_policy <= 3)
    require(scan_request_events <= 1)
    require(tx_power <= MAX_POWER_DBM or tx_power == _NO_PREFERENCE)
    shortest, longest = (
        int.from_bytes(interval_min, "little"),
        int.from_bytes(interval_max, "little"),
    )
    if not properties & _HIGH_DUTY:
        require(MIN_INTERVAL <= shortest <= longest)
    _check_properties(properties, primary_phy, secondary_phy)
    if not properties & _LEGACY:
        support(controller.layer.limits.has(primary_phy, secondary_phy))
    advertiser = controller.layer.advertisers.get(handle)
    if advertiser is None:
        if len(controller.layer.advertisers) >= MAX_ADVERTISING_SETS:
            raise CommandError(HciErrorCode.MEMORY_CAPACITY_EXCEEDED)
        advertiser = Advertiser(controller.layer, handle)
    allow(not advertiser.enabled)
    if properties & _LEGACY:
        require(max(len(advertiser.data), len(advertiser.scan_response)) <= LEGACY_DATA_OCTETS)
    power = controller.layer.tx_power_dbm if tx_power == _NO_PREFERENCE else tx_power
    advertiser.parameters = AdvertisingSetParameters(
        connectable=bool(properties & _CONNECTABLE),
        scannable=bool(properties & _SCANNABLE),
        directed=bool(properties & _DIRECTED),
        high_duty=bool(properties & _HIGH_DUTY),
        legacy=bool(properties & _LEGACY),
        anonymous=bool(properties & _ANONYMOUS),
        include_tx_power=bool(properties & _TX_POWER),
        interval_us=shortest * INTERVAL_UNIT_US,
        channels=channels_of(channel_map),
        own_address_type=own_address_type,
        peer=DeviceAddress(peer_address, bool(peer_address_type)),
        filter_policy=filter_policy,
        tx_power_dbm=power,
        primary_phy=primary_phy,
        secondary_phy=secondary_phy if not properties & _LEGACY else phy.LE_1M,
        sid=sid,
        scan_request_events=bool(scan_request_events),
    )
    controller.layer.advertisers[handle] = advertiser
    return struct.pack("<b", power)


def _check_properties(properties: int, primary_phy: int, secondary_phy: int) -> None:
    require(properties < 1 << 7)
    require(primary_phy in (phy.LE_1M, phy.LE_CODED))
    if properties & _LEGACY:
        require(properties in _LEGACY_TYPES and primary_phy == phy.LE_1M)
        return
    require(secondary_phy in (phy.LE_1M, phy.LE_2M, phy.LE_CODED))
    require(not (properties & _CONNECTABLE and properties & _SCANNABLE))
    require(not properties & _HIGH_DUTY)
    require(not (properties & _ANONYMOUS and properties & (_CONNECTABLE | _SCANNABLE)))


class Assembly(NamedTuple):
    """Data that comes in fragments: what is there so far."""

    data: bytes = b""
    open: bool = False


def _assemble(advertiser: Advertiser, current: Assembly, operation: int, data: bytes) -> Assembly:
    """Add a fragment. Raises: CommandError when it does not fit where it comes."""
    require(operation <= _UNCHANGED)
    if operation in (_COMPLETE, _FIRST):
        allow(operation == _COMPLETE or not advertiser.enabled)
        return Assembly(data, operation == _FIRST)
    allow(not advertiser.enabled or operation == _UNCHANGED)
    require(current.open and bool(data))
    if len(current.data) + len(data) > MAX_DATA_OCTETS:
        raise CommandError(HciErrorCode.MEMORY_CAPACITY_EXCEEDED)
    return Assembly(current.data + data, operation == _INTERMEDIATE)


def _checked_fragment(advertiser: Advertiser, operation: int, length: int, data: bytes) -> None:
    require(length == len(data))
    if advertiser.parameters.legacy:
        require(operation == _COMPLETE and length <= LEGACY_DATA_OCTETS)


@command(0x2037, "LE Set Extended Advertising Data", "BBBB", bit=(36, 3), tail=True)
def set_data(
    controller: Controller, handle: int, operation: int, fragment: int, length: int, data: bytes
) -> None:
    """What a set says. `fragment` is only a preference about packets on air."""
    advertiser = _set_of(controller, handle)
    require(fragment <= 1)
    if operation == _UNCHANGED:
        _new_identifier(controller, advertiser, length)
        return
    require(advertiser.parameters.legacy or not advertiser.parameters.scannable or not data)
    _checked_fragment(advertiser, operation, length, data)
    current = Assembly(advertiser.data, advertiser.data_open)
    advertiser.data, advertiser.data_open = _assemble(advertiser, current, operation, data)
    advertiser.data_identifier = controller.layer.radio.random.randrange(1 << 12)


def _new_identifier(controller: Controller, advertiser: Advertiser, length: int) -> None:
    """The data stays; scanners shall take it for new."""
    require(length == 0 and advertiser.enabled and not advertiser.parameters.legacy)
    require(bool(advertiser.data))
    advertiser.data_identifier = controller.layer.radio.random.randrange(1 << 12)


@command(0x2038, "LE Set Extended Scan Response Data", "BBBB", bit=(36, 4), tail=True)
def set_scan_response(
    controller: Controller, handle: int, operation: int, fragment: int, length: int, data: bytes
) -> None:
    """What a set answers to scan requests."""
    advertiser = _set_of(controller, handle)
    require(fragment <= 1 and operation != _UNCHANGED)
    require(advertiser.parameters.scannable or not data)
    _checked_fragment(advertiser, operation, length, data)
    current = Assembly(advertiser.scan_response, advertiser.scan_response_open)
    advertiser.scan_response, advertiser.scan_response_open = _assemble(
        advertiser, current, operation, data
    )


@command(0x2039, "LE Set Extended Advertising Enable", "BB", bit=(36, 5), tail=True)
def set_enable(controller: Controller, enable: int, count: int, rows: bytes) -> None:
    """Start or stop sets, all of them or none if one cannot start."""
    require(enable <= 1 and len(rows) == count * _SET.size)
    wanted = list(_SET.iter_unpack(rows))
    require(len({handle for handle, _, _ in wanted}) == count)
    if not enable:
        sets = [_set_of(controller, handle) for handle, _, _ in wanted]
        for advertiser in sets or list(controller.layer.advertisers.values()):
            advertiser.stop()
        return
    require(count > 0)
    starts = [
        (_set_of(controller, handle), duration * _DURATION_UNIT_US, events)
        for handle, duration, events in wanted
    ]
    ready = [(_ready(controller, *start), start) for start in starts]
    for own, (advertiser, duration_us, events) in ready:
        advertiser.enable(own, duration_us, events)


def _ready(
    controller: Controller, advertiser: Advertiser, duration_us: int, _events: int
) -> DeviceAddress:
    """Check that a set can start, and change nothing. Returns: the address it starts with."""
    parameters = advertiser.parameters
    if parameters.high_duty:
        require(0 < duration_us <= HIGH_DUTY_US)
    allow(not (advertiser.data_open or advertiser.scan_response_open))
    if not parameters.legacy and parameters.scannable:
        allow(bool(advertiser.scan_response))
    unchained = not parameters.legacy and parameters.connectable
    if unchained and len(advertiser.data) > CONNECTABLE_DATA_OCTETS:
        raise CommandError(HciErrorCode.PACKET_TOO_LONG)
    if parameters.connectable and not controller.layer.has_room_for_link():
        raise CommandError(HciErrorCode.CONNECTION_LIMIT_EXCEEDED)
    return controller.own_address(
        parameters.own_address_type, advertiser.random_address, parameters.peer
    )


@command(0x203C, "LE Remove Advertising Set", "B", bit=(37, 0))
def remove_set(controller: Controller, handle: int) -> None:
    """Remove a set that is not enabled."""
    advertiser = _set_of(controller, handle)
    allow(not advertiser.enabled)
    del controller.layer.advertisers[handle]


@command(0x203D, "LE Clear Advertising Sets", bit=(37, 1))
def clear_sets(controller: Controller) -> None:
    """Remove all sets."""
    allow(not any(advertiser.enabled for advertiser in controller.layer.advertisers.values()))
    controller.layer.advertisers.clear()
