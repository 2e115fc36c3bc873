"""Link layer procedures that take effect at an instant: PHY, connection parameters, channel map.

Spec: Vol 6, Part B, 5.1.1, 5.1.2, 5.1.7 and 5.1.10. The central announces a change with the number
of a connection event some way ahead, and both ends act in that event. Were each to act when it has
sent or received the announcement, they would use different channels or PHYs for as long as it takes
to get through, and never hear each other again if it is lost.

Here the link makes the change for both ends when the instant comes (`AirLink.at_instant`), so the
PDUs that announce it have nothing to do when they arrive but end the wait for an answer. Which
values are to be used is settled when the procedure is decided, not read out of the PDU: both come
from the same lines of code.

Before a change takes effect the link's meter counts the idle events until then (`account`), as they
went by the rules that are about to go. Data lengths follow from PHY and interval, so they are
computed anew after both changes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bleio.core.codes import HciErrorCode
from bleio.radio.air import phy
from bleio.radio.connection import data_length
from bleio.radio.connection.control_pdus import LlOpcode, on, send
from bleio.radio.connection.parameters import (
    INTERVAL_UNIT_US,
    TIMEOUT_UNIT_US,
    ConnectionParameters,
)
from bleio.radio.connection.procedures import WITH_INSTANT

if TYPE_CHECKING:
    from bleio.radio.connection.end import LinkEnd
    from bleio.radio.connection.link import AirLink


def _collision(central: LinkEnd, asked: LlOpcode) -> int:
    """Why a central refuses its peripheral's request, as it changes something itself; 0 if not.

    A peripheral answers in such a case: the procedure of the central goes on.
    Spec: Vol 6, Part B, 5.3.
    """
    own = central.procedures.own
    if own not in WITH_INSTANT:
        return 0
    if own == asked:
        return HciErrorCode.LL_PROCEDURE_COLLISION
    return HciErrorCode.DIFFERENT_TRANSACTION_COLLISION


def _announced(peripheral: LinkEnd, instant: int) -> None:
    """Take part in the central's change until its instant, if that is still to come."""
    if 0 < instant - peripheral.link.schedule.last_event & 0xFFFF < 0x8000:
        peripheral.procedures.peer_began()


# -- PHY --


def start_phy(end: LinkEnd, tx_mask: int, rx_mask: int) -> None:
    """Ask for other PHYs; masks of what we would like to send and receive on."""
    end.procedures.begin(LlOpcode.PHY_UPDATE_IND, _ask_phys, end, tx_mask, rx_mask)


def _ask_phys(end: LinkEnd, tx_mask: int, rx_mask: int) -> None:
    end.procedures.expect(LlOpcode.PHY_UPDATE_IND)
    end.negotiated.phy_wish = (tx_mask, rx_mask)
    send(end, LlOpcode.PHY_REQ, tx_mask, rx_mask)


@on(LlOpcode.PHY_REQ, "BB")
def _phy_req(end: LinkEnd, peer_tx: int, peer_rx: int) -> None:
    if not end.layer.limits.has_phys:
        send(end, LlOpcode.UNKNOWN_RSP, LlOpcode.PHY_REQ)
    elif end.role:
        end.procedures.peer_began()
        send(end, LlOpcode.PHY_RSP, *end.layer.default_phys)
    elif collision := _collision(end, LlOpcode.PHY_UPDATE_IND):
        send(end, LlOpcode.REJECT_EXT_IND, LlOpcode.PHY_REQ, collision)
    else:
        end.procedures.peer_began()
        _decide_phys(end, end.layer.default_phys, (peer_tx, peer_rx))


@on(LlOpcode.PHY_RSP, "BB")
def _phy_rsp(end: LinkEnd, peer_tx: int, peer_rx: int) -> None:
    _decide_phys(end, end.negotiated.phy_wish, (peer_tx, peer_rx))


def _decide_phys(central: LinkEnd, own: tuple[int, int], peer: tuple[int, int]) -> None:
    # The current PHY is kept where the two sides have nothing in common.
    to_peripheral = _choose(own[0] & peer[1], central.negotiated.tx_phy)
    to_central = _choose(own[1] & peer[0], central.other.negotiated.tx_phy)
    if not (to_peripheral or to_central):
        send(central, LlOpcode.PHY_UPDATE_IND, 0, 0, 0)
        _apply_phys(central.link, 0, 0)
        return
    instant = central.link.at_instant(_apply_phys, central.link, to_peripheral, to_central)
    send(central, LlOpcode.PHY_UPDATE_IND, _mask(to_peripheral), _mask(to_central), instant)


def _choose(common: int, current: int) -> int:
    """The PHY to change to, 0 for no change."""
    chosen = phy.phy_of_mask(common) if common else current
    return 0 if chosen == current else chosen


def _mask(phy_: int) -> int:
    return 1 << phy_ - 1 if phy_ else 0


@on(LlOpcode.PHY_UPDATE_IND, "BBH")
def _phy_update_ind(end: LinkEnd, to_peripheral: int, to_central: int, instant: int) -> None:
    if to_peripheral or to_central:
        return
    if end.procedures.settle(LlOpcode.PHY_UPDATE_IND):
        end.layer.host.phy_updated(end, HciErrorCode.SUCCESS)
    end.procedures.peer_ended()


def _apply_phys(link: AirLink, to_peripheral: int, to_central: int) -> None:
    link.meter.account()
    for end, phy_ in ((link.central, to_peripheral), (link.peripheral, to_central)):
        if phy_:
            end.negotiated.use_phy(phy_)
    changed = bool(to_peripheral or to_central)
    for end in (link.central, link.peripheral):
        asked = (changed or not end.role) and end.procedures.settle(LlOpcode.PHY_UPDATE_IND)
        if asked or changed:
            end.layer.host.phy_updated(end, HciErrorCode.SUCCESS)
        data_length.update(end)
        if changed or not end.role:
            end.procedures.peer_ended()


# -- connection parameters and channels --


def update_parameters(central: LinkEnd, parameters: ConnectionParameters) -> None:
    """The central changes interval, latency and time-out at an instant."""
    central.procedures.begin(
        LlOpcode.CONNECTION_UPDATE_IND, announce_parameters, central, parameters
    )


def announce_parameters(central: LinkEnd, parameters: ConnectionParameters) -> None:
    """Send the instant of a change, now: it is the central's turn or the peripheral has asked."""
    link = central.link
    link.updating = True
    central.max_event_us = parameters.max_event_us
    instant = link.at_instant(_apply_parameters, link, parameters)
    send(
        central,
        LlOpcode.CONNECTION_UPDATE_IND,
        1,
        0,
        parameters.interval_us // INTERVAL_UNIT_US,
        parameters.latency,
        parameters.timeout_us // TIMEOUT_UNIT_US,
        instant,
    )


@on(LlOpcode.CONNECTION_UPDATE_IND, "BHHHHH")
def _connection_update_ind(end: LinkEnd, *fields: int) -> None:
    end.procedures.answered(LlOpcode.CONNECTION_UPDATE_IND)
    _announced(end, fields[-1])


def _apply_parameters(link: AirLink, parameters: ConnectionParameters) -> None:
    link.updating = False
    link.set_parameters(parameters)
    for end in (link.central, link.peripheral):
        end.layer.host.parameters_updated(end, HciErrorCode.SUCCESS)
        data_length.update(end)
        end.procedures.settle(LlOpcode.CONNECTION_UPDATE_IND)
        end.procedures.peer_ended()


def request_parameters(
    peripheral: LinkEnd, interval_min: int, interval_max: int, latency: int, timeout: int
) -> None:
    """The peripheral asks the central for other parameters (units of HCI)."""
    peripheral.procedures.begin(
        LlOpcode.CONNECTION_UPDATE_IND,
        _ask_parameters,
        *(peripheral, interval_min, interval_max, latency, timeout),
    )


def _ask_parameters(
    peripheral: LinkEnd, interval_min: int, interval_max: int, latency: int, timeout: int
) -> None:
    peripheral.procedures.expect(LlOpcode.CONNECTION_UPDATE_IND)
    send(
        peripheral,
        LlOpcode.CONNECTION_PARAM_REQ,
        *(interval_min, interval_max, latency, timeout),
        *(0, 0, 0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF),
    )


@on(LlOpcode.CONNECTION_PARAM_REQ, "HHHHBHHHHHHH")
def _connection_param_req(
    end: LinkEnd, interval_min: int, interval_max: int, latency: int, timeout: int, *_: int
) -> None:
    wanted = (interval_min, interval_max, latency, timeout)
    if collision := _collision(end, LlOpcode.CONNECTION_UPDATE_IND):
        reject_parameters(end, collision)
    elif end.layer.host.parameters_requested(end, wanted):
        end.procedures.peer_began()
        end.procedures.expect(LlOpcode.CONNECTION_PARAM_REQ)
    else:
        reject_parameters(end, HciErrorCode.UNSUPPORTED_REMOTE_FEATURE)


def reject_parameters(end: LinkEnd, reason: int) -> None:
    """Refuse the other end's parameter request."""
    end.procedures.peer_ended()
    send(end, LlOpcode.REJECT_EXT_IND, LlOpcode.CONNECTION_PARAM_REQ, reason)


@on(LlOpcode.REJECT_EXT_IND, "BB")
def _reject_ext_ind(end: LinkEnd, opcode: int, reason: int) -> None:
    if opcode == LlOpcode.ENC_REQ:
        end.procedures.settle(LlOpcode.START_ENC_RSP)
        end.release_data()
        end.layer.host.encryption_refused(end, reason)
    elif opcode == LlOpcode.PHY_REQ:
        end.procedures.settle(LlOpcode.PHY_UPDATE_IND)
        end.layer.host.phy_updated(end, reason)
    elif end.procedures.settle(LlOpcode.CONNECTION_UPDATE_IND):
        end.layer.host.parameters_updated(end, reason)


def update_channel_map(central: LinkEnd, channel_map: int) -> None:
    """The central uses other data channels from an instant on."""
    channels = central.link.channels
    channels.wanted = channel_map
    if channels.changing or channel_map == channels.in_use:
        return
    channels.changing = True
    central.procedures.begin(LlOpcode.CHANNEL_MAP_IND, _announce_channel_map, central)


def _announce_channel_map(central: LinkEnd) -> None:
    link, channel_map = central.link, central.link.channels.wanted
    instant = link.at_instant(_apply_channel_map, link, channel_map)
    send(central, LlOpcode.CHANNEL_MAP_IND, channel_map.to_bytes(5, "little"), instant)


@on(LlOpcode.CHANNEL_MAP_IND, "5sH")
def _channel_map_ind(end: LinkEnd, _channel_map: bytes, instant: int) -> None:
    _announced(end, instant)


def _apply_channel_map(link: AirLink, channel_map: int) -> None:
    link.channels.changing = False
    link.meter.account()
    link.channels.in_use = channel_map
    link.peripheral.procedures.peer_ended()
    link.central.procedures.settle(LlOpcode.CHANNEL_MAP_IND)
    update_channel_map(link.central, link.channels.wanted)
