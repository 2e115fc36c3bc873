"""The initiating state of the link layer. Spec: Vol 6, Part B, 4.4.4."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from bleio.core.address import DeviceAddress
from bleio.radio import exchanges, phy
from bleio.radio.advertiser import Advertiser
from bleio.radio.air import Reception
from bleio.radio.energy import ListeningMeter
from bleio.radio.link import connect
from bleio.radio.privacy import Peer
from bleio.radio.scanner import ScanWindow

if TYPE_CHECKING:
    from bleio.radio.controller.core import Controller


class ConnectionParameters(NamedTuple):
    """What a central asks of a connection."""

    interval_us: int
    latency: int
    timeout_us: int


@dataclass(frozen=True, slots=True)
class InitiatingParameters:
    """What the host wants: whom, as whom, listening how.

    `peer` None takes anyone in the filter accept list. `windows_us` and `connection` have one
    item per PHY.
    """

    peer: DeviceAddress | None
    own_address_type: int
    extended: bool
    windows_us: dict[int, tuple[int, int]]
    connection: dict[int, ConnectionParameters]


class Initiator:
    """Listens for one advertiser and connects to it."""

    def __init__(self, controller: Controller) -> None:
        self._controller = controller
        self.station = controller.station
        self.parameters: InitiatingParameters | None = None
        self._own = DeviceAddress(bytes(6))
        self._windows: dict[int, ScanWindow] = {}
        self._meter = ListeningMeter(self.station, controller.radio.clock)

    def start(self, parameters: InitiatingParameters, own: DeviceAddress) -> None:
        """Listen until connected or stopped."""
        radio = self._controller.radio
        self.parameters = parameters
        self._own = own
        self._windows = {
            phy_: ScanWindow(radio.now_us, interval_us, window_us)
            for phy_, (interval_us, window_us) in parameters.windows_us.items()
        }
        self._meter.start(self._windows.values())
        radio.add_listener(self)

    def stop(self) -> None:
        """Stop without a word to the host."""
        self.parameters = None
        self._meter.stop()
        self._controller.radio.remove_listener(self)

    def hears(self, advertiser: Advertiser, now_us: int) -> tuple[int, int] | None:
        """The packet of an advertising event one can connect to that falls into a window."""
        parameters = advertiser.parameters
        if not parameters.connectable or self.parameters is None:
            return None
        if not (parameters.legacy or self.parameters.extended):
            return None
        window = self._windows.get(parameters.primary_phy)
        return window.catches_any(advertiser, now_us) if window is not None else None

    def listens(self, advertiser: Advertiser, channel: int, from_us: int, to_us: int) -> bool:
        """Whether a packet of an advertising event one can connect to falls into a window."""
        parameters = advertiser.parameters
        if not parameters.connectable or self.parameters is None:
            return False
        if not (parameters.legacy or self.parameters.extended):
            return False
        window = self._windows.get(parameters.primary_phy)
        return window is not None and window.catches(channel, from_us, to_us)

    def heard(self, advertiser: Advertiser, reception: Reception) -> None:
        """Connect if this is whom we look for and it lets us."""
        peer = self._controller.resolving.peer_of(advertiser.own)
        if peer is None or not self._wanted(peer):
            return
        own = self._own_address(peer)
        if not self._addressed_to(advertiser, own) or not advertiser.accepts_connection(own):
            return
        if self._controller.link_to(own, advertiser.own) is not None:
            return
        medium = self._controller.radio.medium
        if not medium.ideal and not exchanges.follows(medium, advertiser, self.station, reception):
            return
        parameters = self._parameters_for(advertiser)
        self.stop()
        connect(self._controller, own, peer, advertiser, parameters, reception)

    def _wanted(self, peer: Peer) -> bool:
        assert self.parameters is not None
        if self.parameters.peer is None:
            return peer.address in self._controller.accept_list
        return peer.address == self.parameters.peer

    def _own_address(self, peer: Peer) -> DeviceAddress:
        assert self.parameters is not None
        if self.parameters.own_address_type >= 2:
            return self._controller.resolving.local_address(peer.address) or self._own
        return self._own

    def _addressed_to(self, advertiser: Advertiser, own: DeviceAddress) -> bool:
        target = advertiser.target
        if target is None or target == own:
            return True
        return self._controller.resolving.is_ours(target.octets)

    def _parameters_for(self, advertiser: Advertiser) -> ConnectionParameters:
        assert self.parameters is not None
        connection = self.parameters.connection
        wanted = advertiser.parameters
        used = phy.LE_1M if wanted.legacy else wanted.secondary_phy
        return connection.get(used) or connection[wanted.primary_phy]
