"""What a connection needs of the device at each of its ends, and what it tells its host.

A connection belongs to two devices and knows neither as a whole: these protocols are all it sees of
them. `bleio.radio.layer` has the link layer and the controller's HCI face is the host; a test may
put anything else in their place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from bleio.radio.air.privacy import ResolvingList
    from bleio.radio.air.radio import Radio
    from bleio.radio.air.station import Station
    from bleio.radio.connection.arbitration import RadioTime
    from bleio.radio.connection.end import LinkEnd
    from bleio.radio.connection.limits import ControllerLimits
    from bleio.radio.connection.negotiated import Limit


class ConnectionHost(Protocol):
    """What a link's end tells its host, which only takes note: it neither calls back nor raises."""

    @property
    def takes_data(self) -> bool:
        """Whether a data PDU from a peer can be passed on to the host now."""

    def data_received(self, end: LinkEnd, payload: bytes, start: bool) -> None:
        """A data PDU for the host; `start`: it begins an L2CAP PDU."""

    def packet_completed(self, end: LinkEnd) -> None:
        """The peer has all of a packet of the host, which may send another one."""

    def link_opened(self, end: LinkEnd) -> None:
        """A connection was made."""

    def channel_selection(self, end: LinkEnd) -> None:
        """The channel selection algorithm of a new link: always #2."""

    def link_closed(self, end: LinkEnd, reason: int) -> None:
        """A connection has ended, and with it what it held of the host's buffers."""

    def remote_version(self, end: LinkEnd, version: bytes) -> None:
        """The peer has told its version, company and subversion."""

    def remote_features(self, end: LinkEnd, features: int) -> None:
        """The peer has told its features."""

    def data_length_changed(self, end: LinkEnd) -> None:
        """Other limits on data PDUs are in force."""

    def phy_updated(self, end: LinkEnd, status: int) -> None:
        """A PHY procedure has ended."""

    def parameters_updated(self, end: LinkEnd, status: int) -> None:
        """A connection update has ended."""

    def parameters_requested(self, end: LinkEnd, wanted: tuple[int, int, int, int]) -> bool:
        """The peer asks for other parameters: interval (least, most), latency, time-out.

        All are in units of HCI. Returns: whether the host decides.
        """

    def key_requested(self, end: LinkEnd, rand: bytes, ediv: int) -> bool:
        """The central wants encryption. Returns: whether the host looks for the key."""

    def encryption_started(self, end: LinkEnd, refreshed: bool) -> None:
        """The link is encrypted, or encrypted with a new key."""

    def encryption_refused(self, end: LinkEnd, reason: int) -> None:
        """The peer has no key."""


class ConnectionLayer(Protocol):
    """What the end of a link knows of its device's link layer."""

    radio: Radio
    station: Station
    radio_time: RadioTime
    resolving: ResolvingList
    links: dict[int, LinkEnd]
    limits: ControllerLimits
    default_tx: Limit
    default_phys: tuple[int, int]
    tx_power_dbm: int
    channel_map: int

    @property
    def host(self) -> ConnectionHost:
        """The host, which is told what happens."""

    def new_conn_handle(self) -> int:
        """Choose a connection handle that was not used lately."""

    def link_opened(self, end: LinkEnd) -> None:
        """A connection was made: enter it and tell the host."""

    def link_closed(self, end: LinkEnd, reason: int) -> None:
        """A connection has ended: forget it and tell the host, unless it was forgotten already."""
