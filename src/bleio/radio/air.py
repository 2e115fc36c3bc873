"""The medium that all controllers of one world share.

`Radio` owns the world's clock, its one random generator and the list of who listens. Advertising
reaches listeners through it; a connection, once made, is an object of its own (`link.py`) that
only asks for time and path loss.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from random import Random
from typing import TYPE_CHECKING, NamedTuple, Protocol

from bleio.radio.clock import Clock, Timer

if TYPE_CHECKING:
    from bleio.radio.advertiser import Advertiser

DEFAULT_PATH_LOSS_DB = 60.0
_RSSI_MIN_DBM = -127
_RSSI_MAX_DBM = 20


class Station:
    """One radio in the room; what path loss is computed between."""

    __slots__ = ("index", "name")

    def __init__(self, index: int, name: str) -> None:
        self.index = index
        self.name = name


class AirPdu(NamedTuple):
    """One packet on air, as a capture wants it: `octets` from header to payload, without CRC."""

    time_us: int
    channel: int
    phy: int
    access_address: int
    tx_power_dbm: int
    sender: Station
    octets: bytes


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

    def heard(self, advertiser: Advertiser, reception: Reception) -> None:
        """Take a packet that `hears` found."""


class Radio:
    """A simulated world: time, randomness and air.

    Args:
        seed: of the only random generator; the same seed and input give the same trace.
        path_loss_db: between any two stations; RSSI is transmit power minus this.
    """

    def __init__(self, seed: int = 0, path_loss_db: float = DEFAULT_PATH_LOSS_DB) -> None:
        self.clock = Clock()
        self.random = Random(seed)
        self.path_loss_db = path_loss_db
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
        level = round(tx_power_dbm - self.path_loss_db)
        return max(_RSSI_MIN_DBM, min(_RSSI_MAX_DBM, level))

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
