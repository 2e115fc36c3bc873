"""The scanning state of the link layer. Spec: Vol 6, Part B, 4.4.3.

A scanner is passive even when it scans actively: it is asked for its windows and told what was
heard in them (`AirListener`), and returns what it wants to ask. Scans with a duration, and those
that repeat in a period, are the only ones that need a timer.

What the host hears of is decided in this order: the sender's address is resolved, filtered, then
compared with what was reported already. The duplicate filter goes by the identity, not the address
on air, so a device that renews its private address is not reported anew; in extended advertising
also by the data identifier, so that data which changed are. The filter is bounded, since anybody
can advertise under ever new addresses.

An active scanner asks an advertiser until it has the scan response, at the opportunities that its
`Backoff` leaves it. While it waits for one answer it asks no other: there is one receiver.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bleio.core.address import AddressType, DeviceAddress
from bleio.radio.advertising import pdu
from bleio.radio.advertising.backoff import Backoff
from bleio.radio.advertising.listening import ListeningMeter, ScanWindow, Window
from bleio.radio.advertising.parameters import AdvertisingSetParameters, ScanTiming
from bleio.radio.air import phy
from bleio.radio.air.clock import Timer
from bleio.radio.air.medium import Transmission
from bleio.radio.air.privacy import Peer

if TYPE_CHECKING:
    from bleio.radio.advertising.event import AdvertisingEvent
    from bleio.radio.advertising.layer import AdvertisingLayer

# How many advertisers the duplicate filter remembers; the oldest is forgotten first.
DUPLICATE_FILTER_SIZE = 16_384


class Scanner:
    """Listens for advertising and tells the host what it hears."""

    def __init__(self, layer: AdvertisingLayer) -> None:
        self.layer = layer
        self.station = layer.station
        self.parameters = ScanTiming()
        self.enabled = False
        self._windows: dict[int, ScanWindow] = {}
        self._meter = ListeningMeter(self.station, layer.radio.clock)
        self._filter_duplicates = 0
        self._seen: dict[tuple[object, ...], None] = {}
        self._own = DeviceAddress(bytes(6))
        self._duration_us = 0
        self._period_us = 0
        self._timer: Timer | None = None
        self.backoff = Backoff(layer.radio.random)
        self.asks_until_us = 0

    def enable(
        self, own: DeviceAddress, filter_duplicates: int, duration_us: int = 0, period_us: int = 0
    ) -> None:
        """Start scanning, or start over.

        Args: filter_duplicates: 0 off, 1 on, 2 on and reset for each period.
        """
        self.stop()
        self.enabled = True
        self._own = own
        self._filter_duplicates = filter_duplicates
        self._seen.clear()
        self._duration_us, self._period_us = duration_us, period_us
        self.backoff.reset()
        self._listen()

    def stop(self) -> None:
        """Stop scanning without a word to the host; what was heard already is reported."""
        self.enabled = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._fall_silent()

    def _fall_silent(self) -> None:
        self._windows = {}
        self._meter.stop()
        self.layer.radio.remove_listener(self)

    def _listen(self) -> None:
        radio = self.layer.radio
        self._windows = {
            phy_: ScanWindow(radio.now_us, interval_us, window_us)
            for phy_, (interval_us, window_us) in self.parameters.windows_us.items()
        }
        if self._filter_duplicates == 2:
            self._seen.clear()
        self._meter.start(self._windows.values())
        radio.add_listener(self)
        if self._duration_us:
            self._timer = radio.schedule_in(self._duration_us, self._pause)

    def _pause(self) -> None:
        radio = self.layer.radio
        self._fall_silent()
        if self._period_us:
            self._timer = radio.schedule_in(self._period_us - self._duration_us, self._listen)
        else:
            self.enabled = False
            self._timer = None
            self.layer.host.scan_timed_out()

    def window(self, parameters: AdvertisingSetParameters) -> ScanWindow | None:
        """When it listens to sets like this."""
        if not (parameters.legacy or self.parameters.extended):
            return None
        if not (parameters.legacy or self.layer.limits.has(parameters.secondary_phy)):
            return None
        return self._windows.get(parameters.primary_phy)

    def heard(self, event: AdvertisingEvent, window: Window, rssi_dbm: int) -> ScanRequest | None:
        """Report an advertising event and, when scanning actively, ask for the scan response."""
        sender = self.layer.resolving.peer_of(event.own)
        if sender is None or not self._wanted(event, sender):
            return None
        if not self._filter_duplicates or not self._is_duplicate(
            _duplicate_key(event, sender, False)
        ):
            self.layer.host.advertisement(
                self.parameters, event, sender, rssi_dbm, scan_response=False
            )
        if not self._wants_response(event, sender):
            return None
        return ScanRequest(self, window, sender)

    def _wants_response(self, event: AdvertisingEvent, sender: Peer) -> bool:
        parameters = event.parameters
        if not parameters.scannable or not self.parameters.active.get(parameters.primary_phy):
            return False
        if self.layer.radio.now_us < self.asks_until_us:
            return False  # it waits for the answer of another
        if self._filter_duplicates and _duplicate_key(event, sender, True) in self._seen:
            return False
        return self.backoff.may_ask()

    def answered(self, event: AdvertisingEvent, sender: Peer) -> None:
        """Report a scan response."""
        if not self._is_duplicate(_duplicate_key(event, sender, True)):
            radio, power_dbm = self.layer.radio, event.parameters.tx_power_dbm
            rssi_dbm = radio.rssi_dbm(event.station, self.station, power_dbm)
            self.layer.host.advertisement(
                self.parameters, event, sender, rssi_dbm, scan_response=True
            )

    def _wanted(self, event: AdvertisingEvent, sender: Peer) -> bool:
        policy = self.parameters.filter_policy
        accept_list = self.layer.accept_list
        listed = None if event.parameters.anonymous else sender.address
        if policy & 1 and listed not in accept_list:
            return False
        if event.target is None:
            return True
        return self._is_addressed(event.target, bool(policy & 2))

    def _is_addressed(self, target: DeviceAddress, extended_policy: bool) -> bool:
        if target == self.own_address():
            return True
        if target.type is not AddressType.RANDOM_PRIVATE_RESOLVABLE:
            return False
        return extended_policy or self.layer.resolving.is_ours(target.octets)

    def own_address(self) -> DeviceAddress:
        """The address that requests carry."""
        if self.parameters.own_address_type >= 2:
            return self.layer.resolving.local_address(None) or self._own
        return self._own

    def _is_duplicate(self, key: tuple[object, ...]) -> bool:
        if not self._filter_duplicates:
            return False
        if key in self._seen:
            return True
        if len(self._seen) >= DUPLICATE_FILTER_SIZE:
            del self._seen[next(iter(self._seen))]
        self._seen[key] = None
        return False


def _duplicate_key(
    event: AdvertisingEvent, sender: Peer, scan_response: bool
) -> tuple[object, ...]:
    legacy = event.parameters.legacy
    return sender.address, scan_response, legacy, None if legacy else event.identifier


class ScanRequest:
    """What a scanner sends to an advertiser, and what comes of it."""

    OCTETS = pdu.SCAN_REQUEST_OCTETS
    packet: Transmission

    def __init__(self, scanner: Scanner, window: Window, sender: Peer) -> None:
        self.station = scanner.station
        self.power_dbm = scanner.layer.tx_power_dbm
        self.own = scanner.own_address()
        self.scanner = scanner
        self.window = window
        self._sender = sender

    def encode(self, event: AdvertisingEvent) -> bytes:
        """Its octets, when it goes on air."""
        return pdu.scan_request(event, self.own)

    def sent(self) -> None:
        """It goes on air."""
        packet = self.packet
        self.wait_until(packet.to_us + phy.T_IFS_US + phy.sync_time_us(packet.phy))

    def wait_until(self, time_us: int) -> None:
        """The answer is expected until then; meanwhile the scanner asks no other advertiser."""
        self.scanner.asks_until_us = time_us

    def answered(self, event: AdvertisingEvent) -> None:
        """The scan response was received."""
        self.scanner.backoff.record(success=True)
        self.scanner.answered(event, self._sender)

    def unanswered(self) -> None:
        """No answer came."""
        self.scanner.backoff.record(success=False)
