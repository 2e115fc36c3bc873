"""The medium that all controllers of one world share.

`Radio` owns the world's clock, its one random generator and the list of who listens. Advertising
reaches listeners through it; a connection, once made, is an object of its own (`link.py`) that
only asks for time and path loss.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import IntEnum
from random import Random
from typing import TYPE_CHECKING, NamedTuple, Protocol

from bleio.radio import phy
from bleio.radio.clock import Clock, Timer
from bleio.radio.medium import Medium, Station, Transmission
from bleio.radio.propagation import Propagation

if TYPE_CHECKING:
    from bleio.radio.advertiser import Advertiser
    from bleio.radio.link import Link

_AS_MADE = Propagation()


class Direction(IntEnum):
    """What kind of packet it is; the numbers are those of captures."""

    ADVERTISING = 0
    AUXILIARY = 1
    TO_PERIPHERAL = 2
    TO_CENTRAL = 3


class AirPdu(NamedTuple):
    """One packet on air, as a capture wants it: `octets` from header to payload, without CRC."""

    time_us: int
    channel: int
    phy: int
    access_address: int
    tx_power_dbm: int
    sender: Station
    octets: bytes
    direction: Direction = Direction.ADVERTISING
    crc_init: int = phy.ADVERTISING_CRC_INIT
    crc_right: bool = True
    encrypted: bool = False
    auxiliary_type: int = 0  # 0 AUX_ADV_IND, 1 AUX_CHAIN_IND, 3 AUX_SCAN_RSP


class Reception(NamedTuple):
    """The packet of an advertising event that a listener received."""

    channel: int
    end_us: int
    rssi_dbm: int


class Listener(Protocol):
    """What hears advertising: a scanner or an initiator."""

    station: Station

    def hears(self, advertiser: Advertiser, now_us: int) -> tuple[int, int] | None:
        """The packet of the advertising event starting now that falls into a scan window.

        Returns: its channel and the time of its end.
        """

    def listens(self, advertiser: Advertiser, channel: int, from_us: int, to_us: int) -> bool:
        """Whether a packet of an advertiser falls into a scan window."""

    def heard(self, advertiser: Advertiser, reception: Reception) -> None:
        """Take a packet that `hears` or `listens` found."""


class Radio:
    """A simulated world: time, randomness and air.

    Args:
        seed: of the only random generator; the same seed and input give the same trace.
        propagation: how signals get from one station to another; as made, all arrive.
    """

    def __init__(self, seed: int = 0, propagation: Propagation = _AS_MADE) -> None:
        self.clock = Clock()
        self.random = Random(seed)
        self.medium = Medium(self.clock, seed, propagation)
        self.medium.on_change = self._medium_changed
        self.links: dict[Link, None] = {}
        self.on_pdu: Callable[[AirPdu], None] | None = None
        self.static_addresses: dict[bytes, Station] = {}
        self._stations = 0
        self._listeners: dict[int, Listener] = {}
        self._listening: tuple[Listener, ...] = ()

    @property
    def now_us(self) -> int:
        """Present simulated time."""
        return self.clock.now_us

    @property
    def on_wakeup(self) -> Callable[[], None] | None:
        """Called when something was scheduled earlier than all that was due before."""
        return self.clock.on_wakeup

    @on_wakeup.setter
    def on_wakeup(self, callback: Callable[[], None] | None) -> None:
        self.clock.on_wakeup = callback

    def next_event_us(self) -> int | None:
        """When the next thing happens, None when nothing is going to."""
        return self.clock.next_event_us()

    def run_until(self, time_us: int) -> None:
        """Let the world run up to and including `time_us`."""
        self.clock.run_until(time_us)

    def schedule_in(self, delay_us: int, callback: Callable[..., None], *args: object) -> Timer:
        """Call `callback(*args)` after `delay_us`."""
        return self.clock.schedule(self.clock.now_us + delay_us, callback, *args)

    def add_station(self, name: str = "") -> Station:
        """A new place in the room."""
        self._stations += 1
        return Station(self._stations, name or f"controller {self._stations}")

    def random_octets(self, count: int) -> bytes:
        """Octets from the world's generator."""
        return self.random.getrandbits(8 * count).to_bytes(count, "little")

    def rssi_dbm(self, sender: Station, receiver: Station, tx_power_dbm: int) -> int:
        """Received strength of what `sender` transmits with this power."""
        return self.medium.rssi_dbm(sender, receiver, tx_power_dbm)

    def _medium_changed(self) -> None:
        for link in list(self.links):
            link.medium_changed()

    def claim_static_address(self, address: bytes, station: Station) -> bool:
        """Reserve a static random address for a station, in place of the one it had.

        Returns: False when another station has it.
        """
        if self.static_addresses.get(address, station) is not station:
            return False
        self.release_static_address(station)
        self.static_addresses[address] = station
        return True

    def release_static_address(self, station: Station) -> None:
        """Give a station's reserved address back."""
        for address, owner in list(self.static_addresses.items()):
            if owner is station:
                del self.static_addresses[address]

    def capture(self, packets: Iterable[AirPdu]) -> None:
        """Show packets to whoever captures; otherwise they are not even made."""
        if self.on_pdu is not None:
            for packet in packets:
                self.on_pdu(packet)

    def add_listener(self, listener: Listener) -> None:
        """Let a scanner or initiator hear advertising from now on."""
        self._listeners[id(listener)] = listener
        self._listening = tuple(self._listeners.values())

    def remove_listener(self, listener: Listener) -> None:
        """Stop that; harmless for one that does not listen."""
        if self._listeners.pop(id(listener), None) is not None:
            self._listening = tuple(self._listeners.values())

    def advertise(self, advertiser: Advertiser) -> None:
        """Put one advertising event on air; whoever listens on its channels in time hears it."""
        if not self.medium.ideal:
            self._advertise_for_real(advertiser)
            return
        now_us = self.clock.now_us
        station = advertiser.station
        for listener in self._listening:
            if listener.station is station:
                continue
            packet = listener.hears(advertiser, now_us)
            if packet is None:
                continue
            rssi_dbm = self.rssi_dbm(station, listener.station, advertiser.tx_power_dbm)
            listener.heard(advertiser, Reception(*packet, rssi_dbm))
            if not advertiser.enabled:
                return

    def _advertise_for_real(self, advertiser: Advertiser) -> None:
        """Send the packets of one event one by one: each may be lost, each may be heard."""
        event = advertiser.event
        for channel, from_us, to_us in advertiser.packet_times_us(self.clock.now_us):
            packet = advertiser.transmission(channel, from_us)
            self.clock.schedule(from_us, self.medium.start, packet)
            if self._listening:
                self.clock.schedule(to_us, self._packet_ended, advertiser, event, packet)

    def _packet_ended(self, advertiser: Advertiser, event: int, packet: Transmission) -> None:
        station, channel = advertiser.station, packet.channel
        for listener in self._listening:
            if not advertiser.is_sending(event):
                return
            if listener.station is station:
                continue
            if not listener.listens(advertiser, channel, packet.from_us, packet.to_us):
                continue
            if self.medium.receives(packet, listener.station):
                rssi_dbm = self.rssi_dbm(station, listener.station, packet.power_dbm)
                listener.heard(advertiser, Reception(channel, packet.to_us, rssi_dbm))
