"""One simulated world: what all its devices share.

`Radio` owns the world's timeline, its one random generator, the medium, and the lists of those that
hear advertising, of links, and of those that watch. Advertising events put their packets on air
through `transmit`. A link sends its own packets, since what is at its two ends is known, and most
of its events need not be simulated at all; the radio knows it only to tell it of changes.

To watch is to be shown every packet as an `AirPdu`, with octets. Octets are costly and nothing in
the model needs them, so they are made only while something watches. What looks at few of them, and
late, can keep what they are made from (`keep`). A watcher must not change anything: traces with and
without it are the same.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from bleio.radio.air.clock import Timeline, Timer
from bleio.radio.air.medium import Medium, Transmission
from bleio.radio.air.phy import ADVERTISING_ACCESS_ADDRESS, ADVERTISING_CRC_INIT
from bleio.radio.air.propagation import Propagation
from bleio.radio.air.station import Station

if TYPE_CHECKING:
    from bleio.radio.air.keys import LinkKey

_AS_MADE = Propagation()


class Direction(IntEnum):
    """What kind of packet it is; the numbers are those of captures."""

    ADVERTISING = 0
    AUXILIARY = 1
    TO_PERIPHERAL = 2
    TO_CENTRAL = 3


class AuxiliaryType(IntEnum):
    """What kind of auxiliary packet it is; the numbers are those of captures."""

    ADV = 0
    CHAIN = 1
    SCAN_RSP = 3


class AirPdu(NamedTuple):
    """One packet on air, as a capture wants it: `octets` from header to payload, without CRC.

    `clear_octets` are the same before they were enciphered, empty if that did not happen.
    """

    time_us: int
    channel: int
    phy: int
    access_address: int
    tx_power_dbm: int
    sender: Station
    octets: bytes
    direction: Direction = Direction.ADVERTISING
    crc_init: int = ADVERTISING_CRC_INIT
    crc_right: bool = True
    clear_octets: bytes = b""
    auxiliary_type: AuxiliaryType = AuxiliaryType.ADV


# A function and its arguments, which make a packet at any time.
Unmade = tuple[Callable[..., AirPdu], tuple[Any, ...]]


class IdleMeter(Protocol):
    """Knows the packets of a link's idle events, which are made up only when somebody asks."""

    def account(self) -> None:
        """Make up what was sent until now."""

    def account_until(self, time_us: int) -> None:
        """Make up what was sent before a time that has passed."""


class LinkOnAir(Protocol):
    """A link, as the air knows it."""

    @property
    def meter(self) -> IdleMeter:
        """What it has sent without being asked."""

    def medium_changed(self) -> None:
        """Packets can get lost from now on, or no longer."""


class AirReceiver(Protocol):
    """What hears advertising at a station."""

    station: Station


class Radio:
    """A simulated world: time, randomness and air.

    Args:
        seed: of the only random generator; the same seed and input give the same trace.
        propagation: how signals get from one station to another; as made, all arrive.
    """

    def __init__(self, seed: int = 0, propagation: Propagation = _AS_MADE) -> None:
        self.clock = Timeline()
        # When the next thing happens, None when nothing is going to; and to let the world run up to
        # and including a time. The clock's own, without a call between: drivers ask all the time.
        self.next_event_us, self.run_until = self.clock.next_event_us, self.clock.run_until
        self.random = Random(seed)
        self.medium = Medium(self.clock, seed, propagation, self)
        self.links: dict[LinkOnAir, None] = {}
        self.watched = False  # whether anything looks at octets; otherwise they need not be made
        self._watchers: tuple[Callable[[AirPdu], None], ...] = ()
        self._keepers: tuple[Callable[[Unmade], None], ...] = ()
        self.packets_shown = 0  # while something watches
        self._idle_watchers: tuple[Callable[[AirPdu], None], ...] = ()
        # Shown each packet of advertising at its end, and for each device that listened to it then
        # whether it has got it.
        self.hearing_watchers: tuple[Callable[[Transmission, Station, bool], None], ...] = ()
        self._key_watchers: tuple[Callable[[LinkKey], None], ...] = ()
        self.static_addresses: dict[bytes, Station] = {}
        self._stations = 0
        self._listeners: dict[int, AirReceiver] = {}
        # What else is in it is between advertising and its listeners: `AirListener` there.
        self.listening: tuple[Any, ...] = ()

    @property
    def now_us(self) -> int:
        """Present simulated time."""
        return self.clock.now_us

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

    def medium_changed(self) -> None:
        """Let links know that packets can get lost from now on, or no longer, or others."""
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
        """Free the address that is reserved for a station."""
        for address, owner in list(self.static_addresses.items()):
            if owner is station:
                del self.static_addresses[address]

    # -- keys --

    def watch_keys(self, callback: Callable[[LinkKey], None]) -> None:
        """Tell a callback what each link is encrypted with when its encryption starts.

        Without it no key leaves the model; `bleio.radio.air.keys` has the form of a text file.
        """
        self._key_watchers += (callback,)

    def unwatch_keys(self, callback: Callable[[LinkKey], None]) -> None:
        """Stop that; harmless for one that does not watch."""
        self._key_watchers = tuple(each for each in self._key_watchers if each != callback)

    def show_key(self, key: LinkKey) -> None:
        """A link's encryption has started."""
        for watcher in self._key_watchers:
            watcher(key)

    # -- packets --

    def watch(self, callback: Callable[[AirPdu], None]) -> None:
        """Show every packet on air to a callback too, at the latest when it starts.

        Looking changes nothing. A packet may be shown ahead of its time, after one that is later.
        """
        self._watchers += (callback,)
        self.watched = True

    def unwatch(self, callback: Callable[[AirPdu], None]) -> None:
        """Stop that; harmless for one that does not watch."""
        self._watchers = tuple(each for each in self._watchers if each != callback)
        self.watched = bool(self._watchers or self._keepers)

    def keep(self, callback: Callable[[Unmade], None]) -> None:
        """Show every packet to a callback that may never look at it, and so is not made yet."""
        self._keepers += (callback,)
        self.watched = True

    def watch_idle(self, callback: Callable[[AirPdu], None]) -> None:
        """Show a callback the empty packets of idle links where nothing can get lost.

        They cost nothing otherwise, so they are made up late: whenever `LinkMeter.account` is
        called, but before anything that follows them on their link.
        """
        self._idle_watchers += (callback,)

    def unwatch_idle(self, callback: Callable[[AirPdu], None]) -> None:
        """Stop that; harmless for one that does not watch."""
        self._idle_watchers = tuple(each for each in self._idle_watchers if each != callback)

    @property
    def idle_watched(self) -> bool:
        """Whether anything wants to see what idle links send."""
        return bool(self._idle_watchers)

    def show_idle(self, packet: AirPdu) -> None:
        """Let those see it that want to."""
        for watcher in self._idle_watchers:
            watcher(packet)

    def show(self, sender: Station, unmade: Unmade) -> None:
        """Let the watchers see a packet; without its sender's antenna it is not on air."""
        if not sender.antenna:
            return
        self.packets_shown += 1
        for keeper in self._keepers:
            keeper(unmade)
        if self._watchers:
            make, args = unmade
            packet = make(*args)
            for watcher in self._watchers:
                watcher(packet)

    def transmit(
        self,
        packet: Transmission,
        octets: Callable[..., bytes],
        *args: object,
        direction: Direction = Direction.ADVERTISING,
        auxiliary_type: AuxiliaryType = AuxiliaryType.ADV,
    ) -> None:
        """Put a packet of advertising, scanning or initiating on air, at the latest at its start.

        Args: octets: called with `args`, returns header and payload; only if the air is watched.
        """
        packet.sender.tx_us += packet.to_us - packet.from_us
        if not self.medium.ideal:
            self.medium.transmit(packet)
        if self.watched:
            made = octets(*args)  # now, as what it is made from may change
            assert len(made) - 2 == packet.payload_octets
            shown = (packet, not packet.corrupt, made, direction, auxiliary_type)
            self.show(packet.sender, (_advertising_packet, shown))

    # -- advertising --

    def add_listener(self, listener: AirReceiver) -> None:
        """Let a scanner or initiator hear advertising from now on."""
        self._listeners[id(listener)] = listener
        self.listening = tuple(self._listeners.values())

    def remove_listener(self, listener: AirReceiver) -> None:
        """Stop that; harmless for one that does not listen."""
        if self._listeners.pop(id(listener), None) is not None:
            self.listening = tuple(self._listeners.values())


def _advertising_packet(
    packet: Transmission,
    crc_right: bool,
    octets: bytes,
    direction: Direction,
    auxiliary_type: AuxiliaryType,
) -> AirPdu:
    return AirPdu(
        packet.from_us,
        packet.channel,
        packet.phy,
        ADVERTISING_ACCESS_ADDRESS,
        packet.power_dbm,
        packet.sender,
        octets,
        direction,
        crc_right=crc_right,
        auxiliary_type=auxiliary_type,
    )
