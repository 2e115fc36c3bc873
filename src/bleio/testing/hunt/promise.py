"""What programs of a world promise: what is printed within a time, and what is not.

A world keeps its promise when all texts of `until` have been printed: that is its end. What comes
later is not looked at, nor is what is printed of `never`. Without `until` it ends with its
programs, or when the time is over. A program that fails, and a world in which nothing can happen
any more, break any promise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from bleio.testing.device import Device
from bleio.testing.errors import Stalled
from bleio.testing.faults.text import time_text
from bleio.testing.programs.output import Line
from bleio.testing.world import World

GoOn = Callable[[Callable[[], bool], float], bool]


class Wanted(NamedTuple):
    """A text that is in some line of a device's output; of any device's, if it is None."""

    device: str | None
    text: str

    def __str__(self) -> str:
        """As it can be typed."""
        return self.text if self.device is None else f"{self.device}: {self.text}"

    def is_in(self, device: Device, line: Line) -> bool:
        """Whether this line of that device has it."""
        return self.text in line.text and self.device in (None, device.name)


class Promise(NamedTuple):
    """Texts that are all to be printed, and texts none of which is; see `Wanted`."""

    until: tuple[Wanted, ...] = ()
    never: tuple[Wanted, ...] = ()


def read_promise(until: Iterable[str], never: Iterable[str], devices: Iterable[str]) -> Promise:
    """Read texts as they are typed: `TEXT`, or `NAME: TEXT` with the name of a device.

    Raises: ValueError for a text that is empty.
    """
    names = tuple(devices)
    return Promise(
        tuple(_wanted(text, names) for text in until), tuple(_wanted(text, names) for text in never)
    )


def _wanted(typed: str, names: tuple[str, ...]) -> Wanted:
    name, colon, text = typed.partition(":")
    wanted = Wanted(name, text.strip()) if colon and name in names else Wanted(None, typed)
    if not wanted.text:
        raise ValueError(f"{typed!r} has no text, and every line would have it")
    return wanted


class Broken(NamedTuple):
    """How a promise was broken.

    kind: the same for what may have the same cause.
    """

    kind: str
    sentence: str


class ListeningWorld(World):
    """A world that knows whether a promise is kept."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._missing: list[Wanted] = []
        self._never: tuple[Wanted, ...] = ()
        self._broken: Broken | None = None

    def keep(self, promise: Promise, for_s: float, go_on: GoOn | None = None) -> Broken | None:
        """Run to the end that `promise` has, or for some time. Raises: as `run`.

        Args: go_on: lets the world go on in place of `World.go_on`, and may take its time.
        """
        self._missing, self._never = list(promise.until), promise.never
        self._broken = None
        done = self._is_over if promise.until else self._is_over_or_ended
        try:
            (go_on or self.go_on)(done, for_s)
        except Stalled as stalled:
            if not self._missing:
                raise
            return self._too_late(f". {stalled}")
        if self._broken is None and self._missing:
            return self._too_late(f" within {time_text(for_s)}")
        return self._broken

    def _printed(self, device: Device, line: Line) -> None:
        """See `DeviceOwner`."""
        super()._printed(device, line)
        if self._broken is None and (self._missing or self._never):
            self._listen(device, line)

    def _listen(self, device: Device, line: Line) -> None:
        self._missing = [each for each in self._missing if not each.is_in(device, line)]
        for each in self._never:
            if each.is_in(device, line):
                when = time_text(line.time_s)
                self._broken = Broken(
                    f"never {each}", f"{device.name} printed {line.text!r} at {when}"
                )
        if self._is_over():
            self.clock.announce()

    def _is_over(self) -> bool:
        return self._broken is not None or not self._missing or self.all_ended()

    def _is_over_or_ended(self) -> bool:
        return self._broken is not None or self.all_ended()

    def _too_late(self, how: str) -> Broken:
        first = self._missing[0]
        if self.all_ended():
            how = ", and all programs have ended"
        what = "No program printed" if first.device is None else f"{first.device} did not print"
        return Broken(f"until {first}", f"{what} {first.text!r}{how}")
