"""The devices of a world, by name, and what they tell."""

from __future__ import annotations

from collections.abc import Callable
from operator import itemgetter
from typing import Protocol

from bleio.decoding.octets import printable
from bleio.testing.air.adapters import address_of
from bleio.testing.air.deviceradio import DeviceRadio
from bleio.testing.device import Device
from bleio.testing.errors import NoSuchDevice
from bleio.testing.naming import suggestion
from bleio.testing.programs.output import Line


class Roster(dict[str, Device]):
    """Devices by name, in the order in which they were added."""

    def __missing__(self, name: object) -> Device:
        raise NoSuchDevice(f"There is no device {name!r}{suggestion(str(name), self)}")

    def device(self, named: Device | str) -> Device:
        """Return a device that was given as itself or by its name.

        Raises: KeyError; ValueError for one of another world; TypeError.
        """
        if isinstance(named, str):
            return self[named]
        if not isinstance(named, Device):
            raise TypeError(f"A device is given as itself or by its name, not as {named!r}")
        if self.get(named.name) is not named:
            raise ValueError(f"{named!r} belongs to another world")
        return named

    def check_name(self, name: str | None, default: str) -> str:
        """Return the name of a new device: as it was asked for, or a free one like the default.

        The default may be the name of a file, which may have any characters.

        Raises: ValueError if it is taken or cannot be shown; TypeError.
        """
        if name is None:
            default = printable(default)
            number, name = 1, default
            while name in self:
                number += 1
                name = f"{default}-{number}"
        elif not isinstance(name, str):
            raise TypeError(f"A device's name is a text, not {name!r}")
        elif not name.strip() or not name.isprintable():
            raise ValueError(f"A device's name can be printed in a line; {name!r} cannot")
        elif name in self:
            raise ValueError(f"There is a device {name!r} already")
        return name

    def running(self) -> list[str]:
        """Return the names of those whose programs run or are about to be started."""
        return [name for name, device in self.items() if device.running]

    def whereabouts(self) -> str:
        """Say where each of their programs is, one device a line."""
        return "\n".join(f"  {name} {device.where}" for name, device in self.items())

    def radios(self) -> list[DeviceRadio]:
        """Return what they have on the air."""
        return [device.radio for device in self.values()]

    def named(self, text: str) -> str:
        """Return a text with their names in place of their addresses."""
        for name, device in self.items():
            backend = device.radio.backend
            address = address_of(name) if backend is None else backend.address
            text = text.replace(str(address), name)
        return text

    def output(self, without_failure_of: str | None = None) -> str:
        """Return what all of them printed, in order of time.

        Args: without_failure_of: the device whose traceback is told elsewhere.
        """
        return "".join(f"{text}\n" for _, text in self.lines(without_failure_of))

    def lines(self, without_failure_of: str | None = None) -> list[tuple[int, str]]:
        """Return the lines of `output`, with their times in microseconds, in order."""
        lines = [
            (round(line.time_s * 1e6), tagged(device, line))
            for device in self.values()
            for line in (
                device.output.lines_without_failures()
                if device.name == without_failure_of
                else device.output.lines
            )
        ]
        lines.sort(key=itemgetter(0))  # lines of one moment stay in the order of devices
        return lines

    def counted(self) -> str:
        """Return what they have dropped, refused or found wrong, as text, one device a line."""
        lines = []
        for name, device in self.items():
            counted = [f"{what} {number}" for what, number in device.counters.items() if number]
            if counted:
                lines.append(f"{name}: {', '.join(counted)}\n")
        return "".join(lines)


class Stream(Protocol):
    """Where lines of text go, such as a file."""

    def write(self, text: str, /) -> object:
        """Take text."""

    def flush(self) -> object:
        """Let others see it."""


class Echo:
    """Shows what devices print while they do.

    Args: stream: where to; None is nowhere. text_of: what to show of a line. at_once: somebody may
        be watching.
    Attributes: error: why the stream can be written no more.
    """

    def __init__(
        self, stream: Stream | None, text_of: Callable[[Device, Line], str], *, at_once: bool
    ) -> None:
        self.error: OSError | None = None
        self._text_of = text_of
        self._stream = stream
        self._at_once = at_once

    def show(self, device: Device, line: Line) -> bool:
        """Show a line. Returns: whether it could be."""
        if self._stream is None:
            return True
        try:
            self._stream.write(f"{self._text_of(device, line)}\n")
            if self._at_once:
                self._stream.flush()
        except OSError as error:  # of the one that runs the world, not of the device
            self._stream, self.error = None, error
        return self.error is None


def tagged(device: Device, line: Line) -> str:
    """Return a line with its time and its device, for people."""
    return f"[{line.time_s:12.6f} {device.name}] {line.text}"
