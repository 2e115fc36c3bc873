"""One device's link layer: its station, its links, and what its host has set for all of them.

The parts do the work: an `Advertiser` per advertising set, one `Scanner`, one `Initiator`, and for
each connection a `LinkEnd`, all of which share one radio (`RadioTime`). They know this class only
as the protocol that their room states, and tell the host (`bleio.radio.host`) what happens.
Here is what they have in common: lists, defaults, addresses, connection handles, and the end.

Nothing here is HCI; commands and events are `bleio.radio.controller`'s, which sits on top.
"""

from __future__ import annotations

from bleio.core.address import DeviceAddress
from bleio.radio.advertising.advertiser import Advertiser
from bleio.radio.advertising.initiator import Initiator
from bleio.radio.advertising.scanner import Scanner
from bleio.radio.air.hopping import ALL_DATA_CHANNELS
from bleio.radio.air.privacy import ResolvingList
from bleio.radio.air.radio import Radio
from bleio.radio.connection import negotiated
from bleio.radio.connection.arbitration import RadioTime
from bleio.radio.connection.end import LinkEnd
from bleio.radio.connection.limits import UNLIMITED, ControllerLimits
from bleio.radio.host import Host

FIRST_HANDLE = 0x0040
LAST_HANDLE = 0x0EFF
# Company 0xFFFF belongs to no company; the index makes public addresses of one radio differ.
_PUBLIC_PREFIX = bytes.fromhex("00fff0")


class LinkLayer:
    """One device on a radio, without the host that uses it.

    Args:
        radio: the world it lives in.
        host: is told what happens.
        name: what captures call this device.
        public_address: None makes one from its number on the radio.
        limits: what it cannot do.
    """

    def __init__(
        self,
        radio: Radio,
        host: Host,
        name: str = "",
        public_address: DeviceAddress | None = None,
        limits: ControllerLimits = UNLIMITED,
    ) -> None:
        self.radio = radio
        self.limits = limits
        self.host = host
        self.station = radio.add_station(name)
        index = self.station.index
        self.public_address = public_address or DeviceAddress(
            index.to_bytes(3, "little") + _PUBLIC_PREFIX[::-1]
        )
        self.links: dict[int, LinkEnd] = {}
        self.radio_time = RadioTime(self)
        self.resolving = ResolvingList(radio)
        self.scanner = Scanner(self)
        self.initiator = Initiator(self)
        self.advertisers: dict[int, Advertiser] = {}  # those of the extended commands
        self.refuses_connections = False  # a fault to be made: requests stay unanswered
        self._next_handle = FIRST_HANDLE
        self._set_defaults()

    def _set_defaults(self) -> None:
        self.random_address: DeviceAddress | None = None
        # None stands for all devices that advertise anonymously.
        self.accept_list: dict[DeviceAddress | None, None] = {}
        self.legacy_advertiser = Advertiser(self, None)
        self.default_tx = negotiated.MINIMUM
        self.default_phys = (self.limits.phys, self.limits.phys)
        self.tx_power_dbm = 0
        self.channel_map = ALL_DATA_CHANNELS

    def reset(self) -> None:
        """Go back to the state after power-on; the public and a claimed static address stay."""
        self._silence()
        self._set_defaults()
        self.resolving.reset()
        self.scanner = Scanner(self)

    def leave(self) -> None:
        """Fall silent for good. Peers notice by their supervision time-out."""
        self._silence()
        self.radio.release_static_address(self.station)
        self.radio.medium.leave(self.station)

    def _silence(self) -> None:
        self.scanner.stop()
        self.initiator.stop()
        for advertiser in self.all_advertisers:
            advertiser.stop()
        self.advertisers.clear()
        self.accept_list.clear()
        links, self.links = self.links, {}
        for end in links.values():
            end.link.vanish(end)

    @property
    def all_advertisers(self) -> tuple[Advertiser, ...]:
        """The advertising sets of legacy and of extended commands."""
        return (self.legacy_advertiser, *self.advertisers.values())

    # -- addresses --

    def own_address(
        self, kind: int, random: DeviceAddress | None, peer: DeviceAddress | None = None
    ) -> DeviceAddress | None:
        """Find the address that an own address type stands for. Spec: Vol 4, Part E, 7.8.5.

        Args: random: the random address that the host has set. peer: the device to talk to.
        Returns: None when the random address is to be used and none was set.
        """
        if kind >= 2:
            private = self.resolving.local_address(peer)
            if private is not None:
                return private
        return self.public_address if kind & 1 == 0 else random

    # -- links --

    def has_room_for_link(self) -> bool:
        """Whether another link fits."""
        return len(self.links) < self.limits.links

    def new_conn_handle(self) -> int:
        """Choose a connection handle that was not used lately."""
        while self._next_handle in self.links:
            self._advance_handle()
        handle = self._next_handle
        self._advance_handle()
        return handle

    def _advance_handle(self) -> None:
        self._next_handle += 1
        if self._next_handle > LAST_HANDLE:
            self._next_handle = FIRST_HANDLE

    def link_to(self, own: DeviceAddress, peer_on_air: DeviceAddress) -> LinkEnd | None:
        """Find the link between two addresses."""
        for end in self.links.values():
            if end.own == own and end.peer_on_air == peer_on_air:
                return end
        return None

    def link_opened(self, end: LinkEnd) -> None:
        """A connection was made: enter it and tell the host."""
        self.links[end.handle] = end
        self.host.link_opened(end)

    def link_closed(self, end: LinkEnd, reason: int) -> None:
        """A connection has ended: forget it and tell the host, unless it was forgotten already."""
        if self.links.pop(end.handle, None) is not None:
            self.host.link_closed(end, reason)

    def wake_links(self) -> None:
        """Let peers send the data for which the host has room again."""
        for end in list(self.links.values()):
            end.link.wake()
