"""`analogio`, `pwmio` and `touchio`: pins with more than two values."""

from __future__ import annotations

from bleio.board.pins import FULL_SCALE, SUPPLY_V, Claim, Pin

_TOUCH_THRESHOLD, _NOT_TOUCHED, _TOUCHED = 3000, 1000, 4000


class AnalogIn(Claim):
    """A pin whose voltage the program reads; a test sets it as the pin's `analog` or `voltage`."""

    def __init__(self, pin: Pin) -> None:
        super().__init__(pin)

    @property
    def value(self) -> int:
        """The voltage, 0 to 65535 of `reference_voltage`."""
        pin = self._pin()
        pin.board.look()
        return pin.analog

    @property
    def reference_voltage(self) -> float:
        """In volts."""
        self._check()
        return SUPPLY_V


class AnalogOut(Claim):
    """A pin whose voltage the program sets; a test reads it as the pin's `analog` or `voltage`."""

    def __init__(self, pin: Pin) -> None:
        super().__init__(pin)

    def _set(self, value: int) -> None:
        self._pin().analog = value

    value = property(None, _set, doc="The voltage, 0 to 65535 of 3.3 V; write-only.")


class PWMOut(Claim):
    """A pin with pulses; a test reads its `duty_cycle` and `frequency_hz`."""

    def __init__(
        self,
        pin: Pin,
        *,
        duty_cycle: int = 0,
        frequency: int = 500,
        variable_frequency: bool = False,
    ) -> None:
        super().__init__(pin)
        self._variable = variable_frequency
        pin.frequency_hz = _positive(frequency)
        self.duty_cycle = duty_cycle

    @property
    def duty_cycle(self) -> int:
        """How much of the time it is high, 0 to 65535; rw."""
        return self._pin().duty_cycle

    @duty_cycle.setter
    def duty_cycle(self, duty_cycle: int) -> None:
        if not 0 <= duty_cycle <= FULL_SCALE:
            raise ValueError(f"duty_cycle must be 0-{FULL_SCALE}")
        self._pin().duty_cycle = duty_cycle

    @property
    def frequency(self) -> int:
        """Pulses a second; rw if it was made with `variable_frequency`."""
        return self._pin().frequency_hz

    @frequency.setter
    def frequency(self, frequency: int) -> None:
        if not self._variable:
            raise AttributeError(
                "PWM frequency not writable when variable_frequency is False on construction."
            )
        self._pin().frequency_hz = _positive(frequency)


def _positive(frequency: int) -> int:
    if frequency <= 0:
        raise ValueError("Invalid PWM frequency")
    return frequency


class TouchIn(Claim):
    """A pin that feels a finger; a test sets the pin's `touched`."""

    def __init__(self, pin: Pin) -> None:
        super().__init__(pin)
        self.threshold = _TOUCH_THRESHOLD
        """The `raw_value` above which it is touched; rw."""

    @property
    def raw_value(self) -> int:
        """What is measured: 1000 without a finger, 4000 with one."""
        pin = self._pin()
        pin.board.look()
        return _TOUCHED if pin.touched else _NOT_TOUCHED

    @property
    def value(self) -> bool:
        """Whether it is touched."""
        return self.raw_value > self.threshold
