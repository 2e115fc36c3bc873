"""Faults happen to a world: each is a participant that sleeps until its time, and to its end.

So they take their turns as programs do, in simulated time and in an order that is the same in every
run. None of them keeps a world going whose programs have ended: what is later does not happen.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from bleio.testing.faults.fault import Fault, Undo
from bleio.testing.faults.holds import Holds
from bleio.testing.faults.text import parse, time_text
from bleio.testing.naming import suggestion

if TYPE_CHECKING:
    from bleio.testing.air.sharedair import SharedAir
    from bleio.testing.device import Device
    from bleio.testing.timing.participant import Participant

Faults = Fault | str | Iterable["Faults"]


class Schedule:
    """The faults of one world; see `Place`.

    Attributes: faults: all that were given so far, by the time of the world.
    """

    def __init__(self, air: SharedAir, devices: Mapping[str, Device]) -> None:
        self.air = air
        self.devices = devices
        self.holds = Holds()
        self.faults: tuple[Fault, ...] = ()
        # By identity, as two faults may be equal: who lets it happen, and what ends it early.
        self._happening: dict[int, tuple[Participant, Undo | None]] = {}

    def add(self, faults: Faults, from_s: float) -> None:
        """Let these happen, too. Raises: ValueError; then none of them does."""
        if not from_s >= 0:
            raise ValueError("from_s must be a number of seconds from 0 on")
        added = tuple(_later(fault, from_s) for fault in _flat(faults))
        for fault in added:
            self._check(fault)
        self.faults += added
        for fault in added:
            self.air.clock.start(partial(self._happen, fault), str(fault), round(fault.at_s * 1e6))

    def cut_short(self, fault: Fault) -> Fault | None:
        """Let one of `faults` be over that has begun; what it was then takes its place there.

        Returns: that; None if nothing came of it.
        Raises: ValueError if it is over, or cannot be taken back.
        """
        who, undo = self._happening.get(id(fault), (None, None))
        if who is None and hasattr(fault, "for_s"):
            raise ValueError(f"'{fault}' is over, or has not begun")
        if who is not None:
            del self._happening[id(fault)]
            self.air.clock.stop(who, SystemExit)  # where it waits for the end of the fault
        was = fault.cut_short(self, undo)
        mine = [was if each is fault else each for each in self.faults]
        self.faults = tuple(each for each in mine if each is not None)
        return was

    def _check(self, fault: Fault) -> None:
        device = getattr(fault, "device", None)
        if device is not None and device not in self.devices:
            raise ValueError(
                f"'{fault}' is of a device that this world does not have"
                f"{suggestion(device, self.devices)}"
            )
        now_s = self.air.now_s
        if fault.at_s < now_s:
            raise ValueError(
                f"'{fault}' is in the past, for it is {time_text(now_s)} in this world; times count"
                " from its beginning, or from from_s, which can be world.now_s"
            )

    def _happen(self, fault: Fault) -> None:
        clock = self.air.clock
        undo = fault.begin(self)
        left_us = round(fault.over_s * 1e6) - clock.now_us
        if left_us > 0:
            self._happening[id(fault)] = clock.participant(), undo
            clock.sleep(left_us / 1e6)
            self._happening.pop(id(fault))
        fault.end(self)


def _later(fault: Fault, by_s: float) -> Fault:
    if not by_s:
        return fault
    later: Any = replace(fault, at_s=fault.at_s + by_s)  # type: ignore[type-var]
    assert isinstance(later, Fault)
    return later


def _flat(faults: Faults) -> Iterator[Fault]:
    if isinstance(faults, Fault):
        yield faults
    elif isinstance(faults, str):
        yield parse(faults)
    elif isinstance(faults, Iterable):
        for each in faults:
            yield from _flat(each)
    else:
        raise TypeError(f"A fault is a value or text, such as Jam(2) or 'jam @2s', not {faults!r}")
