"""Link layer control PDUs: version, features, data length, PHY, parameters, channels, the end.

Spec: Vol 6, Part B, 2.4.2 (layouts) and 5.1 (procedures). The encryption procedures are in
`encryption.py`. Peers are always controllers of this radio, so PDUs are well-formed.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from enum import IntEnum
from typing import TYPE_CHECKING, Any

from bleio.core.codes import HciErrorCode
from bleio.radio import phy

if TYPE_CHECKING:
    from bleio.radio.initiator import ConnectionParameters
    from bleio.radio.link import Link
    from bleio.radio.link_end import LinkEnd

LL_FEATURES = (
    1 << 0  # LE Encryption
    | 1 << 1  # Connection Parameters Request procedure
    | 1 << 2  # Extended Reject Indication
    | 1 << 3  # Peripheral-initiated Features Exchange
    | 1 << 5  # LE Data Packet Length Extension
    | 1 << 6  # LL Privacy
    | 1 << 7  # Extended Scanning Filter Policies
    | 1 << 8  # LE 2M PHY
    | 1 << 11  # LE Coded PHY
    | 1 << 12  # LE Extended Advertising
    | 1 << 14  # Channel Selection Algorithm #2
)
# Bits that say something of this controller alone and are not told to a peer.
_OWN_FEATURES = 1 << 6 | 1 << 7 | 1 << 12
VERSION = struct.pack("<BHH", 0x0C, 0xFFFF, 0x0001)  # 5.3, no company, subversion 1

MAX_OCTETS = 251
MIN_OCTETS = 27
INTERVAL_UNIT_US = 1_250
TIMEOUT_UNIT_US = 10_000


class Opcode(IntEnum):
    """Opcodes of LL control PDUs."""

    CONNECTION_UPDATE_IND = 0x00
    CHANNEL_MAP_IND = 0x01
    TERMINATE_IND = 0x02
    ENC_REQ = 0x03
    ENC_RSP = 0x04
    START_ENC_REQ = 0x05
    START_ENC_RSP = 0x06
    UNKNOWN_RSP = 0x07
    FEATURE_REQ = 0x08
    FEATURE_RSP = 0x09
    PAUSE_ENC_REQ = 0x0A
    PAUSE_ENC_RSP = 0x0B
    VERSION_IND = 0x0C
    REJECT_IND = 0x0D
    PERIPHERAL_FEATURE_REQ = 0x0E
    CONNECTION_PARAM_REQ = 0x0F
    REJECT_EXT_IND = 0x11
    LENGTH_REQ = 0x14
    LENGTH_RSP = 0x15
    PHY_REQ = 0x16
    PHY_RSP = 0x17
    PHY_UPDATE_IND = 0x18


Handler = Callable[..., None]
_HANDLERS: dict[int, tuple[struct.Struct, Handler]] = {}


def on(opcode: Opcode, layout: str = "") -> Callable[[Handler], Handler]:
    """Enter the decorated `handler(end, *fields)` into the table of PDUs."""

    def enter(handler: Handler) -> Handler:
        _HANDLERS[opcode] = (struct.Struct("<" + layout), handler)
        return handler

    return enter


def send(end: LinkEnd, opcode: Opcode, *fields: Any, after_data: bool = False) -> None:
    """Queue a control PDU."""
    layout, _ = _HANDLERS[opcode]
    end.send_control(bytes((opcode,)) + layout.pack(*fields), after_data=after_data)


def received(end: LinkEnd, pdu: bytes) -> None:
    """Take a control PDU from the other end."""
    layout, handler = _HANDLERS[pdu[0]]
    handler(end, *layout.unpack_from(pdu, 1))


# -- version and features --


def start_version(end: LinkEnd) -> None:
    """Ask for the peer's version, or tell the host at once when it is known already."""
    if end.peer_version is not None:
        end.controller.notices.remote_version(end, end.peer_version)
        return
    end.expect(Opcode.VERSION_IND)
    if not end.version_sent:
        end.version_sent = True
        send(end, Opcode.VERSION_IND, VERSION)


@on(Opcode.VERSION_IND, "5s")
def _version_ind(end: LinkEnd, version: bytes) -> None:
    end.peer_version = version
    if not end.version_sent:
        end.version_sent = True
        send(end, Opcode.VERSION_IND, VERSION)
    if end.settle(Opcode.VERSION_IND):
        end.controller.notices.remote_version(end, version)


def start_features(end: LinkEnd) -> None:
    """Ask for the peer's features."""
    end.expect(Opcode.FEATURE_RSP)
    request = Opcode.PERIPHERAL_FEATURE_REQ if end.role else Opcode.FEATURE_REQ
    send(end, request, LL_FEATURES & ~_OWN_FEATURES)


@on(Opcode.FEATURE_REQ, "Q")
@on(Opcode.PERIPHERAL_FEATURE_REQ, "Q")
def _feature_req(end: LinkEnd, _features: int) -> None:
    send(end, Opcode.FEATURE_RSP, LL_FEATURES & ~_OWN_FEATURES)


@on(Opcode.FEATURE_RSP, "Q")
def _feature_rsp(end: LinkEnd, features: int) -> None:
    if end.settle(Opcode.FEATURE_RSP):
        end.controller.notices.remote_features(end, features)


# -- data length --


def air_time_limit_us(octets: int) -> int:
    """Time an encrypted data PDU of this size takes at 1M, as data length events state it."""
    return (octets + 14) * 8


def start_data_length(end: LinkEnd) -> None:
    """Tell the peer our limits and learn its own; once more if that is just going on."""
    if end.awaits(Opcode.LENGTH_RSP):
        end.length_again = True
        return
    end.expect(Opcode.LENGTH_RSP)
    send(end, Opcode.LENGTH_REQ, *_limits(end))


def _limits(end: LinkEnd) -> tuple[int, int, int, int]:
    octets = end.wished_tx_octets
    return MAX_OCTETS, air_time_limit_us(MAX_OCTETS), octets, air_time_limit_us(octets)


@on(Opcode.LENGTH_REQ, "HHHH")
def _length_req(end: LinkEnd, rx_octets: int, rx_us: int, tx_octets: int, tx_us: int) -> None:
    send(end, Opcode.LENGTH_RSP, *_limits(end))
    _agree_length(end, rx_octets, tx_octets)


@on(Opcode.LENGTH_RSP, "HHHH")
def _length_rsp(end: LinkEnd, rx_octets: int, rx_us: int, tx_octets: int, tx_us: int) -> None:
    end.settle(Opcode.LENGTH_RSP)
    _agree_length(end, rx_octets, tx_octets)
    if end.length_again:
        end.length_again = False
        start_data_length(end)


def _agree_length(end: LinkEnd, peer_rx_octets: int, peer_tx_octets: int) -> None:
    agreed = (min(end.wished_tx_octets, peer_rx_octets), min(MAX_OCTETS, peer_tx_octets))
    if agreed != (end.tx_octets, end.rx_octets):
        end.tx_octets, end.rx_octets = agreed
        end.controller.notices.data_length_changed(end)


# -- PHY --


def start_phy(end: LinkEnd, tx_mask: int, rx_mask: int) -> None:
    """Ask for other PHYs; masks of what we would like to send and receive on."""
    end.expect(Opcode.PHY_UPDATE_IND)
    end.phy_wish = (tx_mask, rx_mask)
    send(end, Opcode.PHY_REQ, tx_mask, rx_mask)


@on(Opcode.PHY_REQ, "BB")
def _phy_req(end: LinkEnd, peer_tx: int, peer_rx: int) -> None:
    if end.role:
        send(end, Opcode.PHY_RSP, *end.controller.default_phys)
    else:
        _decide_phys(end, end.controller.default_phys, (peer_tx, peer_rx))


@on(Opcode.PHY_RSP, "BB")
def _phy_rsp(end: LinkEnd, peer_tx: int, peer_rx: int) -> None:
    _decide_phys(end, end.phy_wish, (peer_tx, peer_rx))


def _decide_phys(central: LinkEnd, own: tuple[int, int], peer: tuple[int, int]) -> None:
    # The current PHY is kept where the two sides have nothing in common.
    to_peripheral = _choose(own[0] & peer[1], central.tx_phy)
    to_central = _choose(own[1] & peer[0], central.other.tx_phy)
    if not (to_peripheral or to_central):
        send(central, Opcode.PHY_UPDATE_IND, 0, 0, 0)
        _apply_phys(central.link, 0, 0)
        return
    instant = central.link.at_instant(_apply_phys, central.link, to_peripheral, to_central)
    send(central, Opcode.PHY_UPDATE_IND, _mask(to_peripheral), _mask(to_central), instant)


def _choose(common: int, current: int) -> int:
    """The PHY to change to, 0 for no change."""
    chosen = phy.phy_of_mask(common) if common else current
    return 0 if chosen == current else chosen


def _mask(phy_: int) -> int:
    return 1 << phy_ - 1 if phy_ else 0


@on(Opcode.PHY_UPDATE_IND, "BBH")
def _phy_update_ind(end: LinkEnd, to_peripheral: int, to_central: int, instant: int) -> None:
    if not (to_peripheral or to_central) and end.settle(Opcode.PHY_UPDATE_IND):
        end.controller.notices.phy_updated(end)


def _apply_phys(link: Link, to_peripheral: int, to_central: int) -> None:
    link.central.tx_phy = to_peripheral or link.central.tx_phy
    link.peripheral.tx_phy = to_central or link.peripheral.tx_phy
    changed = bool(to_peripheral or to_central)
    for end in (link.central, link.peripheral):
        asked = (changed or not end.role) and end.settle(Opcode.PHY_UPDATE_IND)
        if asked or changed:
            end.controller.notices.phy_updated(end)


# -- connection parameters and channels --


def update_parameters(central: LinkEnd, parameters: ConnectionParameters) -> None:
    """The central changes interval, latency and time-out at an instant."""
    link = central.link
    link.updating = True
    instant = link.at_instant(_apply_parameters, link, parameters)
    send(
        central,
        Opcode.CONNECTION_UPDATE_IND,
        1,
        0,
        parameters.interval_us // INTERVAL_UNIT_US,
        parameters.latency,
        parameters.timeout_us // TIMEOUT_UNIT_US,
        instant,
    )


@on(Opcode.CONNECTION_UPDATE_IND, "BHHHHH")
def _connection_update_ind(end: LinkEnd, *_fields: int) -> None:
    end.settle(Opcode.CONNECTION_UPDATE_IND)


def _apply_parameters(link: Link, parameters: ConnectionParameters) -> None:
    link.updating = False
    link.set_parameters(parameters)
    for end in (link.central, link.peripheral):
        end.controller.notices.parameters_updated(end, HciErrorCode.SUCCESS)


def request_parameters(
    peripheral: LinkEnd, interval_min: int, interval_max: int, latency: int, timeout: int
) -> None:
    """The peripheral asks the central for other parameters (units of HCI)."""
    peripheral.expect(Opcode.CONNECTION_UPDATE_IND)
    send(
        peripheral,
        Opcode.CONNECTION_PARAM_REQ,
        *(interval_min, interval_max, latency, timeout),
        *(0, 0, 0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF),
    )


@on(Opcode.CONNECTION_PARAM_REQ, "HHHHBHHHHHHH")
def _connection_param_req(
    end: LinkEnd, interval_min: int, interval_max: int, latency: int, timeout: int, *_: int
) -> None:
    wanted = (interval_min, interval_max, latency, timeout)
    if end.controller.notices.parameters_requested(end, wanted):
        end.expect(Opcode.CONNECTION_PARAM_REQ)
    else:
        reject_parameters(end, HciErrorCode.UNSUPPORTED_REMOTE_FEATURE)


def reject_parameters(end: LinkEnd, reason: int) -> None:
    """Refuse the other end's parameter request."""
    send(end, Opcode.REJECT_EXT_IND, Opcode.CONNECTION_PARAM_REQ, reason)


@on(Opcode.REJECT_EXT_IND, "BB")
def _reject_ext_ind(end: LinkEnd, opcode: int, reason: int) -> None:
    if opcode == Opcode.ENC_REQ:
        end.settle(Opcode.START_ENC_RSP)
        end.release_data()
        end.controller.notices.encryption_refused(end, reason)
    elif end.settle(Opcode.CONNECTION_UPDATE_IND):
        end.controller.notices.parameters_updated(end, reason)


def update_channel_map(central: LinkEnd, channel_map: int) -> None:
    """The central uses other data channels from an instant on."""
    link = central.link
    link.wanted_channel_map = channel_map
    if link.changing_channels or channel_map == link.channel_map:
        return
    link.changing_channels = True
    instant = link.at_instant(_apply_channel_map, link, channel_map)
    send(central, Opcode.CHANNEL_MAP_IND, channel_map.to_bytes(5, "little"), instant)


@on(Opcode.CHANNEL_MAP_IND, "5sH")
def _channel_map_ind(_end: LinkEnd, _channel_map: bytes, _instant: int) -> None:
    """The instant does the rest, at both ends."""


def _apply_channel_map(link: Link, channel_map: int) -> None:
    link.changing_channels = False
    link.channel_map = channel_map
    update_channel_map(link.central, link.wanted_channel_map)


# -- the end --


def terminate(end: LinkEnd, reason: int) -> None:
    """Say goodbye after the data that is queued; if that cannot be said, the link times out."""
    end.expect(Opcode.TERMINATE_IND, end.link.timeout_us, HciErrorCode.CONNECTION_TIMEOUT)
    send(end, Opcode.TERMINATE_IND, reason, after_data=True)


@on(Opcode.TERMINATE_IND, "B")
def _terminate_ind(end: LinkEnd, reason: int) -> None:
    end.link.finish(reason, initiator=end.other)
