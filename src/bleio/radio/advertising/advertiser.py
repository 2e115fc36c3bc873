"""One advertising set at the link layer. Spec: Vol 6, Part B, 4.4.2.

Legacy HCI commands use one set, extended ones several; both kinds are this class. It decides when
its advertising events begin (`event.py` has what happens in one) and which devices it answers.

Events begin at the interval plus a random delay of up to 10 ms, drawn anew each time, so that two
devices with the same interval do not collide for ever; by the device's own clock, which may be
wrong. The first one comes up to 1 ms after the command, as on real controllers: were it to come at
once, devices that are started together would send in the same microsecond. A device has one radio.
While a set of it is on air, the others wait; `Station.advertises_until_us` is where they look.

The parameters object is replaced, never changed, when the host sets others; so an event and a
listener that hold one see what was true when they took it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bleio.core.address import DeviceAddress
from bleio.core.codes import HciErrorCode
from bleio.radio.advertising.event import AdvertisingEvent
from bleio.radio.advertising.parameters import AdvertisingSetParameters
from bleio.radio.air.clock import Timer

if TYPE_CHECKING:
    from bleio.radio.advertising.layer import AdvertisingLayer

MAX_RANDOM_DELAY_US = 10_000
HIGH_DUTY_US = 1_280_000
_HIGH_DUTY_INTERVAL_US = 3_750


class Advertiser:
    """An advertising set and, while it is enabled, the device that sends it."""

    def __init__(self, layer: AdvertisingLayer, handle: int | None) -> None:
        self.layer = layer
        self.handle = handle  # None: the set of the legacy commands
        self.station = layer.station
        self.parameters = AdvertisingSetParameters()
        self.random_address: DeviceAddress | None = None
        self.data = b""
        self.scan_response = b""
        self.data_open = False  # fragments are still to come
        self.scan_response_open = False
        self.data_identifier = 0
        self.enabled = False
        self.own = DeviceAddress(bytes(6))
        self.target: DeviceAddress | None = None
        self.event = 0  # how many have begun, over all times of advertising
        self.current: AdvertisingEvent | None = None  # the one that is not over yet
        self._events = 0
        self._max_events = 0
        self._timer: Timer | None = None
        self._end: Timer | None = None

    def enable(self, own: DeviceAddress, duration_us: int = 0, max_events: int = 0) -> None:
        """Start, or start over with another duration.

        Args:
            own: the address to use, unless it is resolvable and so renewed from time to time.
            duration_us: 0 is without end. max_events: 0 is without end.
        """
        self.stop()
        parameters = self.parameters
        radio = self.layer.radio
        self.enabled = True
        self.own = own
        self.target = self._target() if parameters.directed else None
        self._events = 0
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
        """Leave the air without a word to the host; the event that goes on ends here, too."""
        self.enabled = False
        self.current = None
        for timer in (self._timer, self._end):
            if timer is not None:
                timer.cancel()
        self._timer = self._end = None

    def _target(self) -> DeviceAddress:
        peer = self.parameters.peer
        if self.parameters.own_address_type >= 2:
            return self.layer.resolving.target_rpa(peer) or peer
        return peer

    def _event(self) -> None:
        layer, parameters = self.layer, self.parameters
        radio, station = layer.radio, self.station
        if station.advertises_until_us > radio.now_us:
            # Another set of the device is on air, or this one's long event is not over.
            self._timer = radio.clock.schedule(station.advertises_until_us, self._event)
            return
        if parameters.own_address_type >= 2:
            self.own = layer.resolving.local_address(parameters.peer) or self.own
        self.event += 1
        self._events += 1
        if parameters.high_duty:
            delay_us = _HIGH_DUTY_INTERVAL_US
        else:
            delay_us = parameters.interval_us + radio.random.randrange(MAX_RANDOM_DELAY_US + 1)
        clock = radio.clock
        if station.clock_drift_ppm:
            delay_us = station.by_its_clock(delay_us)
        self._timer = clock.schedule(clock.now_us + delay_us, self._event)
        self.current = AdvertisingEvent(self)
        clock.follow(self.current.course())

    def event_over(self, end_us: int) -> None:
        """All packets of the event are on air, the last one until this time."""
        self.current = None
        if self.enabled and self._events == self._max_events:
            assert self._timer is not None
            self._timer.cancel()
            clock = self.layer.radio.clock
            self._timer = clock.schedule(end_us, self._terminate, HciErrorCode.LIMIT_REACHED)

    def accepts_scan(self, scanner: DeviceAddress) -> bool:
        """Whether a scan request gets its response; tell the host about it if it wants to know."""
        peer = self.layer.resolving.peer_of(scanner)
        if peer is None:
            return False
        if self.parameters.filter_policy & 1 and peer.address not in self.layer.accept_list:
            return False
        if self.parameters.scan_request_events and self.handle is not None:
            self.layer.host.scan_request_received(self.handle, peer)
        return True

    def accepts_connection(self, initiator: DeviceAddress) -> bool:
        """Whether a connection request from this address is for us and allowed."""
        peer = self.layer.resolving.peer_of(initiator)
        if peer is None or not self.enabled or not self.layer.has_room_for_link():
            return False
        if self.parameters.directed:
            return initiator == self.target or peer.address == self.parameters.peer
        if self.parameters.filter_policy & 2:
            return peer.address in self.layer.accept_list
        return True

    def connected(self, conn_handle: int) -> None:
        """A connection came of it: the set is disabled and its host told."""
        self.stop()
        if self.handle is not None:
            self.layer.host.advertising_set_terminated(
                self.handle, HciErrorCode.SUCCESS, conn_handle, self._counted_events
            )

    @property
    def _counted_events(self) -> int:
        """The completed events, as hosts are told: 0 unless a limit was set for them.

        Spec: Vol 4, Part E, 7.7.65.18.
        """
        return self._events if self._max_events else 0

    def _terminate(self, status: HciErrorCode) -> None:
        self.stop()
        if self.handle is not None:
            self.layer.host.advertising_set_terminated(self.handle, status, 0, self._counted_events)
        elif status is HciErrorCode.ADVERTISING_TIMEOUT:
            self.layer.host.directed_advertising_timed_out(self.parameters.peer)
