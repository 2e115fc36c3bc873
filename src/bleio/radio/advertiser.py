"""One advertising set at the link layer. Spec: Vol 6, Part B, 4.4.2.

Legacy HCI commands use one set, extended ones several; both kinds are this class. An advertising
event is one timer: the packets on up to three channels are a matter of arithmetic for whoever
listens, and scan and connection requests are answered by direct calls.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bleio.core.address import DeviceAddress
from bleio.core.codes import HciErrorCode
from bleio.radio import exchanges, pdu, phy
from bleio.radio.clock import Timer
from bleio.radio.energy import RadioOn
from bleio.radio.medium import Transmission

if TYPE_CHECKING:
    from bleio.radio.controller.core import Controller

MAX_DATA_OCTETS = 1650
LEGACY_DATA_OCTETS = 31
# An extended connectable PDU cannot be chained: 255 octets of payload with header, AdvA and ADI.
CONNECTABLE_DATA_OCTETS = 245
MAX_RANDOM_DELAY_US = 10_000
HIGH_DUTY_US = 1_280_000
_HIGH_DUTY_INTERVAL_US = 3_750
# From the end of one packet to the start of the next: time for a request and its answer.
_CHANNEL_GAP_US = 500


_NOBODY = DeviceAddress(bytes(6))


@dataclass(slots=True)
class AdvertisingParameters:
    """What the host has set for one set."""

    connectable: bool = True
    scannable: bool = True
    directed: bool = False
    high_duty: bool = False
    legacy: bool = True
    anonymous: bool = False
    include_tx_power: bool = False
    interval_us: int = 1_280_000
    channels: tuple[int, ...] = phy.PRIMARY_CHANNELS
    own_address_type: int = 0
    peer: DeviceAddress = _NOBODY
    filter_policy: int = 0
    tx_power_dbm: int = 0
    primary_phy: int = phy.LE_1M
    secondary_phy: int = phy.LE_1M
    sid: int = 0
    scan_request_events: bool = False


class Advertiser:
    """An advertising set and, while it is enabled, the device that sends it."""

    def __init__(self, controller: Controller, handle: int | None) -> None:
        self.controller = controller
        self.handle = handle  # None: the set of the legacy commands
        self.station = controller.station
        self.parameters = AdvertisingParameters()
        self.random_address: DeviceAddress | None = None
        self.data = b""
        self.scan_response = b""
        self.data_open = False  # fragments are still to come
        self.scan_response_open = False
        self.data_identifier = 0
        self.enabled = False
        self.own = DeviceAddress(bytes(6))
        self.target: DeviceAddress | None = None
        self.event = 0  # the number of the event on air, over all times of advertising
        self._events = 0
        self._max_events = 0
        self._timer: Timer | None = None
        self._end: Timer | None = None
        self._measured: bytes | None = None  # the data for which the next is right
        self._event_on = RadioOn(0, 0)

    @property
    def tx_power_dbm(self) -> int:
        """Transmit power in use."""
        return self.parameters.tx_power_dbm

    def enable(self, own: DeviceAddress, duration_us: int = 0, max_events: int = 0) -> None:
        """Start, or start over with another duration.

        Args:
            own: the address to use, unless it is resolvable and so renewed from time to time.
            duration_us: 0 is without end. max_events: 0 is without end.
        """
        self.stop()
        parameters = self.parameters
        radio = self.controller.radio
        self.enabled = True
        self.own = own
        self.target = self._target() if parameters.directed else None
        self._events = 0
        self._measured = None
        self._max_events = max_events
        if parameters.high_duty and (self.handle is None or not duration_us):
            duration_us = HIGH_DUTY_US
        if duration_us:
            self._end = radio.schedule_in(
                duration_us, self._terminate, HciErrorCode.ADVERTISING_TIMEOUT
            )
        # The first event comes a random moment after the command, as on any real controller.
        self._timer = radio.schedule_in(1 + radio.random.randrange(1_000), self._event)

    def stop(self) -> None:
        """Leave the air without a word to the host."""
        self.enabled = False
        for timer in (self._timer, self._end):
            if timer is not None:
                timer.cancel()
        self._timer = self._end = None

    def _target(self) -> DeviceAddress:
        peer = self.parameters.peer
        if self.parameters.own_address_type >= 2:
            return self.controller.resolving.target_rpa(peer) or peer
        return peer

    def _event(self) -> None:
        controller, parameters = self.controller, self.parameters
        radio = controller.radio
        if parameters.own_address_type >= 2:
            self.own = controller.resolving.local_address(parameters.peer) or self.own
        self.event += 1
        self._events += 1
        if parameters.high_duty:
            delay_us = _HIGH_DUTY_INTERVAL_US
        else:
            delay_us = parameters.interval_us + radio.random.randrange(MAX_RANDOM_DELAY_US + 1)
        self._timer = radio.schedule_in(delay_us, self._event)
        radio.capture(pdu.advertising_event(self, radio.now_us))
        self._count_radio_on()
        radio.advertise(self)
        if self.enabled and self._events == self._max_events:
            self._limit_reached()

    def _count_radio_on(self) -> None:
        """Count what an event takes when nobody answers."""
        if self._measured is not self.data:
            self._measured = self.data
            self._event_on = self._measure_event()
        station = self.station
        station.tx_us += self._event_on.tx_us
        station.rx_us += self._event_on.rx_us

    def _measure_event(self) -> RadioOn:
        channels, packet = len(self.parameters.channels), self._measure_packet()
        if self.parameters.legacy:
            return RadioOn(channels * packet.tx_us, channels * packet.rx_us)
        phy_ = self.parameters.secondary_phy
        lengths_us = [phy.air_time_us(each, phy_) for each in exchanges.auxiliary_octets(self.data)]
        return RadioOn(channels * packet.tx_us + sum(lengths_us), self._waits_us(phy_))

    def _measure_packet(self) -> RadioOn:
        """One primary packet; only after legacy ones may a request follow."""
        phy_ = self.parameters.primary_phy
        rx_us = self._waits_us(phy_) if self.parameters.legacy else 0
        return RadioOn(phy.air_time_us(self._octets(), phy_), rx_us)

    def _waits_us(self, phy_: int) -> int:
        parameters = self.parameters
        return phy.sync_time_us(phy_) if parameters.connectable or parameters.scannable else 0

    def _limit_reached(self) -> None:
        radio = self.controller.radio
        if radio.medium.ideal:
            self._terminate(HciErrorCode.LIMIT_REACHED)
            return
        # The packets of the last event are still to be sent.
        assert self._timer is not None
        self._timer.cancel()
        last_us = self.packet_times_us(radio.now_us)[-1][2]
        self._timer = radio.clock.schedule(last_us + 1, self._terminate, HciErrorCode.LIMIT_REACHED)

    def is_sending(self, event: int) -> bool:
        """Whether the packets of an event are still being sent."""
        return self.enabled and self.event == event

    def transmission(self, channel: int, from_us: int) -> Transmission:
        """One primary packet for the medium."""
        parameters = self.parameters
        return Transmission(
            self.station, channel, from_us, self._octets(), parameters.primary_phy,
            self.tx_power_dbm,
        )  # fmt: skip

    def auxiliary_transmission(self, after_us: int, octets: int) -> Transmission:
        """One packet on a secondary channel for the medium, with this much of data."""
        return Transmission(
            self.station, pdu.AUX_CHANNEL, after_us, octets, self.parameters.secondary_phy,
            self.tx_power_dbm,
        )  # fmt: skip

    def _octets(self) -> int:
        """Payload of a primary packet."""
        if not self.parameters.legacy:
            return pdu.EXTENDED_PRIMARY_OCTETS
        return 12 if self.target is not None else 6 + len(self.data)

    def packet_times_us(self, now_us: int) -> list[tuple[int, int, int]]:
        """Channel, start and end of each primary packet of the event that starts now."""
        parameters = self.parameters
        length_us = phy.air_time_us(self._octets(), parameters.primary_phy)
        step_us = length_us + _CHANNEL_GAP_US
        return [
            (channel, now_us + index * step_us, now_us + index * step_us + length_us)
            for index, channel in enumerate(parameters.channels)
        ]

    def accepts_scan(self, scanner: DeviceAddress) -> bool:
        """Whether a scan request gets its response; tells the host about it if asked to."""
        peer = self.controller.resolving.peer_of(scanner)
        if peer is None:
            return False
        if self.parameters.filter_policy & 1 and peer.address not in self.controller.accept_list:
            return False
        if self.parameters.scan_request_events and self.handle is not None:
            self.controller.notices.scan_request_received(self.handle, peer)
        return True

    def accepts_connection(self, initiator: DeviceAddress) -> bool:
        """Whether a connection request from this address is for us and allowed."""
        peer = self.controller.resolving.peer_of(initiator)
        if peer is None or not self.enabled or not self.controller.has_room_for_link():
            return False
        if self.parameters.directed:
            return initiator == self.target or peer.address == self.parameters.peer
        if self.parameters.filter_policy & 2:
            return peer.address in self.controller.accept_list
        return True

    def connected(self, conn_handle: int, channel: int) -> None:
        """A connection came of the packet on a channel: the set is disabled and its host told."""
        self.stop()
        if self.parameters.legacy:
            # The event was counted as a whole, but the packets on further channels are not sent.
            channels, packet = self.parameters.channels, self._measure_packet()
            unsent = len(channels) - 1 - channels.index(channel)
            self.station.tx_us -= unsent * packet.tx_us
            self.station.rx_us -= unsent * packet.rx_us
        if self.handle is not None:
            self.controller.notices.advertising_set_terminated(
                self.handle, HciErrorCode.SUCCESS, conn_handle, self._events
            )

    def _terminate(self, status: HciErrorCode) -> None:
        self.stop()
        if self.handle is not None:
            self.controller.notices.advertising_set_terminated(self.handle, status, 0, self._events)
        elif status is HciErrorCode.ADVERTISING_TIMEOUT:
            self.controller.notices.directed_advertising_timed_out(self.parameters.peer)
