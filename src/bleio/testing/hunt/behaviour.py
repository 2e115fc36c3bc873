"""What a world did: whether it is something new, and when there was something to disturb.

A second fault finds most where the first has led programs to where they had not been, while they
are busy there. What they print tells the former, roughly. The latter is told by when they print,
and when their links carry something: faults between two such moments, all pairs alike, come often
where much happens in a short time. As often they come at any time, so that they come, too, where
nothing happens for an hour.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import NamedTuple

from bleio.radio.air.radio import AirPdu
from bleio.testing.faults.fault import Fault
from bleio.testing.world import World

_NUMBERS = re.compile(r"\d+")
_SEVERAL = 3  # times that a line is printed; more are as many
_LINES = 1000  # of each device
_ADVERTISING = 0x8E89BED6
_CONNECT_IND = 5
_STEP_S = 0.005
MOST_MOMENTS = 300

Behaviour = frozenset[object]


def behaviour_of(world: World) -> Behaviour:
    """Return what is the same for worlds that did about the same."""
    printed = Counter(
        (name, _NUMBERS.sub("0", line.text))
        for name, device in world.devices.items()
        for line in device.output.lines[:_LINES]
    )
    return frozenset((*line, min(count, _SEVERAL)) for line, count in printed.items())


def kinds_of(faults: tuple[Fault, ...]) -> frozenset[object]:
    """Return what is the same for about the same faults."""
    return frozenset((fault.KIND, getattr(fault, "device", None)) for fault in faults)


def moments_of(world: World, faults: tuple[Fault, ...]) -> tuple[float, ...]:
    """Return when something happened since the last fault began, and the end; at least 2 times."""
    from_s = max((fault.at_s for fault in faults), default=0.0)
    times = {each for fault in faults for each in (fault.at_s, fault.over_s)}
    for device in world.devices.values():
        times.update(line.time_s for line in device.output.lines)
    times.update(packet.time_us / 1e6 for packet in world.packets if _carries_something(packet))
    chosen = [from_s]
    for time_s in sorted(times):
        if time_s >= chosen[-1] + _STEP_S:
            chosen.append(time_s)
    if len(chosen) > MOST_MOMENTS:
        part = len(chosen) / MOST_MOMENTS
        chosen = [chosen[int(number * part)] for number in range(MOST_MOMENTS)]
    return (*chosen, max(world.now_s, chosen[-1] + _STEP_S))


def _carries_something(packet: AirPdu) -> bool:
    if packet.access_address == _ADVERTISING:
        return packet.octets[0] & 15 == _CONNECT_IND
    return len(packet.octets) > 2 and packet.octets[1] > 0


class Beginning(NamedTuple):
    """A world to which one more fault can come, at its moments or between them."""

    seed: int
    faults: tuple[Fault, ...]
    moments: tuple[float, ...]

    def among_moments_s(self, part: float, of_the_way: float) -> float:
        """Return a time: that far along the moments, and that far on to the next."""
        number = min(int(part * (len(self.moments) - 1)), len(self.moments) - 2)
        before_s, after_s = self.moments[number : number + 2]
        return round(before_s + of_the_way * (after_s - before_s), 3)

    def in_time_s(self, part: float) -> float:
        """Return a time: that far from the first moment to the last."""
        return round(self.moments[0] + part * (self.moments[-1] - self.moments[0]), 3)
