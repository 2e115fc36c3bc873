"""Commands on connections. Spec: Vol 4, Part E, 7.1.6, 7.1.23, 7.5.4 and parts of 7.8.

Most start a procedure of the link layer (`connection/control.py` and its neighbours) whose result
is an event, and one procedure of a kind at a time: a command that comes while the end still waits
for the answer to the last one is refused. Data length is the exception, as the specification has
it; a second wish is kept until the first is agreed.
"""

from __future__ import annotations

import struct

from bleio.core.codes import HciErrorCode
from bleio.radio.air import phy
from bleio.radio.air.hopping import ALL_DATA_CHANNELS
from bleio.radio.connection import control, data_length, negotiated, updates
from bleio.radio.connection.control_pdus import LlOpcode
from bleio.radio.connection.end import CENTRAL, LinkEnd
from bleio.radio.connection.negotiated import Limit
from bleio.radio.controller.core import Controller
from bleio.radio.controller.dispatch import CommandError, allow, command, require, support
from bleio.radio.controller.initiating import connection_parameters

# Reasons a host may give. Spec: Vol 4, Part E, 7.1.6.
_REASONS = {0x05, 0x13, 0x14, 0x15, 0x1A, 0x29, 0x3B}
_MIN_DATA_CHANNELS = 2


def link_end(controller: Controller, handle: int) -> LinkEnd:
    """The link with this handle.

    Raises: CommandError Unknown Connection Identifier.
    """
    end = controller.layer.links.get(handle)
    if end is None:
        raise CommandError(HciErrorCode.UNKNOWN_CONNECTION_IDENTIFIER)
    return end


@command(0x0406, "Disconnect", "HB", bit=(0, 5), pending=True)
def disconnect(controller: Controller, handle: int, reason: int) -> None:
    """End a link."""
    end = link_end(controller, handle)
    require(reason in _REASONS)
    allow(not end.procedures.awaits(LlOpcode.TERMINATE_IND))
    control.terminate(end, reason)


@command(0x041D, "Read Remote Version Information", "H", bit=(2, 7), pending=True)
def read_remote_version(controller: Controller, handle: int) -> None:
    """Ask the peer's version."""
    end = link_end(controller, handle)
    allow(not end.procedures.awaits(LlOpcode.VERSION_IND))
    controller.after_reply(control.start_version, end)


@command(0x2016, "LE Read Remote Features", "H", bit=(27, 5), pending=True)
def read_remote_features(controller: Controller, handle: int) -> None:
    """Ask the peer's features."""
    end = link_end(controller, handle)
    allow(not end.procedures.awaits(LlOpcode.FEATURE_RSP))
    control.start_features(end)


@command(0x1405, "Read RSSI", "H", bit=(15, 5), returns=3, echo=2)
def read_rssi(controller: Controller, handle: int) -> bytes:
    """Strength of what the peer sends."""
    other = link_end(controller, handle).other
    rssi = controller.layer.radio.rssi_dbm(
        other.layer.station, controller.layer.station, other.tx_power_dbm
    )
    return struct.pack("<Hb", handle, rssi)


@command(0x2013, "LE Connection Update", "HHHHHHH", bit=(27, 2), pending=True)
def connection_update(controller: Controller, handle: int, *timing: int) -> None:
    """Change interval, latency and time-out; a peripheral has to ask its central."""
    end = link_end(controller, handle)
    parameters = connection_parameters(*timing)
    if end.role == CENTRAL:
        allow(not end.link.updating)
        allow(not end.procedures.awaits(LlOpcode.CONNECTION_UPDATE_IND))
        updates.update_parameters(end, parameters)
    else:
        allow(not end.procedures.awaits(LlOpcode.CONNECTION_UPDATE_IND))
        end.max_event_us = parameters.max_event_us
        updates.request_parameters(end, *timing[:4])


@command(
    0x2020,
    "LE Remote Connection Parameter Request Reply",
    "HHHHHHH",
    bit=(33, 4),
    returns=2,
    echo=2,
)
def parameter_request_reply(controller: Controller, handle: int, *timing: int) -> bytes:
    """The central's host agrees to its peripheral's request."""
    end = link_end(controller, handle)
    parameters = connection_parameters(*timing)
    allow(end.procedures.settle(LlOpcode.CONNECTION_PARAM_REQ))
    end.procedures.answer(updates.announce_parameters, end, parameters)
    return struct.pack("<H", handle)


@command(
    0x2021,
    "LE Remote Connection Parameter Request Negative Reply",
    "HB",
    bit=(33, 5),
    returns=2,
    echo=2,
)
def parameter_request_refusal(controller: Controller, handle: int, reason: int) -> bytes:
    """The central's host does not agree."""
    end = link_end(controller, handle)
    allow(end.procedures.settle(LlOpcode.CONNECTION_PARAM_REQ))
    end.procedures.answer(updates.reject_parameters, end, reason)
    return struct.pack("<H", handle)


def _limit(controller: Controller, tx_octets: int, tx_time_us: int) -> Limit:
    """What the host would like, as far as the controller can."""
    require(negotiated.MIN_OCTETS <= tx_octets <= negotiated.MAX_OCTETS)
    require(negotiated.MIN_US <= tx_time_us <= negotiated.MAX_US)
    longest = controller.layer.limits.longest
    return Limit(min(tx_octets, longest.octets), min(tx_time_us, longest.time_us))


@command(0x2022, "LE Set Data Length", "HHH", bit=(33, 6), returns=2, echo=2)
def set_data_length(controller: Controller, handle: int, tx_octets: int, tx_time_us: int) -> bytes:
    """Ask for larger data PDUs on one link."""
    end = link_end(controller, handle)
    end.negotiated.wished_tx = _limit(controller, tx_octets, tx_time_us)
    data_length.start(end)
    return struct.pack("<H", handle)


@command(0x2024, "LE Write Suggested Default Data Length", "HH", bit=(34, 0))
def write_default_data_length(controller: Controller, tx_octets: int, tx_time_us: int) -> None:
    """Ask for larger data PDUs on new links."""
    controller.layer.default_tx = _limit(controller, tx_octets, tx_time_us)


@command(0x2030, "LE Read PHY", "H", bit=(35, 4), returns=4, echo=2)
def read_phy(controller: Controller, handle: int) -> bytes:
    """PHYs in use."""
    end = link_end(controller, handle)
    return struct.pack("<HBB", handle, end.negotiated.tx_phy, end.other.negotiated.tx_phy)


def _preferences(controller: Controller, all_phys: int, tx: int, rx: int) -> tuple[int, int]:
    phys = controller.layer.limits.phys
    require(all_phys <= 3)
    masks = (phys if all_phys & 1 else tx, phys if all_phys & 2 else rx)
    require(all(0 < mask <= phy.ALL_PHYS for mask in masks))
    support(not any(mask & ~phys for mask in masks))
    return masks


@command(0x2031, "LE Set Default PHY", "BBB", bit=(35, 5))
def set_default_phy(controller: Controller, all_phys: int, tx: int, rx: int) -> None:
    """What to agree to when a peer asks for other PHYs."""
    controller.layer.default_phys = _preferences(controller, all_phys, tx, rx)


@command(0x2032, "LE Set PHY", "HBBBH", bit=(35, 6), pending=True)
def set_phy(
    controller: Controller, handle: int, all_phys: int, tx: int, rx: int, options: int
) -> None:
    """Ask for other PHYs; the options only prefer a coding, and ours is always S=8."""
    end = link_end(controller, handle)
    tx_mask, rx_mask = _preferences(controller, all_phys, tx, rx)
    require(options <= 2)
    allow(not end.procedures.awaits(LlOpcode.PHY_UPDATE_IND))
    updates.start_phy(end, tx_mask, rx_mask)


@command(0x2014, "LE Set Host Channel Classification", "5s", bit=(27, 3))
def set_channel_classification(controller: Controller, channels: bytes) -> None:
    """Leave out data channels on the links where we are central."""
    channel_map = int.from_bytes(channels, "little")
    require(channel_map <= ALL_DATA_CHANNELS)
    require(channel_map.bit_count() >= _MIN_DATA_CHANNELS)
    controller.layer.channel_map = channel_map
    for end in controller.layer.links.values():
        if end.role == CENTRAL:
            updates.update_channel_map(end, channel_map)


@command(0x2015, "LE Read Channel Map", "H", bit=(27, 4), returns=7, echo=2)
def read_channel_map(controller: Controller, handle: int) -> bytes:
    """Data channels in use on a link."""
    channel_map = link_end(controller, handle).link.channels.in_use
    return struct.pack("<H", handle) + channel_map.to_bytes(5, "little")
