"""The scanning state of the link layer. Spec: Vol 6, Part B, 4.4.3.

A scanner costs nothing while nobody advertises: whether a packet falls into a scan window is
computed from the time, there is no event per window.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bleio.core.address import AddressType, DeviceAddress
from bleio.radio import exchanges, pdu, phy
from bleio.radio.advertiser import Advertiser
from bleio.radio.air import Reception
from bleio.radio.clock import Timer
from bleio.radio.energy import ListeningMeter
from bleio.radio.privacy import Peer

if TYPE_CHECKING:
    from bleio.radio.controller.core import Controller

# How many advertisers the duplicate filter remembers; the oldest is forgotten first.
DUPLICATE_FILTER_SIZE = 16_384


class ScanWindow:
    """When and where one PHY listens: a window in every interval, the next channel each time."""

    __slots__ = ("_interval_us", "_start_us", "_window_us")

    def __init__(self, start_us: int, interval_us: int, window_us: int) -> None:
        self._start_us = start_us
        self._interval_us = interval_us
        self._window_us = window_us

    def catches(self, channel: int, from_us: int, to_us: int) -> bool:
        """Whether a packet on this channel is received from its first bit to its last."""
        index, phase_us = divmod(from_us - self._start_us, self._interval_us)
        if phy.PRIMARY_CHANNELS[index % 3] != channel:
            return False
        return phase_us + (to_us - from_us) <= self._window_us

    def listened_us(self, now_us: int) -> int:
        """Time in windows until now."""
        intervals, phase_us = divmod(now_us - self._start_us, self._interval_us)
        return intervals * self._window_us + min(phase_us, self._window_us)

    def catches_any(self, advertiser: Advertiser, now_us: int) -> tuple[int, int] | None:
        """Channel and end of the first packet of an advertising event that is received."""
        for channel, from_us, to_us in advertiser.packet_times_us(now_us):
            if self.catches(channel, from_us, to_us):
                return channel, to_us
        return None


@dataclass(slots=True)
class ScanParameters:
    """What the host has set. `windows_us`: interval and window of each PHY listened to."""

    extended: bool = False
    own_address_type: int = 0
    filter_policy: int = 0
    active: dict[int, bool] = field(default_factory=lambda: {phy.LE_1M: False})
    windows_us: dict[int, tuple[int, int]] = field(
        default_factory=lambda: {phy.LE_1M: (10_000, 10_000)}
    )


class Scanner:
    """Listens for advertising and hands reports to its controller."""

    def __init__(self, controller: Controller) -> None:
        self._controller = controller
        self.station = controller.station
        self.parameters = ScanParameters()
        self.enabled = False
        self._windows: dict[int, ScanWindow] = {}
        self._meter = ListeningMeter(self.station, controller.radio.clock)
        self._filter_duplicates = 0
        self._seen: dict[tuple[object, ...], None] = {}
        self._own = DeviceAddress(bytes(6))
        self._duration_us = 0
        self._period_us = 0
        self._timer: Timer | None = None

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
        self._listen()

    def stop(self) -> None:
        """Stop scanning without a word to the host."""
        self.enabled = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._meter.stop()
        self._controller.radio.remove_listener(self)

    def _listen(self) -> None:
        radio = self._controller.radio
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
        radio = self._controller.radio
        self._meter.stop()
        radio.remove_listener(self)
        if self._period_us:
            self._timer = radio.schedule_in(self._period_us - self._duration_us, self._listen)
        else:
            self.enabled = False
            self._timer = None
            self._controller.notices.scan_timed_out()

    def hears(self, advertiser: Advertiser, now_us: int) -> tuple[int, int] | None:
        """The packet of an advertising event that falls into a scan window."""
        parameters = advertiser.parameters
        if not (parameters.legacy or self.parameters.extended):
            return None
        window = self._windows.get(parameters.primary_phy)
        return window.catches_any(advertiser, now_us) if window is not None else None

    def listens(self, advertiser: Advertiser, channel: int, from_us: int, to_us: int) -> bool:
        """Whether a packet of an advertiser falls into a scan window."""
        parameters = advertiser.parameters
        if not (parameters.legacy or self.parameters.extended):
            return False
        window = self._windows.get(parameters.primary_phy)
        return window is not None and window.catches(channel, from_us, to_us)

    def heard(self, advertiser: Advertiser, reception: Reception) -> None:
        """Report an advertising event and, when scanning actively, the scan response."""
        sender = self._sender(advertiser)
        if sender is None or not self._wanted(advertiser, sender):
            return
        medium = self._controller.radio.medium
        if not medium.ideal and not exchanges.follows(medium, advertiser, self.station, reception):
            return
        reports, rssi_dbm = self._controller.reports, reception.rssi_dbm
        if not self._is_duplicate(advertiser, sender, False):
            reports.advertisement(advertiser, sender, rssi_dbm, scan_response=False)
        if not advertiser.parameters.scannable:
            return
        if not self.parameters.active.get(advertiser.parameters.primary_phy):
            return
        if self._is_duplicate(advertiser, sender, True):
            return
        own, power_dbm = self._own_address(), self._controller.tx_power_dbm
        request = exchanges.Request(medium, advertiser, self.station, power_dbm, reception)
        if not request.arrives(exchanges.SCAN_REQUEST_OCTETS):
            self._forget(advertiser, sender)
            return
        if not advertiser.accepts_scan(own):
            return
        self._controller.radio.capture(
            pdu.scan_exchange(advertiser, self.station, own, power_dbm, reception)
        )
        if request.is_answered(6 + len(advertiser.scan_response)):
            reports.advertisement(advertiser, sender, rssi_dbm, scan_response=True)
        else:
            self._forget(advertiser, sender)

    def _sender(self, advertiser: Advertiser) -> Peer | None:
        return self._controller.resolving.peer_of(advertiser.own)

    def _wanted(self, advertiser: Advertiser, sender: Peer) -> bool:
        policy = self.parameters.filter_policy
        accept_list = self._controller.accept_list
        listed = None if advertiser.parameters.anonymous else sender.address
        if policy & 1 and listed not in accept_list:
            return False
        if advertiser.target is None:
            return True
        return self._is_addressed(advertiser.target, bool(policy & 2))

    def _is_addressed(self, target: DeviceAddress, extended_policy: bool) -> bool:
        if target == self._own_address():
            return True
        if target.type is not AddressType.RANDOM_PRIVATE_RESOLVABLE:
            return False
        return extended_policy or self._controller.resolving.is_ours(target.octets)

    def _own_address(self) -> DeviceAddress:
        if self.parameters.own_address_type >= 2:
            return self._controller.resolving.local_address(None) or self._own
        return self._own

    def _forget(self, advertiser: Advertiser, sender: Peer) -> None:
        """The scan response was lost: ask again next time."""
        self._seen.pop(_duplicate_key(advertiser, sender, True), None)

    def _is_duplicate(self, advertiser: Advertiser, sender: Peer, scan_response: bool) -> bool:
        if not self._filter_duplicates:
            return False
        key = _duplicate_key(advertiser, sender, scan_response)
        if key in self._seen:
            return True
        if len(self._seen) >= DUPLICATE_FILTER_SIZE:
            del self._seen[next(iter(self._seen))]
        self._seen[key] = None
        return False


def _duplicate_key(advertiser: Advertiser, sender: Peer, scan_response: bool) -> tuple[object, ...]:
    parameters = advertiser.parameters
    identifier = None if parameters.legacy else (parameters.sid, advertiser.data_identifier)
    return sender.address, scan_response, parameters.legacy, identifier
