"""The initiating state of the link layer. Spec: Vol 6, Part B, 4.4.4.

Like a scanner it is asked for its windows and told what was heard. When it hears a device that the
host wants, it returns a request. From the moment the request is on air it has no windows until it
knows what has become of it, for it must not ask a second advertiser meanwhile. Its own address is
chosen only then, as a private address belongs to one peer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bleio.core.address import DeviceAddress
from bleio.radio.advertising.connecting import ConnectRequest
from bleio.radio.advertising.listening import ListeningMeter, ScanWindow, Window
from bleio.radio.advertising.parameters import AdvertisingSetParameters, InitiatingParameters
from bleio.radio.air import phy
from bleio.radio.air.privacy import Peer
from bleio.radio.connection.parameters import ConnectionParameters

if TYPE_CHECKING:
    from bleio.radio.advertising.event import AdvertisingEvent
    from bleio.radio.advertising.layer import AdvertisingLayer


class Initiator:
    """Listens for one advertiser and connects to it; one attempt at a time."""

    def __init__(self, layer: AdvertisingLayer) -> None:
        self.layer = layer
        self.station = layer.station
        self.parameters: InitiatingParameters | None = None
        self._own = DeviceAddress(bytes(6))
        self._windows: dict[int, ScanWindow] = {}
        self._meter = ListeningMeter(self.station, layer.radio.clock)
        self._request: ConnectRequest | None = None  # on air, or its answer

    def start(self, parameters: InitiatingParameters, own: DeviceAddress) -> None:
        """Listen until connected or stopped."""
        radio = self.layer.radio
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
        self._request = None
        self._meter.stop()
        self.layer.radio.remove_listener(self)

    def window(self, parameters: AdvertisingSetParameters) -> ScanWindow | None:
        """When it listens to sets that one can connect to; not while a request is on its way."""
        wanted = self.parameters
        if wanted is None or self._request is not None or not parameters.connectable:
            return None
        if not (parameters.legacy or wanted.extended):
            return None
        if not (parameters.legacy or self.layer.limits.has(parameters.secondary_phy)):
            return None
        return self._windows.get(parameters.primary_phy)

    def heard(
        self, event: AdvertisingEvent, window: Window, rssi_dbm: int
    ) -> ConnectRequest | None:
        """Ask for a connection if this is a device that the host wants, and it lets us.

        Nothing is sent to an advertiser that would refuse: of a request that gets no answer, the
        central would take the link for made and report it, only to find six intervals later that
        there is none. On air that happens where packets get lost; here it does for a fault that a
        test makes (`refuses_connections`).
        """
        peer = self.layer.resolving.peer_of(event.own)
        if peer is None or not self._wanted(peer):
            return None
        own = self._own_address(peer)
        if not self._addressed_to(event, own) or not event.advertiser.accepts_connection(own):
            return None
        if self.layer.link_to(own, event.own) is not None:
            return None
        return ConnectRequest(self, own, peer, self._parameters_for(event.parameters))

    def asks(self, request: ConnectRequest) -> None:
        """A request goes on air: listen to no other advertiser until it is concluded."""
        self._request = request

    def concluded(self, request: ConnectRequest, *, connected: bool) -> bool:
        """Stop if it has become a connection, else go on looking.

        Returns: whether it is one; not if the host has given up meanwhile.
        """
        if self._request is not request:
            return False
        self._request = None
        if connected:
            self.stop()
        return connected

    def _wanted(self, peer: Peer) -> bool:
        assert self.parameters is not None
        if self.parameters.peer is None:
            return peer.address in self.layer.accept_list
        return peer.address == self.parameters.peer

    def _own_address(self, peer: Peer) -> DeviceAddress:
        assert self.parameters is not None
        if self.parameters.own_address_type >= 2:
            return self.layer.resolving.local_address(peer.address) or self._own
        return self._own

    def _addressed_to(self, event: AdvertisingEvent, own: DeviceAddress) -> bool:
        target = event.target
        if target is None or target == own:
            return True
        return self.layer.resolving.is_ours(target.octets)

    def _parameters_for(self, advertised: AdvertisingSetParameters) -> ConnectionParameters:
        assert self.parameters is not None
        connection = self.parameters.connection
        used = phy.LE_1M if advertised.legacy else advertised.secondary_phy
        return connection.get(used) or connection[advertised.primary_phy]
