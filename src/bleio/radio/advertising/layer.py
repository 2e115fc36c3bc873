"""What advertising, scanning and initiating need of their device, and what they tell its host.

Beyond what connections need, since some of them end in one. The same is said in
`bleio.radio.connection.layer`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from bleio.core.address import DeviceAddress
from bleio.radio.advertising.parameters import ScanTiming
from bleio.radio.air.privacy import Peer
from bleio.radio.connection.end import LinkEnd
from bleio.radio.connection.layer import ConnectionHost, ConnectionLayer

if TYPE_CHECKING:
    from bleio.radio.advertising.event import AdvertisingEvent


class AdvertisingHost(ConnectionHost, Protocol):
    """What the host is told; it only takes note."""

    def advertisement(
        self,
        scan: ScanTiming,
        event: AdvertisingEvent,
        sender: Peer,
        rssi_dbm: int,
        *,
        scan_response: bool,
    ) -> None:
        """A scan has found all of an advertising event's data, or of its scan response."""

    def scan_timed_out(self) -> None:
        """An extended scan's duration is over."""

    def scan_request_received(self, handle: int, peer: Peer) -> None:
        """A scannable set with notifications was asked for its scan response."""

    def advertising_set_terminated(
        self, handle: int, status: int, conn_handle: int, completed: int
    ) -> None:
        """A set is disabled, by a connection, its duration or its limit of events."""

    def directed_advertising_timed_out(self, peer: DeviceAddress) -> None:
        """High duty cycle directed advertising of the legacy commands found no peer."""


class AdvertisingLayer(ConnectionLayer, Protocol):
    """What an advertiser, a scanner or an initiator knows of its device's link layer."""

    # None stands for all devices that advertise anonymously.
    accept_list: dict[DeviceAddress | None, None]
    refuses_connections: bool

    @property
    def host(self) -> AdvertisingHost:
        """The host, which is told what happens."""

    def has_room_for_link(self) -> bool:
        """Whether another link fits."""

    def link_to(self, own: DeviceAddress, peer_on_air: DeviceAddress) -> LinkEnd | None:
        """Find the link between two addresses."""
