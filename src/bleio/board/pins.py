"""One pin, from both sides: the program's, which claims and drives it, and the world's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from bleio.board.board import Board

SUPPLY_V = 3.3
FULL_SCALE = 0xFFFF
DEINITED = "Object has been deinitialized and can no longer be used. Create a new object."
_COLOURS = "RGBW"

Colour = tuple[int, ...]


class Watcher(Protocol):
    """What is told of each change of a pin's level, such as a `keypad.Keys`."""

    def level_changed(self, pin: Pin) -> None:
        """Take note: `pin.value` is another one."""
        ...


class Pin:
    """One pin of a pretend board.

    A test presses and measures here; the program has the same object as `board.D5`. Without a
    program that uses it, and before one does, it can be set all the same.
    """

    # A name that is misspelt where a test sets it is an error.
    __slots__ = (
        "_analog",
        "_board",
        "_driven",
        "_output",
        "_pixel_order",
        "_pressed",
        "_pull",
        "_strip",
        "_touched",
        "_use",
        "_watchers",
        "duty_cycle",
        "frequency_hz",
        "name",
    )

    def __init__(self, board: Board, name: str) -> None:
        self.name = name
        self._pixel_order = "GRB"
        self.duty_cycle = 0
        """Of its PWM output, 0 to 65535."""
        self.frequency_hz = 0
        """Of its PWM output."""
        self._board = board
        self._use = ""
        self._strip = b""
        self._pull: bool | None = None
        self._output: bool | None = None
        self._driven: bool | None = None
        self._pressed = False
        self._touched = False
        self._analog = 0
        self._watchers: list[Watcher] = []

    def __repr__(self) -> str:
        """As CircuitPython has it: `board.D5`."""
        return f"board.{self.name}"

    # The world's side

    def press(self) -> None:
        """Press the button between this pin and whatever its pull resistor pulls away from.

        The program reads False on a pin with a pull-up, True with a pull-down or no pull at all.
        """
        self._change(pressed=True)

    def release(self) -> None:
        """Release the button."""
        self._change(pressed=False)

    @property
    def pressed(self) -> bool:
        """Whether the button on this pin is pressed."""
        return self._pressed

    def drive(self, level: bool | None) -> None:
        """Put a level on this pin from outside, such as that of a switch; None lets go of it."""
        before = self.value
        self._driven = None if level is None else bool(level)
        self._tell(before)

    @property
    def value(self) -> bool:
        """The level that is on the pin: what the program drives, or what is put on it."""
        if self._output is not None:
            return self._output
        if self._driven is not None:
            return self._driven
        if self._pressed:
            return not self._pull
        return bool(self._pull)

    @property
    def analog(self) -> int:
        """What an AnalogIn reads here, or an AnalogOut has put out: 0 to 65535; rw."""
        return self._analog

    @analog.setter
    def analog(self, value: int) -> None:
        if not 0 <= value <= FULL_SCALE:
            raise ValueError(f"analog must be 0 to {FULL_SCALE}, not {value}")
        self._analog = int(value)

    @property
    def voltage(self) -> float:
        """The same in volts, of 3.3; rw."""
        return self._analog / FULL_SCALE * SUPPLY_V

    @voltage.setter
    def voltage(self, volts: float) -> None:
        if not 0 <= volts <= SUPPLY_V:
            raise ValueError(f"voltage must be 0 to {SUPPLY_V} V, not {volts}")
        self._analog = round(volts / SUPPLY_V * FULL_SCALE)

    @property
    def touched(self) -> bool:
        """Whether a finger is on it, for `touchio`; rw."""
        return self._touched

    @touched.setter
    def touched(self, touched: bool) -> None:
        self._touched = bool(touched)

    @property
    def pixel_order(self) -> str:
        """How the colours of a strip on this pin are ordered on the wire; rw. Such as GRBW."""
        return self._pixel_order

    @pixel_order.setter
    def pixel_order(self, order: str) -> None:
        if sorted(str(order)) not in (sorted("RGB"), sorted("RGBW")):
            raise ValueError(
                "pixel_order must have R, G, B and maybe W once, such as GRB or GRBW,"
                f" not {order!r}"
            )
        self._pixel_order = order

    @property
    def pixels(self) -> list[Colour]:
        """The colours of the strip on this pin as they shine: (red, green, blue) or with white.

        The strip's brightness is in them. Empty if none was ever written.
        """
        places = [self.pixel_order.index(colour) for colour in _COLOURS[: len(self.pixel_order)]]
        strip, size = self._strip, len(places)
        return [
            tuple(strip[start + place] for place in places)
            for start in range(0, len(strip) - size + 1, size)
        ]

    # The program's side, for the modules of this package

    @property
    def board(self) -> Board:
        """The board that it is on."""
        return self._board

    def claim(self, use: str) -> None:
        """Take it for one object of the program. Raises: ValueError if another has it."""
        if self._use:
            raise ValueError(f"{self.name} in use")
        self._use = use

    def free(self) -> None:
        """Let go of it: it is an input without a pull, as after a reset."""
        self._use = ""
        self.duty_cycle = self.frequency_hz = 0
        self.configure(None, None)

    def reset(self) -> None:
        """Power went: no object of the program has it any more, and its strip is dark."""
        self._watchers.clear()
        self._strip = b""
        self.free()

    def configure(self, output: bool | None, pull: bool | None) -> None:
        """Let the program drive `output`, or read with a `pull` up (True), down or none."""
        before = self.value
        self._output, self._pull = output, pull
        self._tell(before)

    def write_strip(self, octets: bytes) -> None:
        """Take what goes to a strip of pixels."""
        self._strip = octets

    def watch(self, watcher: Watcher) -> None:
        """Tell `watcher` of changes from now on."""
        self._watchers.append(watcher)

    def unwatch(self, watcher: Watcher) -> None:
        """Tell it no more."""
        self._watchers.remove(watcher)

    def _change(self, *, pressed: bool) -> None:
        before = self.value
        self._pressed = pressed
        self._tell(before)

    def _tell(self, before: bool) -> None:
        if self.value != before:
            for watcher in self._watchers:
                watcher.level_changed(self)


class Claim:
    """What an object of the program has of pins: claimed when it is made, until `deinit`."""

    def __init__(self, *pins: Pin | None) -> None:
        self._pins: list[Pin] = []
        try:
            for pin in pins:
                if pin is not None:
                    as_pin(pin).claim(type(self).__name__)
                    self._pins.append(pin)
        except BaseException:
            self.deinit()
            raise
        self.ended = False

    def deinit(self) -> None:
        """Free the pins; a second time does nothing."""
        for pin in self._pins:
            pin.free()
        self._pins.clear()
        self.ended = True

    def __enter__(self):  # type: ignore[no-untyped-def]
        return self

    def __exit__(self, *error: object) -> None:
        self.deinit()

    def _pin(self) -> Pin:
        """Return the pin, for one more use. Raises: ValueError after `deinit`."""
        self._check()
        return self._pins[0]

    def _check(self) -> None:
        if self.ended:
            raise ValueError(DEINITED)


def as_pin(value: object) -> Pin:
    """Return it. Raises: TypeError if it is none."""
    if not isinstance(value, Pin):
        raise TypeError(f"pin must be of type Pin, not {type(value).__name__}")
    return value
