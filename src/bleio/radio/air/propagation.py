"""What happens to a signal on its way: path loss, noise, chance. Settings and arithmetic only.

Models, each simple enough to be checked by hand:

- Path loss is fixed, or log-distance: `reference_loss_db + 10 * exponent * log10(metres)` plus
  shadowing, a normal deviate that belongs to the pair of stations and does not change.
- Noise: a receiver's sensitivity is where one bit in 1,000 is wrong (Vol 6, Part A, 4). With a
  margin of m dB above it the bit error rate is `0.5 * exp(-ln(500) * 10 ** (m / 10))`, and a packet
  of n bits is lost with the probability `1 - (1 - rate) ** n`.
- Collisions: a packet is lost when another signal on its channel is not `capture_db` weaker.

A packet that is lost is not noticed at all by its receiver.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from bleio.radio.air import phy

DEFAULT_PATH_LOSS_DB = 60.0
# Free space, 1 m, 2.44 GHz.
REFERENCE_LOSS_DB = 40.2
# What common chips of today reach; Coded with S=8.
SENSITIVITY_DBM = {phy.LE_1M: -95.0, phy.LE_2M: -92.0, phy.LE_CODED: -103.0}
_NEAREST_M = 0.01
_RSSI_MIN_DBM, _RSSI_MAX_DBM = -127, 20

Position = tuple[float, float, float]


@dataclass(frozen=True)
class Propagation:
    """How signals get from one station to another. As made by default, all arrive.

    Args:
        path_loss_db: between any two stations; None computes it from their distance, as it always
            is for stations that were placed (`Medium.place`).
        exponent: of the distance: 2 is free space, 3 to 4 is inside buildings.
        reference_loss_db: at 1 m.
        shadowing_db: standard deviation of what walls and bodies add or take per pair.
        noise: whether weak packets are lost.
        loss: the part of all packets that is lost by chance, 0 to 1.
        collisions: whether packets that overlap on a channel disturb one another.
        capture_db: how much stronger than the rest a packet must be to be received all the same.
    Raises: ValueError for numbers that make no sense.
    """

    path_loss_db: float | None = DEFAULT_PATH_LOSS_DB
    exponent: float = 2.0
    reference_loss_db: float = REFERENCE_LOSS_DB
    shadowing_db: float = 0.0
    noise: bool = False
    loss: float = 0.0
    collisions: bool = False
    capture_db: float = 6.0

    def __post_init__(self) -> None:
        if not 0 <= self.loss <= 1:
            raise ValueError("loss must be from 0 to 1")
        numbers = (self.path_loss_db or 0.0, self.reference_loss_db, self.capture_db)
        if not all(math.isfinite(number) for number in numbers):
            raise ValueError("levels must be finite")
        if not (0 < self.exponent < math.inf and 0 <= self.shadowing_db < math.inf):
            raise ValueError("exponent must be positive and shadowing_db not negative")

    @property
    def ideal(self) -> bool:
        """Whether every packet arrives."""
        return not (self.loss or self.noise or self.collisions)

    def distance_loss_db(self, one: Position, other: Position) -> float:
        """Path loss between two places, without shadowing."""
        metres = max(math.dist(one, other), _NEAREST_M)
        return self.reference_loss_db + 10 * self.exponent * math.log10(metres)


def rssi(level_dbm: float) -> int:
    """What a receiver reports for a level."""
    return max(_RSSI_MIN_DBM, min(_RSSI_MAX_DBM, round(level_dbm)))


def packet_error_rate(level_dbm: float, phy_: int, octets: int) -> float:
    """Part of the packets of this length (header to CRC) that noise destroys at this level."""
    margin_db = level_dbm - SENSITIVITY_DBM[phy_]
    bit_error_rate = 0.5 * math.exp(-math.log(500) * 10 ** (margin_db / 10))
    return 1 - (1 - bit_error_rate) ** (8 * octets)
