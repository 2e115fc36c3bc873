"""Requests to an advertising packet and what answers them. Spec: Vol 6, Part B, 4.4.2 to 4.4.4.

All listeners that want to ask do so one inter frame space (T_IFS, 150 us) after the packet they
have heard, and therefore at the same time: requests collide as they do in a real room, unless the
medium is told that nothing collides. An answer comes one T_IFS after those requests that reach the
advertiser, if it accepts the device that sent them.

The functions are parts of the event's generator (`event.py`): they yield times, and return when the
last packet ends. After each yield the host may have stopped the set; `event.on_air` says so.

Where nothing collides, of several connection requests only the first is sent. All would arrive,
one would win, and the others would each believe for six intervals in a connection that they do not
have: what happens on air only when two requests reach the advertiser by luck would be the rule.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING

from bleio.radio.advertising import pdu
from bleio.radio.advertising.connecting import ConnectRequest
from bleio.radio.advertising.listening import OpenWindow
from bleio.radio.advertising.scanner import ScanRequest
from bleio.radio.air import phy
from bleio.radio.air.medium import Transmission
from bleio.radio.air.radio import AuxiliaryType, Direction

if TYPE_CHECKING:
    from bleio.radio.advertising.event import AdvertisingEvent, Chain
    from bleio.radio.advertising.listening import AirRequest

Exchange = Generator[int, None, int]  # returns the end of the last packet


def exchange(
    event: AdvertisingEvent, heard: Transmission, requests: Sequence[AirRequest]
) -> Exchange:
    """Go through what follows a packet that was heard; connecting goes before scanning."""
    connecting = [each for each in requests if isinstance(each, ConnectRequest)]
    if not connecting:
        scanning = [each for each in requests if isinstance(each, ScanRequest)]
        return (yield from _scan(event, heard, scanning))
    if not event.medium.propagation.collisions:
        # Only one can win, and where nothing collides the others are not to suffer for asking.
        del connecting[1:]
    return (yield from _connect(event, heard, connecting))


def _ask(event: AdvertisingEvent, heard: Transmission, requests: Sequence[AirRequest]) -> None:
    """Put requests on air; they are all of the same length."""
    direction = Direction.ADVERTISING if event.parameters.legacy else Direction.AUXILIARY
    for request in requests:
        packet = request.packet = Transmission(
            request.station, heard.channel, heard.to_us + phy.T_IFS_US, request.OCTETS, heard.phy,
            request.power_dbm,
        )  # fmt: skip
        request.sent()
        event.radio.transmit(packet, request.encode, event, direction=direction)
        event.hold(packet.to_us)


def _arrives(event: AdvertisingEvent, request: AirRequest) -> bool:
    """Whether a request reaches the advertiser."""
    return event.on_air and event.medium.receives(request.packet, event.station)


def _count_listening(event: AdvertisingEvent, request: AirRequest) -> None:
    """A request was received; that it might come was counted with the packet it follows."""
    packet = request.packet
    event.station.rx_us += packet.to_us - packet.from_us - phy.sync_time_us(packet.phy)


# -- scanning --


def _scan(event: AdvertisingEvent, heard: Transmission, requests: list[ScanRequest]) -> Exchange:
    """SCAN_REQ and SCAN_RSP; one answer is for all that have asked."""
    _ask(event, heard, requests)
    asked = requests[0].packet
    yield asked.to_us
    arrived = [each for each in requests if _arrives(event, each)]
    if arrived:
        _count_listening(event, arrived[0])
    # Each is looked at: the host may want to know of all.
    accepted = [each for each in arrived if event.advertiser.accepts_scan(each.own)]
    if not accepted:
        for request in requests:
            request.unanswered()
        return asked.to_us
    last, received = yield from _respond(event, asked, requests)
    listeners = {each.listener for each in received}
    for request in requests:
        if request.scanner in listeners:
            request.answered(event)
        else:
            request.unanswered()
    return last.to_us


def _respond(event: AdvertisingEvent, asked: Transmission, requests: list[ScanRequest]) -> Chain:
    """Send the scan response. Returns: its last packet, and the windows that got it all."""
    asking = [OpenWindow(each.scanner, each.window) for each in requests]
    at_us = asked.to_us + phy.T_IFS_US
    if not event.parameters.legacy:
        kind = AuxiliaryType.SCAN_RSP
        return (
            yield from event.send_chain(
                pdu.auxiliary_scan_response, kind, asked.channel, event.scan_response, at_us, asking
            )
        )
    octets = pdu.ADDRESS_OCTETS + len(event.scan_response)
    response = event.packet(asked.channel, at_us, octets, asked.phy)
    event.send(response, pdu.scan_response, event)
    for request in requests:
        request.wait_until(response.to_us)
    yield response.to_us
    return response, event.receivers_of(response, asking)


# -- connecting --


def _connect(
    event: AdvertisingEvent, heard: Transmission, requests: list[ConnectRequest]
) -> Exchange:
    """CONNECT_IND, or AUX_CONNECT_REQ and AUX_CONNECT_RSP."""
    _ask(event, heard, requests)
    end_us = requests[0].packet.to_us
    yield end_us
    arrived = [each for each in requests if _arrives(event, each)]
    if event.advertiser.layer.refuses_connections:
        arrived.clear()
    if arrived:
        _count_listening(event, arrived[0])
    winner = next((each for each in arrived if event.advertiser.accepts_connection(each.own)), None)
    if event.parameters.legacy:
        for request in requests:
            request.conclude(event, at_central=True, at_peripheral=request is winner)
        return end_us
    response = None
    if winner is not None:
        response = _confirm(event, winner)
        end_us = response.to_us
        yield end_us
    for request in requests:
        # Without the answer an initiator looks on, whereas the advertiser is connected by then.
        answered = response is not None and event.medium.receives(response, request.station)
        won = request is winner
        request.conclude(event, at_central=won and answered, at_peripheral=won and event.on_air)
    return end_us


def _confirm(event: AdvertisingEvent, request: ConnectRequest) -> Transmission:
    """Send AUX_CONNECT_RSP."""
    asked, content = request.packet, pdu.connect_response(event, request.own)
    at_us = asked.to_us + phy.T_IFS_US
    response = event.packet(asked.channel, at_us, content.octets, asked.phy)
    event.send(response, content.encode, direction=Direction.AUXILIARY)
    return response
