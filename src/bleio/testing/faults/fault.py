"""The kinds of faults, each a value that says what breaks, when, and for how long.

A fault begins once, at its time, and ends once, when its time is over; what is over at once has no
end. Faults may overlap, also of one kind and device: see `holds`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bleio.testing.air.sharedair import SharedAir
    from bleio.testing.device import Device
    from bleio.testing.faults.holds import Holds

LONGEST_S = 1e9
ADVERTISING = (37, 38, 39)
ALL_CHANNELS = tuple(range(40))

Undo = Callable[[], object]


class Place(Protocol):
    """Where faults happen.

    holds: what faults under way do to settings.
    """

    air: SharedAir
    devices: Mapping[str, Device]
    holds: Holds


class Fault:
    """What all faults have.

    Attributes:
        at_s: when it begins, in simulated seconds since the world began.
        over_s: when it is over.
        KIND: its name as text; see `text`.

    Raises: ValueError for what makes no sense.
    """

    KIND: ClassVar[str]  # kinds do not annotate theirs: hypothesis would show it as an argument
    at_s: float

    def __post_init__(self) -> None:
        for name in ("at_s", "for_s"):
            value = getattr(self, name, 0)
            if not 0 <= value <= LONGEST_S:
                raise ValueError(f"{name} of a fault must be a number of seconds from 0 on")
            if hasattr(self, name):  # whole microseconds, as it happens and is written
                object.__setattr__(self, name, round(float(value), 6))
        self._check()

    def _check(self) -> None:
        """Raise ValueError if what is its own makes no sense."""

    @property
    def over_s(self) -> float:
        return round(self.at_s + getattr(self, "for_s", 0.0), 6)

    def begin(self, place: Place) -> Undo | None:
        """Let it happen. Returns: what ends it before its time, beside `end`, if there is that."""
        raise NotImplementedError

    def end(self, place: Place) -> None:
        """Let it be over."""

    def cut_short(self, place: Place, undo: Undo | None) -> Fault | None:
        """Let it be over before its time. Returns: what it was; None if nothing came of it.

        Raises: ValueError for one that cannot be taken back.
        """
        if not hasattr(self, "for_s"):
            raise ValueError(f"'{self}' is over at once, and cannot be taken back")
        if undo is not None:
            undo()
        self.end(place)
        was: Any = replace(self, for_s=max(0.0, place.air.now_s - self.at_s))  # type: ignore[type-var]
        assert isinstance(was, Fault)
        return was

    def __str__(self) -> str:
        """As it can be typed."""
        from bleio.testing.faults.text import written

        return written(self)


@dataclass(frozen=True)
class DropLinks(Fault):
    """The device's links break; both ends are told, as after a supervision time-out."""

    KIND = "drop"
    device: str
    at_s: float

    def begin(self, place: Place) -> Undo | None:
        place.devices[self.device].drop_links()
        return None


@dataclass(frozen=True)
class PowerCut(Fault):
    """The device loses its power, and its program begins anew when that is back.

    A device that is off, or whose program has ended, is left alone.
    """

    KIND = "power-cut"
    device: str
    at_s: float
    for_s: float = 1.0

    def begin(self, place: Place) -> Undo | None:
        device = place.devices[self.device]
        device.cut_power(self.for_s)
        return device.end_cut


@dataclass(frozen=True)
class Corrupt(Fault):
    """The next packets that the device sends have a wrong CRC."""

    KIND = "corrupt"
    device: str
    at_s: float
    packets: int = 1

    def _check(self) -> None:
        if not 1 <= self.packets <= 1_000_000:
            raise ValueError("packets of a fault must be a number from 1 to 1000000")

    def begin(self, place: Place) -> Undo | None:
        for _ in range(self.packets):
            place.devices[self.device].corrupt_next()
        return None

    def cut_short(self, place: Place, undo: Undo | None) -> Fault | None:
        spared = place.devices[self.device].spare_next(self.packets)
        if not spared:
            raise ValueError(f"'{self}' is over: all its packets have been sent")
        left = self.packets - spared
        return replace(self, packets=left) if left else None


class _Hold(Fault):
    """A setting is another one for a while.

    SETTING: the attribute of a device, or of the air.
    """

    SETTING: ClassVar[str]

    def begin(self, place: Place) -> Undo | None:
        place.holds.begin(self._target(place), self.SETTING, self._value())
        return None

    def end(self, place: Place) -> None:
        place.holds.end(self._target(place), self.SETTING, self._value())

    def _target(self, place: Place) -> Any:
        device: str | None = getattr(self, "device", None)
        return place.air if device is None else place.devices[device]

    def _value(self) -> float:
        return True


@dataclass(frozen=True)
class Slow(_Hold):
    """The device is slower; see `Device.slowness`."""

    KIND = "slow"
    SETTING = "slowness"
    device: str
    at_s: float
    for_s: float = 1.0
    times: float = 1000.0

    def _check(self) -> None:
        if not 0 < self.times < math.inf:
            raise ValueError("times of a fault must be a number above 0")

    def _value(self) -> float:
        return self.times


@dataclass(frozen=True)
class RefuseConnections(_Hold):
    """The device leaves connection requests unanswered; see `Device.refuse_connections`."""

    KIND = "refuse"
    SETTING = "refuse_connections"
    device: str
    at_s: float
    for_s: float = 1.0


@dataclass(frozen=True)
class NoAntenna(_Hold):
    """The device neither hears nor is heard."""

    KIND = "no-antenna"
    SETTING = "antenna"
    device: str
    at_s: float
    for_s: float = 1.0

    def _value(self) -> float:
        return False


@dataclass(frozen=True)
class FullDisk(_Hold):
    """The device can write neither bonds nor files; see `Device.full_disk`."""

    KIND = "full-disk"
    SETTING = "full_disk"
    device: str
    at_s: float
    for_s: float = 1.0


@dataclass(frozen=True)
class Loss(_Hold):
    """A part of all packets is lost by chance."""

    KIND = "loss"
    SETTING = "loss"
    at_s: float
    for_s: float = 1.0
    part: float = 0.5

    def _check(self) -> None:
        if not 0 <= self.part <= 1:
            raise ValueError("part of a fault must be a number from 0 to 1")

    def _value(self) -> float:
        return self.part


@dataclass(frozen=True)
class Jam(Fault):
    """The air is disturbed; see `World.jam`."""

    KIND = "jam"
    at_s: float
    for_s: float = 1.0
    channels: tuple[int, ...] = ALL_CHANNELS

    def _check(self) -> None:
        object.__setattr__(self, "channels", tuple(sorted(set(self.channels))))
        if not self.channels or not set(self.channels) <= set(ALL_CHANNELS):
            raise ValueError("channels of a fault must be some of 0 to 39")

    def begin(self, place: Place) -> Undo | None:
        return partial(place.air.calm, place.air.jam(self.for_s, channels=self.channels))


@dataclass(frozen=True)
class Wifi(Fault):
    """A Wi-Fi network sends; see `World.wifi`."""

    KIND = "wifi"
    at_s: float
    for_s: float = 1.0
    channel: int = 6
    load: float = 0.5

    def _check(self) -> None:
        if not 1 <= self.channel <= 13:
            raise ValueError("channel of a fault must be one of Wi-Fi, 1 to 13")
        if not 0 < self.load <= 1:
            raise ValueError("load of a fault must be above 0 and at most 1")

    def begin(self, place: Place) -> Undo | None:
        made = place.air.wifi(self.for_s, channel=self.channel, load=self.load)
        return partial(place.air.calm, made)


OF_DEVICES: tuple[type[Fault], ...] = (
    *(DropLinks, PowerCut, RefuseConnections, NoAntenna, Slow, Corrupt, FullDisk),
)
OF_THE_AIR: tuple[type[Fault], ...] = (Jam, Loss, Wifi)
KINDS: dict[str, type[Fault]] = {kind.KIND: kind for kind in (*OF_DEVICES, *OF_THE_AIR)}
