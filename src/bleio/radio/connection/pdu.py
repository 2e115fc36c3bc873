"""What captures see of a link: its packets as octets, idle events included."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from bleio.radio.air import phy
from bleio.radio.air.radio import AirPdu, Direction
from bleio.radio.connection.end import EMPTY, LinkEnd, Outgoing

if TYPE_CHECKING:
    from bleio.radio.connection.link import AirLink

_NOTHING = Outgoing(EMPTY, None)


def packet(
    link: AirLink,
    sender: LinkEnd,
    outgoing: Outgoing,
    header: int,
    event: int,
    at_us: int,
    crc_right: bool = True,
) -> AirPdu:
    """One packet of a link as it is on air."""
    payload, clear = outgoing.fragment.payload, b""
    if outgoing.sealing is not None:
        clear = bytes((header, len(payload))) + payload
        payload = outgoing.sealing.seal(header, payload)
    return AirPdu(
        at_us,
        link.channel(event),
        sender.tx_phy,
        link.access_address,
        sender.tx_power_dbm,
        sender.layer.station,
        bytes((header, len(payload))) + payload,
        Direction.TO_CENTRAL if sender.role else Direction.TO_PERIPHERAL,
        link.crc_init,
        crc_right,
        clear,
    )


def idle_event(link: AirLink, event: int, *, attended: bool) -> Iterator[AirPdu]:
    """An event in which nobody had anything to say: an empty packet each way, if both took part."""
    central, peripheral = link.central, link.peripheral
    at_us = link.anchor_us(event)
    if not central.gone:
        yield packet(link, central, _NOTHING, central.empty_header(), event, at_us)
    if attended:
        at_us += phy.air_time_us(0, central.tx_phy) + phy.T_IFS_US
        header = peripheral.empty_header(answers=True)
        yield packet(link, peripheral, _NOTHING, header, event, at_us)
