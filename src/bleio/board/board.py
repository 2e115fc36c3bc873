"""The board as a test sees it: `device.board`."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Callable

from bleio.board.buses import I2CBus, SPIBus
from bleio.board.memory import Memory
from bleio.board.pins import Colour, Pin
from bleio.board.sensors import Accelerometer
from bleio.board.serial import SerialLine
from bleio.board.sound import Sound
from bleio.board.usb import Usb

_TICKS = 1 << 29  # milliseconds after which ticks_ms begins again
_FIRST_TICK = _TICKS - 65_000  # a board's begin shortly before, so that programs meet it early
NVM_OCTETS = 256

# What boards with Bluetooth call their pins, taken together: Circuit Playground Bluefruit, CLUE,
# Feather nRF52840 Express and Sense, ItsyBitsy nRF52840.
_NAMES = (
    *(f"D{number}" for number in range(22)),
    *(f"A{number}" for number in range(10)),
    *("SDA", "SCL", "MOSI", "MISO", "SCK", "TX", "RX", "SDA1", "SCL1"),
    *("ACCELEROMETER_SDA", "ACCELEROMETER_SCL", "ACCELEROMETER_INTERRUPT"),
    *("BUTTON_A", "BUTTON_B", "BUTTON", "SWITCH", "SLIDE_SWITCH"),
    *("NEOPIXEL", "SPEAKER", "SPEAKER_ENABLE", "MICROPHONE_CLOCK", "MICROPHONE_DATA"),
    *("LIGHT", "TEMPERATURE", "VOLTAGE_MONITOR", "BATTERY", "WHITE_LEDS", "BLUE_LED"),
)
_OTHER_NAMES = {"LED": "D13", "RED_LED": "D13", "L": "D13"}
# What is measured before a test says otherwise: 25 degrees, by a thermistor and its resistor, and a
# battery of 3.7 V, of which boards measure half.
_RESTING_V = {"TEMPERATURE": 1.65, "VOLTAGE_MONITOR": 1.85, "BATTERY": 1.85}

PIN_NAMES = (*_NAMES, *_OTHER_NAMES)


def _nothing() -> None:
    """Time passes by itself."""


class Board:
    """A pretend board; its pins are attributes, such as `D5` and `BUTTON_A`.

    Args: now_us: the time. look: what a look at a pin costs; in real time nothing.
        name: of the device, for what is unique to it.
    Thread: that of the test while the world stands still, or a program of the world.
    """

    # A name that is misspelt where a test sets it is an error.
    __slots__ = (
        "_pins",
        "accelerometer",
        "i2c",
        "look",
        "now_us",
        "nvm",
        "sound",
        "spi",
        "temperature_c",
        "uart",
        "uid",
        "usb",
    )

    def __init__(
        self, now_us: Callable[[], int], look: Callable[[], object] = _nothing, name: str = ""
    ) -> None:
        self.now_us = now_us
        self.look = look
        self._pins: dict[str, Pin] = {}  # made when asked for: most programs use none or few
        self.usb = Usb(self)
        """What a computer at its USB port sees."""
        self.i2c = I2CBus()
        """What hangs on its I2C buses, by address."""
        self.spi = SPIBus()
        """What is on its SPI bus."""
        self.uart = SerialLine()
        """The other end of its serial line."""
        self.sound = Sound(now_us)
        """What its speaker plays and its microphone hears."""
        self.accelerometer = Accelerometer()
        """The one on a Circuit Playground; `acceleration` is in m/s²."""
        self.i2c[Accelerometer.ADDRESS] = self.accelerometer
        self.nvm = Memory(b"\xff" * NVM_OCTETS)
        """Its `microcontroller.nvm`, which outlasts power cycles."""
        self.temperature_c = 25.0
        """That of its chip, for `microcontroller.cpu.temperature`; rw."""
        self.uid = hashlib.sha256(name.encode(errors="surrogateescape")).digest()[:8]

    def __getattr__(self, name: str) -> Pin:
        if name.startswith("_"):
            raise AttributeError(name)
        own = _OTHER_NAMES.get(name, name)
        if own not in self._pins:
            if own not in _NAMES:
                raise AttributeError(f"This board has no pin {name}{_near(name)}")
            self._pins[own] = Pin(self, own)
            self._pins[own].voltage = _RESTING_V.get(own, 0.0)
        return self._pins[own]

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *PIN_NAMES]

    @property
    def pixels(self) -> list[Colour]:
        """The colours of its strip as they shine; of several strips that on pin NEOPIXEL.

        Empty if nothing was shown yet. See `Pin.pixels` for a strip on another pin.
        """
        if strip := self.NEOPIXEL.pixels:
            return strip
        strips = [pin.pixels for pin in self._pins.values() if pin.pixels]
        return strips[0] if strips else []

    def ticks_ms(self, moment_us: int | None = None) -> int:
        """Return a time, now by default, as `supervisor.ticks_ms` has it."""
        now_us = self.now_us() if moment_us is None else moment_us
        return (_FIRST_TICK + now_us // 1000) % _TICKS

    def reset(self) -> None:
        """Let go of all that the program had claimed, as at the loss of power."""
        for pin in self._pins.values():
            pin.reset()
        self.i2c.reset()
        self.spi.reset()
        self.sound.stop()


def _near(name: str) -> str:
    near = difflib.get_close_matches(name.upper(), PIN_NAMES, n=3)
    return f"; did you mean {' or '.join(near)}?" if near else ""
