"""How long data PDUs may be, in octets and in time. Spec: Vol 6, Part B, 4.5.10 and 5.1.9.

Each end tells the other what it can receive and would like to send, in octets and in microseconds;
both limits hold, the lesser of what one end wishes and the other takes. Time matters because a PHY
can change afterwards: 251 octets are 2.1 ms at 1M and 17 ms on the Coded PHY.

What the two ends agree on is one thing, what follows from it another: on the Coded PHY a packet
must leave room for the answer before the next anchor point. So the limits in force are computed
anew whenever an agreement, a PHY or the interval changes, and the host is told if they differ.
Nothing that is queued is concerned, as data is cut into PDUs when it is sent (`SendQueue.take`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bleio.radio.air import phy
from bleio.radio.connection.cipher import MIC_OCTETS
from bleio.radio.connection.control_pdus import LlOpcode, on, send
from bleio.radio.connection.negotiated import (
    MIN_OCTETS,
    DataLength,
    Limit,
    air_time_us,
)

if TYPE_CHECKING:
    from bleio.radio.connection.end import LinkEnd

_CODED_MIN_US = air_time_us(MIN_OCTETS, phy.LE_CODED)


def in_force(end: LinkEnd) -> DataLength:
    """What follows from the agreement, the PHYs and the interval as they are now."""
    agreed = end.negotiated
    tx = _lesser(agreed.wished_tx, agreed.peer_rx)
    rx = _lesser(end.layer.limits.longest, agreed.peer_tx)
    if end.other.negotiated.tx_phy == phy.LE_CODED:
        rx = rx._replace(time_us=max(_CODED_MIN_US, rx.time_us))
    if agreed.tx_phy == phy.LE_CODED:
        answer_us = min(rx.time_us, air_time_us(rx.octets, phy.LE_CODED))
        room_us = end.link.interval_us - 2 * phy.T_IFS_US - answer_us
        tx = tx._replace(time_us=max(_CODED_MIN_US, min(tx.time_us, room_us)))
    return DataLength(tx, rx)


def _lesser(one: Limit, other: Limit) -> Limit:
    return Limit(min(one.octets, other.octets), min(one.time_us, other.time_us))


def set_limits(end: LinkEnd) -> bool:
    """Put into force what follows. Returns: whether that is something new to the host."""
    agreed = end.negotiated
    former, agreed.length = agreed.length, in_force(end)
    tx = agreed.length.tx
    in_time = phy.payload_octets(tx.time_us, agreed.tx_phy) - MIC_OCTETS
    agreed.pdu_octets = min(tx.octets, in_time)
    return agreed.length != former


def update(end: LinkEnd) -> None:
    """Put into force what has changed, and tell the host."""
    if set_limits(end):
        end.layer.host.data_length_changed(end)


def start(end: LinkEnd) -> None:
    """Tell the peer our limits and learn its own, unless it was told the same before."""
    end.procedures.begin(LlOpcode.LENGTH_RSP, _ask, end)


def _ask(end: LinkEnd) -> None:
    agreed = end.negotiated
    if agreed.asked_tx == agreed.wished_tx:
        end.procedures.settle(LlOpcode.LENGTH_RSP)
        return
    agreed.asked_tx = agreed.wished_tx
    end.procedures.expect(LlOpcode.LENGTH_RSP)
    send(end, LlOpcode.LENGTH_REQ, *end.layer.limits.longest, *agreed.wished_tx)


@on(LlOpcode.LENGTH_REQ, "HHHH")
def _length_req(end: LinkEnd, rx_octets: int, rx_us: int, tx_octets: int, tx_us: int) -> None:
    if not end.layer.limits.has_data_length:
        send(end, LlOpcode.UNKNOWN_RSP, LlOpcode.LENGTH_REQ)
        return
    send(end, LlOpcode.LENGTH_RSP, *end.layer.limits.longest, *end.negotiated.wished_tx)
    _agree(end, Limit(rx_octets, rx_us), Limit(tx_octets, tx_us))


@on(LlOpcode.LENGTH_RSP, "HHHH")
def _length_rsp(end: LinkEnd, rx_octets: int, rx_us: int, tx_octets: int, tx_us: int) -> None:
    _agree(end, Limit(rx_octets, rx_us), Limit(tx_octets, tx_us))
    end.procedures.settle(LlOpcode.LENGTH_RSP)


def _agree(end: LinkEnd, peer_rx: Limit, peer_tx: Limit) -> None:
    end.negotiated.peer_rx, end.negotiated.peer_tx = peer_rx, peer_tx
    update(end)
