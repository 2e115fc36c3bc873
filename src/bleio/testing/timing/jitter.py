"""Hosts and programs that do not take the same time twice, so that races show.

In a world without jitter a host answers at once and a program takes 20 us for a look, every time.
That is easy to follow, and hides what goes wrong with real devices: of two things that may happen
in either order, the same one is always first. With jitter each device has a pace of its own in each
seed, and each thing that it does takes another time.

All of a device's times are drawn from exponential distributions: mostly short, now and then several
times the mean. Their mean is drawn for each device from a tenth of the world's `jitter_us` to ten
times that, so there are worlds where one device is quick and its peer slow. Even means would make
the hundred packets of a connection take nearly the same time in every seed.

The numbers come from the seed and the device's name, with a stream for each kind of wait. So what
one device draws does not depend on how often another one looks, and a program that looks once more
does not change what its host draws.
"""

from __future__ import annotations

from random import Random

LEAST, MOST = 0.1, 10.0  # of `jitter_us`, the mean of one device
STALLS, STALL = 1 / 50, 10.0  # that part of its times has a mean that many times as long
LONGEST_US = 1_000_000


class Late:
    """What a slow device takes beyond the usual, whatever it does.

    Attributes:
        usual_look_us: what a look takes at least, as slow as the device is.
        slow_us: what all else takes longer.

    Thread: the one that has the world's baton.
    """

    by_chance = False

    def __init__(self) -> None:
        self.usual_look_us = 1
        self.slow_us = 0

    def look_us(self) -> int:
        """How long its program's next look takes at least."""
        return self.usual_look_us

    def wait_us(self) -> int:
        """How much longer a blocking call or a sleep takes."""
        return self.slow_us

    def packet_us(self, now_us: int) -> int:
        """How long its host takes for a packet of its controller."""
        return self.slow_us


class Jitter(Late):
    """The same with what comes by chance.

    Attributes: mean_us: of that, in this world.
    """

    by_chance = True

    def __init__(self, seed: int, name: str, jitter_us: float) -> None:
        super().__init__()
        self.mean_us = jitter_us * LEAST * (MOST / LEAST) ** _stream(seed, name, "pace").random()
        self._looks = _stream(seed, name, "looks")
        self._waits = _stream(seed, name, "waits")
        self._packets = _stream(seed, name, "packets")
        self._heard_us = 0  # when its host has heard all that its controller said

    def look_us(self) -> int:
        """See `Late`. On average that is at most twice the usual."""
        extra_us = _drawn_us(self._looks, min(self.mean_us, self.usual_look_us))
        return self.usual_look_us + extra_us

    def wait_us(self) -> int:
        """See `Late`. The start of its program takes that, too."""
        return self.slow_us + _drawn_us(self._waits, self.mean_us)

    def packet_us(self, now_us: int) -> int:
        """See `Late`. Packets come one by one."""
        due_us = now_us + self.slow_us + _drawn_us(self._packets, self.mean_us)
        self._heard_us = max(self._heard_us, due_us)
        return self._heard_us - now_us


def make_jitter(seed: int, name: str, jitter_us: float) -> Jitter | None:
    """Return what a device of that name takes beyond the usual; None in a world without jitter."""
    return Jitter(seed, name, jitter_us) if jitter_us else None


def check_jitter(jitter_us: float) -> float:
    """Return what a world was given. Raises: ValueError."""
    if not 0 <= jitter_us <= LONGEST_US:
        raise ValueError(f"jitter_us must be a number of microseconds from 0 to {LONGEST_US}")
    return jitter_us


def _stream(seed: int, name: str, kind: str) -> Random:
    text = f"jitter {seed} {kind} {name}"
    return Random(text.encode(errors="surrogateescape"))


def _drawn_us(stream: Random, mean_us: float) -> int:
    if stream.random() < STALLS:
        mean_us *= STALL
    return round(stream.expovariate(1 / mean_us))
