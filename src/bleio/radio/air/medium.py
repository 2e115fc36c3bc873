"""The medium between stations: which packet reaches which of them, and how strong.

`receives` is asked at the end of a packet, when all that overlaps with it is known. While the
medium is `ideal`, it need not be asked at all, and advertisers and links take a shorter way.

What makes a packet get lost is asked in an order: antennas, chance, noise, interference, other
packets. Chance comes from a generator of the medium's own, so that what is lost does not change
what devices draw. Since the order decides whether it is drawn from, it belongs to the behaviour.

Packets on air are kept per channel until nothing that is still to be judged can overlap with them,
that is for as long as the longest packet so far. So a packet is compared with those that are on air
with it, however many devices there are.
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from functools import lru_cache
from random import Random
from typing import Protocol

from bleio.radio.air import phy
from bleio.radio.air.clock import Timeline
from bleio.radio.air.interference import Interference
from bleio.radio.air.propagation import Position, Propagation, packet_error_rate, rssi
from bleio.radio.air.station import Station

# No packet is longer.
_LONGEST_US = 20_000
_NOT_PAYLOAD_OCTETS = 2 + 3  # header and CRC
_CACHED_PAIRS = 65_536


class Transmission:
    """One packet on its way."""

    __slots__ = ("channel", "corrupt", "from_us", "payload_octets", "phy", "power_dbm", "sender",
                 "to_us")  # fmt: skip

    def __init__(
        self,
        sender: Station,
        channel: int,
        from_us: int,
        payload_octets: int,
        phy_: int,
        power_dbm: int,
    ) -> None:
        self.sender = sender
        self.channel = channel
        self.from_us = from_us
        self.payload_octets = payload_octets
        self.phy = phy_
        self.power_dbm = power_dbm
        self.to_us = from_us + phy.air_time_us(payload_octets, phy_)
        self.corrupt = False


@lru_cache(_CACHED_PAIRS)
def _shadowing_deviate(seed: int, one: int, other: int) -> float:
    """What lies between two stations, in standard deviations: at random, and always the same."""
    return Random(f"shadow {seed} {one} {other}").gauss(0, 1)


class MediumOwner(Protocol):
    """What is told when other packets arrive than before."""

    def medium_changed(self) -> None:
        """Packets can get lost from now on, or no longer, or others."""


class Medium:
    """The air of one world.

    Args:
        seed: of what is left to chance here, apart from the devices' own.
        owner: is told of changes.
    """

    def __init__(
        self, clock: Timeline, seed: int, propagation: Propagation, owner: MediumOwner
    ) -> None:
        self._clock = clock
        self._owner = owner
        self._random = Random(f"medium {seed}")
        self._propagation = propagation
        self._interference: list[Interference] = []
        self._on_air: dict[int, deque[Transmission]] = {}
        self._longest_us = 0
        self._silent: set[Station] = set()
        self._to_corrupt: deque[Station | None] = deque()
        self.ideal = propagation.ideal
        self.lost = 0
        self._seed = seed

    # -- what can be changed while the world runs --

    @property
    def propagation(self) -> Propagation:
        """The settings in use; assign others at any time."""
        return self._propagation

    @propagation.setter
    def propagation(self, propagation: Propagation) -> None:
        self._propagation = propagation
        self._changed()

    def place(self, station: Station, position: Position) -> None:
        """Put a station somewhere: from now on its path losses are by distance, on every air.

        Two stations of which neither was placed have `path_loss_db` between them, as before. Weak
        packets are lost from the first placing on.
        """
        station.position = position
        station.placed = True
        if not self._propagation.noise:
            self.propagation = replace(self._propagation, noise=True)

    def set_antenna(self, station: Station, on: bool) -> None:
        """Take a station's antenna off, or put it on again."""
        station.antenna = on
        (self._silent.discard if on else self._silent.add)(station)
        self._changed()

    def add_interference(self, interference: Interference) -> None:
        """Disturb the air; it ends by itself at `until_us`, or by `remove_interference`."""
        self._interference.append(interference)
        if interference.until_us is not None:
            self._clock.schedule(
                interference.until_us + _LONGEST_US, self.remove_interference, interference
            )
        self._changed()

    def remove_interference(self, interference: Interference) -> None:
        """End it now; harmless when it has ended."""
        if interference in self._interference:
            self._interference.remove(interference)
            self._changed()

    def corrupt_next(self, sender: Station | None = None) -> None:
        """Make the CRC of the next packet, of one station or of any, wrong."""
        self._to_corrupt.append(sender)
        self._changed()

    def spare(self, sender: Station, most: int) -> int:
        """Let packets be as they are that `corrupt_next` was called for. Returns: how many."""
        spared = min(most, self._to_corrupt.count(sender))
        for _ in range(spared):
            self._to_corrupt.remove(sender)
        if spared:
            self._changed()
        return spared

    def leave(self, station: Station) -> None:
        """A station is there no more; what was still to happen to it is off."""
        while station in self._to_corrupt:
            self._to_corrupt.remove(station)
        self._silent.discard(station)
        self._changed()

    def _changed(self) -> None:
        self.ideal = self._propagation.ideal and not (
            self._interference or self._silent or self._to_corrupt
        )
        self._owner.medium_changed()

    # -- levels --

    def level_dbm(self, sender: Station, receiver: Station, power_dbm: float) -> float:
        """Strength at the receiver of what the sender transmits with this power."""
        propagation = self._propagation
        loss_db = propagation.path_loss_db
        if loss_db is None or sender.placed or receiver.placed:
            loss_db = propagation.distance_loss_db(sender.position, receiver.position)
        if propagation.shadowing_db:
            pair = sorted((sender.index, receiver.index))
            loss_db += propagation.shadowing_db * _shadowing_deviate(self._seed, *pair)
        return power_dbm - loss_db

    def rssi_dbm(self, sender: Station, receiver: Station, power_dbm: float) -> int:
        """The same as a receiver reports it."""
        return rssi(self.level_dbm(sender, receiver, power_dbm))

    # -- packets --

    def transmit(self, packet: Transmission) -> Transmission:
        """Put a packet on air, at the latest when it starts."""
        if self.ideal:
            return packet
        for chosen in (packet.sender, None):
            if chosen in self._to_corrupt and not packet.corrupt:
                self._to_corrupt.remove(chosen)
                packet.corrupt = True
                self._clock.schedule(packet.to_us, self._changed)
        if self._propagation.collisions and packet.sender.antenna:
            on_air = self._on_air.setdefault(packet.channel, deque())
            # What ended earlier overlaps with nothing that is still to be judged.
            self._longest_us = max(self._longest_us, packet.to_us - packet.from_us)
            while on_air and on_air[0].to_us < self._clock.now_us - self._longest_us:
                on_air.popleft()
            on_air.append(packet)
        return packet

    def receives(self, packet: Transmission, receiver: Station) -> bool:
        """Whether a packet that was put on air reaches a station unharmed."""
        if self.ideal and not packet.corrupt:
            return True
        received = not self._is_lost(packet, receiver)
        self.lost += not received
        return received

    def _is_lost(self, packet: Transmission, receiver: Station) -> bool:
        if packet.corrupt or not (packet.sender.antenna and receiver.antenna):
            return True
        propagation = self._propagation
        if propagation.loss and self._random.random() < propagation.loss:
            return True
        level_dbm = self.level_dbm(packet.sender, receiver, packet.power_dbm)
        if propagation.noise and self._drowns(packet, level_dbm):
            return True
        if self._is_disturbed(packet, level_dbm):
            return True
        return propagation.collisions and self._collides(packet, receiver, level_dbm)

    def _drowns(self, packet: Transmission, level_dbm: float) -> bool:
        octets = packet.payload_octets + _NOT_PAYLOAD_OCTETS
        return self._random.random() < packet_error_rate(level_dbm, packet.phy, octets)

    def _is_disturbed(self, packet: Transmission, level_dbm: float) -> bool:
        return any(
            each.hits(packet.channel, packet.from_us, packet.to_us)
            and level_dbm - each.level_dbm < self._propagation.capture_db
            for each in self._interference
        )

    def _collides(self, packet: Transmission, receiver: Station, level_dbm: float) -> bool:
        for other in self._on_air.get(packet.channel, ()):
            if other is packet or other.to_us <= packet.from_us or packet.to_us <= other.from_us:
                continue
            if other.sender is receiver:
                return True  # it cannot listen while it transmits
            other_dbm = self.level_dbm(other.sender, receiver, other.power_dbm)
            if level_dbm - other_dbm < self._propagation.capture_db:
                return True
        return False
