"""One device's radio: its place, its clock, and how long it is on.

Most of a device's energy goes into its radio. Packets are counted as they are sent; what happens
without a timer of its own is counted by meters, which compute it when they are asked.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

from bleio.radio.air.propagation import Position

MAX_CLOCK_ACCURACY_PPM, MAX_CLOCK_DRIFT_PPM = 500, 10_000


class RadioOn(NamedTuple):
    """Microseconds in which a radio transmitted, and in which it listened."""

    tx_us: int
    rx_us: int


class Meter(Protocol):
    """Counts one activity of a station."""

    def account(self) -> None:
        """Add what has come together until now to the station's counters."""


class Interruptible(Meter, Protocol):
    """Counts listening that gives way to links."""

    def interrupt(self, from_us: int, to_us: int) -> None:
        """Do not count this time, in which the radio is in use for a link."""


class Station:
    """One radio in the room: where it is, how good its clock is, how long it was on.

    `meters` count what happens without a timer of its own, scan windows and idle connection events:
    they compute it from the time when they are asked, or before their terms change. `listening` are
    those of them that count windows in which a link may take the radio away.
    """

    __slots__ = ("advertises_until_us", "antenna", "clock_accuracy_ppm", "clock_drift_ppm", "index",
                 "listening", "meters", "name", "placed", "position", "rx_us", "tx_us")  # fmt: skip

    def __init__(self, index: int, name: str) -> None:
        self.index = index
        self.name = name
        self.position: Position = (0.0, 0.0, 0.0)
        self.placed = False  # its distances matter, whatever else the path loss is: `Medium.place`
        self.antenna = True
        self.clock_drift_ppm, self.clock_accuracy_ppm = 0, MAX_CLOCK_ACCURACY_PPM
        self.advertises_until_us = 0  # an advertising set of it has the air, for what is known
        self.tx_us = self.rx_us = 0  # without what the meters have not counted yet
        self.meters: dict[Meter, None] = {}
        self.listening: dict[Interruptible, None] = {}

    def set_clock(self, drift_ppm: int, accuracy_ppm: int = MAX_CLOCK_ACCURACY_PPM) -> None:
        """Make the sleep clock slow (or fast, if negative), and say how good it claims to be.

        New links and the advertising events to come go by it. Spec: Vol 6, Part B, 4.2.2.

        Raises: ValueError when not even the specification allows a clock like that to be claimed.
        """
        if not 0 <= accuracy_ppm <= MAX_CLOCK_ACCURACY_PPM:
            raise ValueError(f"accuracy_ppm must be from 0 to {MAX_CLOCK_ACCURACY_PPM}")
        if abs(drift_ppm) > MAX_CLOCK_DRIFT_PPM:
            raise ValueError(f"drift_ppm must be from -{MAX_CLOCK_DRIFT_PPM} to that")
        self.clock_drift_ppm, self.clock_accuracy_ppm = drift_ppm, accuracy_ppm

    def by_its_clock(self, time_us: int) -> int:
        """How long it takes for what it takes for so long."""
        return time_us + time_us * self.clock_drift_ppm // 1_000_000

    @property
    def radio_on(self) -> RadioOn:
        """How long it has transmitted and listened until now."""
        for meter in tuple(self.meters):
            meter.account()
        return RadioOn(self.tx_us, self.rx_us)
