"""`digitalio`: pins that are high or low."""

from __future__ import annotations

from bleio.board.pins import Claim, Pin


class _Choice:
    """One value of a set that CircuitPython compares by identity."""

    def __init__(self, of: str, name: str) -> None:
        self._text = f"digitalio.{of}.{name}"

    def __repr__(self) -> str:
        return self._text


class Direction:
    """Which way a pin is used."""

    INPUT = _Choice("Direction", "INPUT")
    OUTPUT = _Choice("Direction", "OUTPUT")


class Pull:
    """Which way a resistor in the chip pulls an input."""

    UP = _Choice("Pull", "UP")
    DOWN = _Choice("Pull", "DOWN")


class DriveMode:
    """Whether an output drives both levels, or the low one alone."""

    PUSH_PULL = _Choice("DriveMode", "PUSH_PULL")
    OPEN_DRAIN = _Choice("DriveMode", "OPEN_DRAIN")


_PULLS = {Pull.UP: True, Pull.DOWN: False, None: None}


class DigitalInOut(Claim):
    """A pin that the program reads or drives. It begins as an input without a pull."""

    def __init__(self, pin: Pin) -> None:
        super().__init__(pin)
        self._level: bool | None = None  # that of an output
        self._open_drain = False
        self._pull: _Choice | None = None

    def switch_to_output(
        self, value: bool = False, drive_mode: _Choice = DriveMode.PUSH_PULL
    ) -> None:
        """Drive the pin."""
        self._check()
        self._level, self._pull = bool(value), None
        self._open_drain = _is_open_drain(drive_mode)
        self._apply()

    def switch_to_input(self, pull: _Choice | None = None) -> None:
        """Read the pin."""
        self._check()
        _check_pull(pull)
        self._level, self._pull = None, pull
        self._apply()

    @property
    def direction(self) -> _Choice:
        """Which way it is used; rw."""
        self._check()
        return Direction.INPUT if self._level is None else Direction.OUTPUT

    @direction.setter
    def direction(self, direction: _Choice) -> None:
        if direction is Direction.INPUT:
            self.switch_to_input()
        elif direction is Direction.OUTPUT:
            self.switch_to_output()
        else:
            raise ValueError("Invalid direction.")

    @property
    def value(self) -> bool:
        """The level; rw for an output. A look at it takes time, as any look does in a world."""
        pin = self._pin()
        if self._level is not None and not self._open_drain:
            return self._level
        pin.board.look()
        return pin.value

    @value.setter
    def value(self, value: bool) -> None:
        self._check()
        if self._level is None:
            raise AttributeError("Cannot set value when direction is input.")
        self._level = bool(value)
        self._apply()

    @property
    def pull(self) -> _Choice | None:
        """Which way an input is pulled; rw."""
        self._check()
        if self._level is not None:
            raise AttributeError("Pull not used when direction is output.")
        return self._pull

    @pull.setter
    def pull(self, pull: _Choice | None) -> None:
        self._check()
        if self._level is not None:
            raise AttributeError("Pull not used when direction is output.")
        _check_pull(pull)
        self._pull = pull
        self._apply()

    @property
    def drive_mode(self) -> _Choice:
        """How an output drives; rw."""
        self._check()
        if self._level is None:
            raise AttributeError("Drive mode not used when direction is input.")
        return DriveMode.OPEN_DRAIN if self._open_drain else DriveMode.PUSH_PULL

    @drive_mode.setter
    def drive_mode(self, drive_mode: _Choice) -> None:
        self._check()
        if self._level is None:
            raise AttributeError("Drive mode not used when direction is input.")
        self._open_drain = _is_open_drain(drive_mode)
        self._apply()

    def _apply(self) -> None:
        drives = not (self._level and self._open_drain)  # high, it lets go of the pin
        self._pin().configure(self._level if drives else None, _PULLS[self._pull])


def _check_pull(pull: _Choice | None) -> None:
    if pull not in _PULLS:
        raise ValueError("Invalid pull.")


def _is_open_drain(drive_mode: _Choice) -> bool:
    if drive_mode not in (DriveMode.PUSH_PULL, DriveMode.OPEN_DRAIN):
        raise ValueError("Invalid drive mode.")
    return drive_mode is DriveMode.OPEN_DRAIN


def neopixel_write(digitalinout: DigitalInOut, buf: bytes | bytearray) -> None:
    """Send octets to the strip of pixels on a pin, as module `neopixel_write` does."""
    if not isinstance(digitalinout, DigitalInOut):
        raise TypeError(
            f"digitalinout must be of type DigitalInOut, not {type(digitalinout).__name__}"
        )
    digitalinout._pin().write_strip(bytes(buf))
